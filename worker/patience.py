"""How long a run puts up with problems that may pass, before it pauses and says so.

Problem: a remote that is away for a minute needs no person, one that is away for an hour does; and a database that is
away cannot even be told. Choice: growing waits, counted anew whenever the run has reached another checkpoint; what
outlasts them becomes the pause that the problem names. Waiting for the database ends with this worker's lease, which the
heartbeat watches. Invariant: every wait is bounded and can be cancelled.
"""

from dataclasses import dataclass

from pipeline.concurrency.back_off import BackOff
from pipeline.errors import DatabaseAway, TransientError
from pipeline.ports import Clock

AGAIN = BackOff(first_s=2.0, longest_s=60.0, factor=2.5)
PROBLEMS_MAX = 5
WISH_MAX_S = 120.0
DATABASE_AGAIN = BackOff(first_s=0.2, longest_s=10.0, factor=2.5)
OUTAGES_MAX = 65


@dataclass(slots=True)
class Patience:
    """Counts problems since the run last got on."""

    clock: Clock
    _mark: str = ""
    _problems: int = 0
    _outages: int = 0

    def got_to(self, mark: str) -> None:
        """Say where the run stands; another place than before means that it got on."""
        self._outages = 0
        if mark != self._mark:
            self._mark, self._problems = mark, 0

    async def again(self, problem: TransientError) -> bool:
        """Wait before another try; False when there were enough."""
        if isinstance(problem, DatabaseAway):
            self._outages += 1
            tried, tries_max, again = self._outages, OUTAGES_MAX, DATABASE_AGAIN
        else:
            self._problems += 1
            tried, tries_max, again = self._problems, PROBLEMS_MAX, AGAIN
        if tried > tries_max:
            return False
        await self.clock.sleep(min(problem.retry_after_s or again.pause_s(tried), WISH_MAX_S))
        return True
