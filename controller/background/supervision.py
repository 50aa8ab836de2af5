"""Background loops that outlive their own failures.

Problem: a loop that dies silently leaves a controller that answers requests and does nothing. Choice: each loop is a tick
that is called on a bell or at an interval; one broad handler logs a failing tick (what is only away once, for all loops),
waits longer each time and goes on; readiness reports loops that keep failing. Several controllers may run the same loops:
every tick is safe beside others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic

import structlog

from controller.outages import Outages
from pipeline.concurrency.back_off import BackOff
from pipeline.concurrency.cancellation import until_set
from pipeline.errors import TransientError

_AGAIN = BackOff(first_s=0.5, longest_s=30.0, spread=0.5)
"""Spread, so that several controllers do not come back together."""
_FAILING_S = 15.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Loop:
    """One kind of background work. Setting `wake` makes the next tick come at once."""

    name: str
    tick: Callable[[], Awaitable[object]]
    interval_s: float
    continuous: bool = False
    """The tick serves until something is lost; then it is healthy while it runs."""
    running: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    failing_since: float | None = None
    ticks: int = 0

    @property
    def healthy(self) -> bool:
        """Whether it ran at least once and has not been failing for long."""
        if self.continuous:
            return self.running
        failing_s = 0.0 if self.failing_since is None else monotonic() - self.failing_since
        return self.ticks > 0 and failing_s < _FAILING_S


async def supervise(loops: Iterable[Loop], outages: Outages) -> None:
    """Run all loops until cancelled."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_keep_running(loop, outages), name=f"background:{loop.name}")


async def _keep_running(loop: Loop, outages: Outages) -> None:
    away: TransientError | None = None
    while True:
        loop.wake.clear()
        loop.running = True
        try:
            await loop.tick()
        except Exception as error:  # noqa: BLE001 - the one handler around background loops: log, wait, go on
            loop.running = False
            loop.failures += 1
            loop.failing_since = loop.failing_since or monotonic()
            away = _away(error)
            if away is not None:
                outages.note_failure(away, by=f"loop {loop.name}")
            else:
                _log.exception("background_tick_failed", loop=loop.name, failures=loop.failures)
            await asyncio.sleep(_AGAIN.pause_s(loop.failures))
            continue
        if away is not None:
            outages.note_recovery(away)
            away = None
        loop.ticks += 1
        loop.failures, loop.failing_since = 0, None
        await until_set(loop.wake, loop.interval_s)


def _away(error: Exception) -> TransientError | None:
    """Return what an error is about when all it says is "try again", also from several tasks at once."""
    if isinstance(error, ExceptionGroup):
        causes = [_away(one) for one in error.exceptions]
        return causes[0] if all(causes) else None
    return error if isinstance(error, TransientError) else None
