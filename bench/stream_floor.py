"""The floor of a live view: what Redis publishes, whole frames, goes to every open socket, joined for as long as the product joins.

No database, no tenants, no replay, no HTTP library: the least that could carry the same bytes at the same pace.
"""

import asyncio
import contextlib
import resource
import sys

from bench.bare_redis import BareRedis

CHANNEL = b"changeline-bench-floor"
JOIN_PER_STREAM_S = 0.000_1
JOIN_MAX_S = 0.1
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


class _Peer(asyncio.Protocol):
    def __init__(self, peers: "set[asyncio.WriteTransport]") -> None:
        self._peers = peers
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(_HEAD)
            self._peers.add(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._transport is not None:
            self._peers.discard(self._transport)


async def _serve(redis_url: str) -> None:
    peers: set[asyncio.WriteTransport] = set()
    waiting: list[bytes] = []
    fresh = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(lambda: _Peer(peers), "127.0.0.1", 0, backlog=2048)
    messages = (await BareRedis.open(redis_url)).messages(CHANNEL)
    await anext(messages)

    async def hear() -> None:
        async for body in messages:
            waiting.append(body)
            fresh.set()

    hearing = asyncio.create_task(hear())
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    while not hearing.done():
        await fresh.wait()
        fresh.clear()
        joined = b"".join(waiting)
        waiting.clear()
        for peer in peers:
            peer.write(joined)
        await asyncio.sleep(min(JOIN_MAX_S, len(peers) * JOIN_PER_STREAM_S))


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.stdin.readline().strip()))
