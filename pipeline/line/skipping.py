"""Which stages a person may skip, and why not the others: a stage whose product is proof or protection is never skipped.

What is skipped is only ever somebody's opinion: a checker's, a reviewer's, a retrospective's. The deterministic parts of
the same stage (secret scan, diff scope, the spec gate) run all the same. Who skipped what is stored, shown to the
approver and signed into the evidence.
"""

from pipeline.change_request import PauseReason, Stage
from pipeline.pause_reasons import PAUSE_REASONS

SKIPPABLE = {
    Stage.VERIFICATION: "The checkers' opinion on the specs; you vouch for them, and a spec gate still opens.",
    Stage.REVIEW: "The three reviewers; diff scope and secret scan still run, and may still stop it.",
    Stage.RETROSPECTIVE: "What could be learned from this run.",
}
"""What exactly is left out."""

WHY_NOT = {
    Stage.INTAKE: "every later stage works from the structured request",
    Stage.SCREENING: "text of high risk is accepted with `resume` after reading it, never passed unread",
    Stage.REPOSITORY_IDENTIFICATION: "nothing can be changed before it is known where",
    Stage.WORKSPACES: "nothing can run without a base commit and an environment",
    Stage.TRANSLATION: "code is only written from specs",
    Stage.DEVELOPMENT: "tests that were red and a suite that is green are what is delivered",
    Stage.REBASE: "the suite has to be green on the base that it is merged into",
    Stage.DELIVERY: "nothing can be released that was not pushed",
    Stage.RELEASE_GATE: "a release is approved or rejected, never passed by",
    Stage.MERGE_CHECK: "a base branch that moved has not been tested",
    Stage.RELEASE: "it is the purpose of the change request",
    Stage.CLEANUP: "it signs the evidence",
    Stage.SYNC: "agents who have not read a person's work would undo it",
}

_OF_A_LOOP = {PauseReason.SPEC_LOOP: Stage.VERIFICATION, PauseReason.REVIEW_LOOP: Stage.REVIEW}


def skippable(stage: Stage | None, reason: PauseReason | None) -> Stage | None:
    """Return the stage that `skip` would skip now, None when it would not be honest."""
    if reason is not None and PAUSE_REASONS[reason].needs_answer:
        return None
    asked = _OF_A_LOOP.get(reason, stage) if reason else stage
    return asked if asked in SKIPPABLE else None
