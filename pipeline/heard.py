"""What rings for one change request, told to everyone in its worker who waits for it."""

import asyncio


class Heard:
    """One ear of a worker for many who wait. Losing a ring costs the rest of a wait, never a fact."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, at_most_s: float) -> None:
        """Return at the next ring, or after the time."""
        try:
            await asyncio.wait_for(self._next.wait(), at_most_s)
        except TimeoutError:
            return
