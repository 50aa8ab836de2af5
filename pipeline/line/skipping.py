"""Which stages a person may skip, and why not the others: a stage whose product is proof or protection is never skipped.

What is skipped is only ever somebody's opinion: a checker's, a reviewer's, a retrospective's. The deterministic parts of
the same stage (secret scan, diff scope, the spec gate) run all the same. Who skipped what is stored, shown to the
approver and signed into the evidence.
"""

from pipeline.change_request import PauseReason, Stage
from pipeline.pause_reasons import PAUSE_REASONS
from pipeline.stage.declaration import NeverSkipped, Skippable
from pipeline.stage.registry import declared


def left_out(stage: Stage) -> str | None:
    """Return what exactly is left out when a stage is skipped, None for a stage that never is."""
    skip = declared(stage).skip
    return skip.left_out if isinstance(skip, Skippable) else None


def why_never(stage: Stage) -> str | None:
    """Return why a stage is never skipped, None for one that may be."""
    skip = declared(stage).skip
    return skip.because if isinstance(skip, NeverSkipped) else None


def skippable(stage: Stage | None, reason: PauseReason | None) -> Stage | None:
    """Return the stage that `skip` would skip now, None when it would not be honest."""
    if reason is not None and PAUSE_REASONS[reason].needs_answer:
        return None
    asked = _whose_loop(reason) or stage
    return asked if asked is not None and left_out(asked) else None


def _whose_loop(reason: PauseReason | None) -> Stage | None:
    """Return the skippable stage whose loops were used up: it sent back, so the run stands at another one."""
    for stage in Stage:
        back = declared(stage).sends_back
        if back is not None and back.paused_as is reason and left_out(stage):
            return stage
    return None
