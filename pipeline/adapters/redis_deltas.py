"""Text that streams, over Redis publish and subscribe: one channel per tenant, nothing stored, nobody waited for."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pipeline.errors import TransientError

_PREFIX = "changeline:delta:"
_TIMEOUT_S = 1.0
_ALIVE_CHECK_S = 5.0


class RedisDeltas:
    """Implements `pipeline.ports.Deltas` for one tenant."""

    def __init__(self, url: str, tenant: str) -> None:
        self._redis = _client(url)
        self._channel = f"{_PREFIX}{tenant}"

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
        client = _client(self._url)
        listener = client.pubsub(ignore_subscribe_messages=True)
        try:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.psubscribe(f"{_PREFIX}*")
                await client.ping()
                yield None
                while True:
                    message = await listener.get_message(timeout=_ALIVE_CHECK_S)
                    if message is None:
                        await client.ping()
                    elif message["type"] == "pmessage":
                        yield message["channel"].decode().removeprefix(_PREFIX), message["data"]
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await listener.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
                await client.aclose()


def _client(url: str) -> "Redis":
    return Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)
