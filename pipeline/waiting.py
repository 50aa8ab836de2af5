"""Waiting for an effect that the controller executes: short, and ended by a typed reason when it cannot happen."""

from pipeline.change_request import PauseReason
from pipeline.execution import StageEnd, StageRun, blocked
from pipeline.records import Effect


async def for_effect(run: StageRun, effect: Effect, *, refused: PauseReason) -> StageEnd | None:
    """Return None once the effect is done, else how the stage ends. `conflict` is left to the caller by its status."""
    ended = await run.context.records.outcome(effect.id, timeout_s=run.context.effect_timeout_s)
    if ended.status == "done":
        return None
    reason = PauseReason(str(ended.result.get("reason", refused.value)))
    message = ended.error or f"The {ended.kind} of {ended.repository} is {ended.status}."
    facts = {**ended.result, "effect": ended.id, "effect_status": ended.status}
    facts.pop("reason", None)
    return blocked(reason, message, **{**facts, "repository": ended.repository})
