"""What may stop a run from outside: a person's pause or abort, a cancelled change request, used-up working time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from pipeline.change_request import PauseReason, Status
from pipeline.concurrency.cancellation import ended, until_set
from pipeline.concurrency.rings import Rings
from pipeline.concurrency.uninterrupted import uninterrupted
from pipeline.errors import TransientError
from pipeline.interventions.intervention import Action, Notice
from pipeline.limits import Limits
from pipeline.ports import Bell, Clock
from pipeline.ports.records import Progress
from pipeline.store.runs import Runs

LOOK_EVERY_S = 1.0
TIME_LOOK_MAX_S = 60.0
_REASONS: Mapping[Action | Notice, PauseReason] = {
    Action.PAUSE: PauseReason.HUMAN_PAUSE,
    Action.ABORT: PauseReason.ABORTED,
    Action.TAKEOVER: PauseReason.HANDED_OVER,
    Notice.SOURCE_CHANGED: PauseReason.SOURCE_CHANGED,
}
_WANTS: Mapping[Action | Notice, str] = {
    Action.PAUSE: "asked to pause",
    Action.ABORT: "asked to abort",
    Action.TAKEOVER: "takes it over",
    Action.SKIP: "skips the stage",
    Notice.SOURCE_CHANGED: "brought another text of the request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why the run ends early. `reason` is None when the change request itself was ended by a person."""

    reason: PauseReason | None
    message: str
    intervention_id: str | None = None
    facts: Mapping[str, int] = field(default_factory=dict)
    goes_on: bool = False
    """The run is only interrupted: it goes on at once, otherwise."""


async def stop_asked(runs: Runs, bell: Bell, cr_id: str, heard: Rings) -> Stop:
    """Return once somebody stops this run, or raise `LeaseLost` once another epoch has it.

    The bell shortens the wait, also for who listens to `heard`; the rows decide.
    """
    rung = asyncio.Event()
    listening = asyncio.create_task(_listen(bell, cr_id, rung, heard))
    try:
        while True:
            try:
                status, asked = await runs.stop_asked()
            except TransientError:
                status, asked = Status.RUNNING, None
            if status is not Status.RUNNING:
                return Stop(reason=None, message=f"The change request is {status.value}.")
            if asked is not None:
                words, skips = f"{asked.actor} {_WANTS[asked.action]}.", asked.action is Action.SKIP
                reason = None if skips else _REASONS[asked.action]
                return Stop(reason=reason, message=words, intervention_id=asked.id, goes_on=skips)
            await _wait(rung)
    finally:
        # Whoever cancels this may do so again while the listener ends; it is not left behind for that.
        await uninterrupted(ended(listening))


async def first_to_stop(*askers: Awaitable[Stop]) -> Stop:
    """Return the first reason to stop; the others are no longer waited for."""
    asking = [asyncio.ensure_future(asker) for asker in askers]
    try:
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        return next(asked for asked in asking if asked in done).result()
    finally:
        await ended(*asking)


async def time_used_up(progress: Progress, limits: Limits, clock: Clock) -> Stop:
    """Return once the leased working time is used up, also in the middle of a stage.

    What earlier epochs worked is read once; this one's own time is monotonic, so neither a restart nor a change of the
    wall clock gives or takes any.
    """
    begun = clock.monotonic()
    worked_s, times = await _working_time(progress, clock)
    allowed_s = limits.working_time_max_s * (1 + times)
    while (left_s := allowed_s - worked_s - (clock.monotonic() - begun)) > 0:
        await clock.sleep(min(left_s, TIME_LOOK_MAX_S))
    facts = {"allowed_s": allowed_s, "worked_s": round(worked_s + clock.monotonic() - begun)}
    message = "The working time of this change request is used up."
    return Stop(reason=PauseReason.TOTAL_TIME, message=message, facts=facts)


async def _working_time(progress: Progress, clock: Clock) -> tuple[float, int]:
    while True:
        try:
            return await progress.working_time()
        except TransientError:
            await clock.sleep(LOOK_EVERY_S)


async def _listen(bell: Bell, cr_id: str, rung: asyncio.Event, heard: Rings) -> None:
    while True:
        # Without this a database that restarts would leave the run deaf for the rest of its life.
        with contextlib.suppress(TransientError):
            async for topic in bell.listen():
                if topic == f"cr:{cr_id}":
                    rung.set()
                    heard.ring()
        await asyncio.sleep(LOOK_EVERY_S)


async def _wait(rung: asyncio.Event) -> None:
    await until_set(rung, LOOK_EVERY_S)
    rung.clear()
