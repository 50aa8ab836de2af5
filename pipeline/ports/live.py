"""What wakes and what is watched live: none of it is kept."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeAlias

Emit: TypeAlias = Callable[[Any], Awaitable[None]]
"""Appends one `pipeline.events.Event`, in a short transaction of its own."""


class Bell(Protocol):
    """Wakes processes that wait for a row. Losing a ring costs at most a poll interval, never a fact."""

    async def ring(self, topic: str) -> None:
        """Wake the listeners of `topic` in this tenant: `events`, `queue`, `effects`, or `cr:<id>`."""

    def listen(self) -> AsyncIterator[str]:
        """Yield topics as they ring; ends when the connection is lost."""


class TenantBell(Protocol):
    """The bell of a process that serves every tenant. The same promise as `Bell`."""

    async def ring(self, tenant: str, topic: str) -> None:
        """Wake the listeners of `topic` in one tenant."""

    def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (tenant, topic) as they ring; ends when the connection is lost."""

    async def close(self) -> None:
        """Give back what ringing holds open."""


class Deltas(Protocol):
    """Carries text that streams to whoever watches now. Nothing is kept anywhere; most of what it does may be lost."""

    async def send(self, body: bytes) -> None:
        """Hand over one delta, JSON of at most `DELTA_MAX_BYTES`. Raises `TransientError` when nobody can be reached."""

    async def close(self) -> None:
        """Give back what sending holds open."""


class TenantDeltas(Protocol):
    """The other end, in a process that serves every tenant."""

    def listen(self) -> AsyncGenerator[tuple[str, bytes] | None]:
        """Yield (tenant, delta) as they come, None once it hears; ends when the connection is lost."""


DELTA_MAX_BYTES = 7_000
"""What fits into one notification of PostgreSQL, with room for the tenant's name."""
