"""Waiting for an effect that the controller executes: short, and ended by a typed reason when it cannot happen.

What was given up is final until a person lets the stage go on: then it is tried again, because they changed the world.
"""

from pipeline.change_request import PauseReason
from pipeline.records import Effect
from pipeline.stage.run import StageEnd, StageRun, blocked

GIVEN_UP = frozenset({"refused", "dead", "dismissed"})


async def for_effect(run: StageRun, effect: Effect, *, refused: PauseReason) -> StageEnd | None:
    """Return None once the effect is done, else how the stage ends."""
    ended = await outcome(run, effect, again=GIVEN_UP | {"conflict"})
    return None if ended.status == "done" else stop(ended, refused)


async def outcome(run: StageRun, effect: Effect, *, again: frozenset[str] = GIVEN_UP) -> Effect:
    """Return how an effect ended; one that ended in `again` is tried anew when a person let this stage go on."""
    if effect.status in again | {"retry"} and run.fresh_note is not None:
        await run.context.effects.try_again(effect.id)
    return await run.context.effects.outcome(effect.id, timeout_s=run.context.effect_timeout_s)


def stop(ended: Effect, refused: PauseReason) -> StageEnd:
    """Return the pause for an effect that did not happen, with the reason that its executor gave, else `refused`."""
    away = ended.status in {"retry", "dead"}
    reason = PauseReason(str(ended.result.get("reason", (PauseReason.REMOTE_UNREACHABLE if away else refused).value)))
    message = ended.error or f"The {ended.kind} of {ended.repository} is {ended.status}."
    facts = {**ended.result.get("facts", {}), "effect": ended.id, "effect_status": ended.status}
    return blocked(reason, message, **{**facts, "repository": ended.repository})
