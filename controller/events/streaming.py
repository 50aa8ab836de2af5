"""A stream of bytes to one client, with as little between the bytes and the socket as HTTP allows.

Problem: a task group, a ping task and a lock for each client cost more than the delivery itself once there are a
thousand of them. Choice: what is sent is already joined and signs of life come with it, so two tasks are enough: one
that sends and one that hears the client leave. Invariant: a client that takes nothing for the given time is cut off; what
waits for it is never more than one piece and the transport's own buffer, and it resumes by `Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator

import structlog
from sse_starlette.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

_log = structlog.get_logger(__name__)


class EventStream(EventSourceResponse):
    """Sends pieces until they end, the client leaves, or it takes nothing for `stall_s`."""

    def __init__(self, pieces: AsyncGenerator[bytes], *, stall_s: float) -> None:
        super().__init__(pieces)
        self._pieces = pieces
        self._stall_s = stall_s
        self._giving_since: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class. What fails before the first piece is answered as an error."""
        first = await anext(self._pieces, b"")
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send, first))
        leaving = asyncio.create_task(_left(receive))
        try:
            while not (sending.done() or leaving.done()):
                await asyncio.wait({sending, leaving}, timeout=self._stall_s / 2, return_when=asyncio.FIRST_COMPLETED)
                if self._stalled():
                    _log.info("stream_cut", path=scope["path"])
                    return
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            await self._pieces.aclose()

    async def _send(self, send: Send, first: bytes) -> None:
        await self._give(send, first)
        async for wire in self._pieces:
            await self._give(send, wire)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _give(self, send: Send, wire: bytes) -> None:
        # A timeout of its own for each piece would cost as much as the piece.
        self._giving_since = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": wire, "more_body": True})
        self._giving_since = None

    def _stalled(self) -> bool:
        since = self._giving_since
        return since is not None and asyncio.get_running_loop().time() - since >= self._stall_s


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
