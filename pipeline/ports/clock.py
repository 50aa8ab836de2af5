"""Time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for durations and leases."""

    def now(self) -> datetime:
        """Return the present moment, timezone-aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow; unaffected by changes of the wall clock."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the fake returns when its time is advanced."""
