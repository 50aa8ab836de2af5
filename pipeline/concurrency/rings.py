"""What rings for one change request, told to everyone in its worker who waits for it."""

import asyncio

from pipeline.concurrency.cancellation import until_set


class Rings:
    """One ear of a worker for many who wait. Losing a ring costs the rest of a wait, never a fact."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, at_most_s: float) -> None:
        """Return at the next ring, or after the time."""
        await until_set(self._next, at_most_s)
