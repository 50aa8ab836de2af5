"""A stream of bytes to one client, with as little between the bytes and the socket as HTTP allows.

Problem: a task group, a ping task and a lock for each client cost more than the delivery itself once there are a
thousand of them. Choice: what is sent is already joined and signs of life come with it, so two tasks are enough: one
that sends and one that hears the client leave; who must not go on is found by one look at all (`open_streams`).
Invariant: what waits for a client is never more than one piece and the transport's own buffer.
"""

import asyncio
from collections.abc import AsyncGenerator

import structlog
from sse_starlette.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from controller.events.open_streams import OpenStreams
from pipeline.concurrency.cancellation import ended

_log = structlog.get_logger(__name__)


class EventStream(EventSourceResponse):
    """Sends pieces until they end, the client leaves, or `end` is called."""

    def __init__(self, pieces: AsyncGenerator[bytes], *, streams: OpenStreams, tenant: str, token_hash: str) -> None:
        super().__init__(pieces)
        self.tenant = tenant
        self.token_hash = token_hash
        self.giving_since: float | None = None
        self._pieces = pieces
        self._streams = streams
        self._over = asyncio.Event()
        self._complete = False
        self._cause = ""

    def end(self, cause: str) -> None:
        """See `OpenStream`."""
        self._cause = cause
        self._over.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class. What fails before the first piece is answered as an error."""
        first = await anext(self._pieces, b"")
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._streams.opened(self):
            await self._serve(receive, send, first)
        # Whoever takes nothing cannot be told that it is over either; the server closes the connection.
        if self._over.is_set():
            _log.info("stream_ended", path=scope["path"], cause=self._cause)
            if not self._complete and self.giving_since is None:
                await self._finish(send)

    async def _serve(self, receive: Receive, send: Send, first: bytes) -> None:
        sending = asyncio.create_task(self._send(send, first))
        others = [asyncio.create_task(_left(receive)), asyncio.create_task(self._told_to_end())]
        try:
            await asyncio.wait([sending, *others], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await ended(sending, *others)
            await self._pieces.aclose()

    async def _told_to_end(self) -> None:
        await self._over.wait()

    async def _send(self, send: Send, first: bytes) -> None:
        await self._give(send, first)
        async for wire in self._pieces:
            await self._give(send, wire)
        await self._finish(send)

    async def _give(self, send: Send, wire: bytes) -> None:
        # A timeout of its own for each piece would cost as much as the piece.
        self.giving_since = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": wire, "more_body": True})
        self.giving_since = None

    async def _finish(self, send: Send) -> None:
        self._complete = True
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
