"""What may stop a run from outside: a person's pause or abort, a cancelled change request, a shutdown."""

import asyncio
import contextlib
from dataclasses import dataclass

from pipeline.change_request import PauseReason, Status
from pipeline.errors import TransientError
from pipeline.ports import Bell
from pipeline.store.runs import Runs

LOOK_EVERY_S = 1.0
_REASONS = {
    "pause": PauseReason.HUMAN_PAUSE,
    "abort": PauseReason.ABORTED,
    "takeover": PauseReason.HANDED_OVER,
}
_WANTS = {"pause": "asked to pause", "abort": "asked to abort", "takeover": "takes it over", "skip": "skips the stage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why the run ends early. `reason` is None when the change request itself was ended by a person."""

    reason: PauseReason | None
    message: str
    intervention_id: str | None = None
    goes_on: bool = False
    """The run is only interrupted: it goes on at once, otherwise."""


async def stop_asked(runs: Runs, bell: Bell, cr_id: str) -> Stop:
    """Return once somebody stops this run. The bell shortens the wait; the rows decide."""
    rung = asyncio.Event()
    listening = asyncio.create_task(_listen(bell, cr_id, rung))
    try:
        while True:
            try:
                status, asked = await runs.stop_asked()
            except TransientError:
                status, asked = Status.RUNNING, None
            if status is not Status.RUNNING:
                return Stop(reason=None, message=f"The change request is {status.value}.")
            if asked is not None:
                words, skips = f"{asked['actor']} {_WANTS[asked['action']]}.", asked["action"] == "skip"
                reason = None if skips else _REASONS[asked["action"]]
                return Stop(reason=reason, message=words, intervention_id=asked["id"], goes_on=skips)
            await _wait(rung)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(bell: Bell, cr_id: str, rung: asyncio.Event) -> None:
    while True:
        # Without this a database that restarts would leave the run deaf for the rest of its life.
        with contextlib.suppress(TransientError):
            async for topic in bell.listen():
                if topic == f"cr:{cr_id}":
                    rung.set()
        await asyncio.sleep(LOOK_EVERY_S)


async def _wait(rung: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(rung.wait(), LOOK_EVERY_S)
    except TimeoutError:
        return
    rung.clear()
