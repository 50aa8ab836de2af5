"""The connection under a response: what it lets in, and how those reach it who write the same bytes to a thousand of them.

uvicorn hands an application a `send` for each request and nothing below it. Its protocol is told the connection, and
what it calls the application's state reaches every request's scope; so the connection travels there. The protocol is the
one in pure Python, also where another is installed: the framing has to be the one that `crowds` writes, and the one that
`framing` checks before the protocol reads. What does not pass, or does not arrive whole in time, is answered 400 and
nothing more is read from there.
"""

import asyncio

import h11
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from controller.background.live_streams import Line
from controller.errors import Malformed, problem_of, respond
from controller.framing import RequestFraming

_LINE = "changeline_line"
_CLOSE = (b"connection", b"close")


class OpenProtocol(H11Protocol):
    """HTTP/1.1 in one spelling, whose requests can reach their connection, and arrive whole within a time."""

    request_timeout_s = 30.0

    @classmethod
    def within(cls, request_timeout_s: float) -> "type[OpenProtocol]":
        """Return the protocol with another time for a request to arrive, head and body."""
        return type(cls.__name__, (cls,), {"request_timeout_s": request_timeout_s})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it the same way
        """See the class."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _LINE: transport}
        self._framing = RequestFraming()
        self._refusal: Malformed | None = None
        self._late: asyncio.TimerHandle | None = None
        self._expect(True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what is in order; what is not ends the connection, after the answers to what came before it."""
        if self._refusal is not None or self.transport.is_closing():
            return
        good, self._refusal = self._framing.check(data)
        if good:
            super().data_received(data[:good])
        self._refuse_when_due()
        self._expect(self._incomplete())

    def on_response_complete(self) -> None:
        """Also end a connection on which something came that cannot be read."""
        super().on_response_complete()
        self._refuse_when_due()
        self._expect(self._incomplete())

    def _incomplete(self) -> bool:
        """Whether a request has begun to arrive and is not whole."""
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        return (begun or self.conn.their_state is h11.SEND_BODY) and not self.transport.is_closing()

    def _expect(self, more: bool) -> None:
        """Start the time for a request, once, or stop it."""
        if not more and self._late is not None:
            self._late.cancel()
            self._late = None
        elif more and self._late is None:
            self._late = self.loop.call_later(self.request_timeout_s, self._give_up)

    def _give_up(self) -> None:
        self._late = None
        if not self._incomplete():
            self.transport.close()  # nothing was said yet, and an answer could be taken for that to a later request
            return
        self._refuse(
            Malformed(f"The request did not arrive within {self.request_timeout_s:g} s.", remedy="Send it again.")
        )

    def send_400_response(self, msg: str) -> None:
        """Answer what the library found wrong in the same way."""
        self._refuse(Malformed(f"This is not an HTTP request. {msg}", remedy="Send HTTP/1.1 as RFC 9112 has it."))

    def _refuse_when_due(self) -> None:
        """Refuse once everything before is answered; at once where the request under way is the one that broke off."""
        if self._refusal is not None and (self.conn.their_state is h11.SEND_BODY or not self._is_answering()):
            self._refuse(self._refusal)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, refusal: Malformed) -> None:
        if self.transport.is_closing():
            return
        if self._is_answering():
            # Whoever handles the request that broke off is told that its sender is gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            answer = respond(problem_of(refusal))
            headers = [*answer.raw_headers, (b"x-content-type-options", b"nosniff"), _CLOSE]
            parts = (
                h11.Response(status_code=answer.status_code, headers=headers, reason=b"Bad Request"),
                h11.Data(data=bytes(answer.body)), h11.EndOfMessage(),
            )  # fmt: skip
            self.transport.write(b"".join(self.conn.send(part) or b"" for part in parts))
        self.transport.close()


def line_of(request: Request) -> Line | None:
    """Return the connection of a request whose response will be chunked; None where it will not or nobody knows."""
    if request.scope["http_version"] != "1.1":
        return None
    line: Line | None = request.scope.get("state", {}).get(_LINE)
    return line
