"""The bell over Redis publish and subscribe, and the bell that falls back to PostgreSQL while Redis is away.

Problem: Redis wakes listeners sooner and without touching the database, but it may be flushed, restarted or absent at any
moment. Choice: publish and subscribe only (nothing is stored in Redis at all); ring PostgreSQL whenever a publish fails,
and hear both. Text that streams (`RedisDeltas`) goes the same way without any second one. Invariant: stopping Redis loses
nothing but the shorter wait and what nobody keeps.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.errors import TransientError
from pipeline.ports import TenantBell

_PREFIX = "changeline:bell:"
_DELTA_PREFIX = "changeline:delta:"
"""One channel per tenant."""
_TIMEOUT_S = 1.0
_ALIVE_CHECK_S = 5.0
_AWAY_S = 5.0


class RedisBell:
    """Implements `pipeline.ports.TenantBell` on Redis alone. Raises `TransientError` when Redis does not answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = _open(url)

    async def ring(self, tenant: str, topic: str) -> None:
        """Wake the listeners of `topic` in one tenant."""
        try:
            await self._redis.publish(f"{_PREFIX}{tenant}/{topic}", b"")
        except (RedisError, OSError, TimeoutError) as error:
            raise TransientError("Redis did not answer.") from error

    async def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (tenant, topic) as they ring; ends when Redis is away or does not answer a ping."""
        client = _open(self._url)
        listener = client.pubsub(ignore_subscribe_messages=True)
        try:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.psubscribe(f"{_PREFIX}*")
                while True:
                    message = await listener.get_message(timeout=_ALIVE_CHECK_S)
                    if message is None:
                        await client.ping()
                    elif message["type"] == "pmessage":
                        tenant, _, topic = message["channel"].decode().removeprefix(_PREFIX).partition("/")
                        yield tenant, topic
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                await client.aclose()

    async def close(self) -> None:
        """Close the ringing connection."""
        with suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()


class FallbackBell:
    """Rings the first bell, or the second while the first is away; hears both."""

    def __init__(self, first: TenantBell, second: TenantBell, *, now: Callable[[], float] = monotonic) -> None:
        self._first = first
        self._second = second
        self._now = now
        self._away_until = 0.0

    async def ring(self, tenant: str, topic: str) -> None:
        """Wake the listeners of `topic`; a first bell that failed is left alone for a few seconds."""
        if self._now() >= self._away_until:
            try:
                await self._first.ring(tenant, topic)
            except TransientError:
                self._away_until = self._now() + _AWAY_S
            else:
                return
        await self._second.ring(tenant, topic)

    async def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Yield what either bell rings; ends when the second, which is the database, is lost."""
        heard: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        first = asyncio.create_task(_keep_hearing(self._first, heard))
        second = asyncio.create_task(_hear(self._second, heard))
        second.add_done_callback(lambda _: heard.put_nowait(None))
        try:
            while (ring := await heard.get()) is not None:
                yield ring
        finally:
            first.cancel()
            second.cancel()
            await asyncio.gather(first, second, return_exceptions=True)

    async def close(self) -> None:
        """Close both."""
        await self._first.close()
        await self._second.close()


async def _keep_hearing(bell: TenantBell, heard: "asyncio.Queue[tuple[str, str] | None]") -> None:
    while True:
        await _hear(bell, heard)
        await asyncio.sleep(_AWAY_S)


async def _hear(bell: TenantBell, heard: "asyncio.Queue[tuple[str, str] | None]") -> None:
    async for ring in bell.listen():
        heard.put_nowait(ring)


class RedisDeltas:
    """Implements `pipeline.ports.Deltas` for one tenant."""

    def __init__(self, url: str, tenant: str) -> None:
        self._redis = _open(url)
        self._channel = f"{_DELTA_PREFIX}{tenant}"

    async def send(self, body: bytes) -> None:
        """Publish one delta. Raises `TransientError` when Redis does not answer within a second."""
        try:
            await self._redis.publish(self._channel, body)
        except (RedisError, OSError, TimeoutError) as error:
            raise TransientError("Redis did not answer.") from error

    async def close(self) -> None:
        """Close the connection."""
        with suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()


class RedisTenantDeltas:
    """Implements `pipeline.ports.TenantDeltas`."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def listen(self) -> AsyncGenerator[tuple[str, bytes] | None]:
        """See the port."""
        client = _open(self._url)
        listener = client.pubsub(ignore_subscribe_messages=True)
        try:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.psubscribe(f"{_DELTA_PREFIX}*")
                await client.ping()
                yield None
                while True:
                    message = await listener.get_message(timeout=_ALIVE_CHECK_S)
                    if message is None:
                        await client.ping()
                    elif message["type"] == "pmessage":
                        yield message["channel"].decode().removeprefix(_DELTA_PREFIX), message["data"]
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                await client.aclose()


def _open(url: str) -> "Redis":
    return Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)
