"""Waiting for an effect that the controller executes: short, and ended by a typed reason when it cannot happen.

What was given up is final until a person lets the stage go on: then it is tried again, because they changed the world.
"""

from dataclasses import replace

from pipeline.change_request import PauseReason
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import GIVEN_UP, NOT_DONE, EffectStatus
from pipeline.stage.run import StageEnd, StageRun, blocked


async def for_effect(run: StageRun, effect: Effect, *, refused: PauseReason) -> StageEnd | None:
    """Return None once the effect is done, else how the stage ends."""
    ended = await outcome(run, effect, again=NOT_DONE)
    return None if ended.status is EffectStatus.DONE else stop(ended, refused)


async def outcome(run: StageRun, effect: Effect, *, again: frozenset[EffectStatus] = GIVEN_UP) -> Effect:
    """Return how an effect ended; one that ended in `again` is tried anew when a person let this stage go on."""
    if effect.status in again | {EffectStatus.RETRY} and run.fresh_note is not None:
        await run.context.effects.try_again(effect.id)
    return await run.context.effects.outcome(effect.id, timeout_s=run.context.effect_timeout_s)


def stop(ended: Effect, refused: PauseReason) -> StageEnd:
    """Return the pause for an effect that did not happen, with the reason that its executor gave, else `refused`."""
    away = ended.status in {EffectStatus.RETRY, EffectStatus.DEAD}
    reason = ended.refusal.reason or (PauseReason.REMOTE_UNREACHABLE if away else refused)
    message = ended.error or f"The {ended.kind} of {ended.repository} is {ended.status}."
    facts = {
        **ended.refusal.facts,
        "effect": ended.id,
        "effect_status": ended.status.value,
        "repository": ended.repository,
    }
    return replace(blocked(reason, message), facts=facts)
