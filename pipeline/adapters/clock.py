"""The machine's clocks behind the `Clock` port."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements `pipeline.ports.Clock`."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
