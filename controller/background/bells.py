"""The bell inside the controller: what rings outside wakes loops, what happens here rings outside."""

import asyncio
from collections import defaultdict

import structlog

from pipeline.errors import TransientError
from pipeline.ports import TenantBell

_log = structlog.get_logger(__name__)


class BellHub:
    """Spreads rings to the loops of this process; a ring from within arrives even when the outer bell is away."""

    def __init__(self, bell: TenantBell) -> None:
        self._bell = bell
        self._listeners: dict[str, list[asyncio.Event]] = defaultdict(list)

    def wake_on(self, topic: str, event: asyncio.Event) -> None:
        """Set `event` whenever `topic` rings in any tenant."""
        self._listeners[topic].append(event)

    async def ring(self, tenant: str, *topics: str) -> None:
        """Wake listeners here and elsewhere, after the caller's transaction committed. A lost ring costs a poll interval."""
        for topic in topics:
            self._wake(topic)
        for topic in topics:
            try:
                await self._bell.ring(tenant, topic)
            except TransientError as away:
                _log.warning("ring_lost", topic=topic, cause=away.message)

    async def hear(self) -> None:
        """Listen until the outer bell is lost; whoever calls it calls it again."""
        async for _tenant, topic in self._bell.listen():
            self._wake(topic)
        for topic in self._listeners:
            self._wake(topic)

    async def close(self) -> None:
        """Close the outer bell."""
        await self._bell.close()

    def _wake(self, topic: str) -> None:
        for event in self._listeners.get(topic, ()):
            event.set()
