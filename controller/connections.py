"""The connection under a response, for those who write the same bytes to a thousand of them.

uvicorn hands an application a `send` for each request and nothing below it. Its protocol is told the connection, and
what it calls the application's state reaches every request's scope; so the connection travels there. The protocol is the
one in pure Python, also where another is installed: the framing has to be the one that `crowds` writes.
"""

import asyncio

from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from controller.background.crowds import Line

_LINE = "changeline_line"


class OpenProtocol(H11Protocol):
    """HTTP/1.1 whose requests can reach their connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it the same way
        """See the class."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _LINE: transport}


def line_of(request: Request) -> Line | None:
    """Return the connection of a request whose response will be chunked; None where it will not or nobody knows."""
    if request.scope["http_version"] != "1.1":
        return None
    line: Line | None = request.scope.get("state", {}).get(_LINE)
    return line
