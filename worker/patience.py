"""How long a run puts up with problems that may pass, before it pauses and says so.

Problem: a remote that is away for a minute needs no person, one that is away for an hour does; and a database that is
away cannot even be told. Choice: growing waits, counted anew whenever the run has reached another checkpoint; what
outlasts them becomes the pause that the problem names. Waiting for the database ends with this worker's lease, which the
heartbeat watches. Invariant: every wait is bounded and can be cancelled.
"""

from dataclasses import dataclass

from pipeline.errors import DatabaseAway, TransientError
from pipeline.ports import Clock

AGAIN_S = (2.0, 5.0, 15.0, 30.0, 60.0)
WISH_MAX_S = 120.0
DATABASE_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0, *([10.0] * 60))


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
        waits = DATABASE_AGAIN_S if isinstance(problem, DatabaseAway) else AGAIN_S
        spent = self._outages if isinstance(problem, DatabaseAway) else self._problems
        if spent >= len(waits):
            return False
        if isinstance(problem, DatabaseAway):
            self._outages += 1
        else:
            self._problems += 1
        await self.clock.sleep(min(problem.retry_after_s or waits[spent], WISH_MAX_S))
        return True
