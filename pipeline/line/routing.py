"""Where a change request goes next: pure decisions over the state, each with its reason.

Problem: routing hidden in nodes lets a red suite reach delivery. Choice: one function per question, no I/O; a stage only
says how it ended, and this module says what follows. Invariant (a property test holds it): no path leads from a blocked
or sent-back outcome to a later stage.
"""

from dataclasses import dataclass, field

from pipeline.change_request import PauseReason, Stage
from pipeline.errors import InvariantBroken
from pipeline.limits import Limits
from pipeline.stage.state import END, PAUSE, Outcome, RunState, Verdict, Wait, outcomes_of

LINE = tuple(stage for stage in Stage if stage is not Stage.SYNC)

AFTER_SYNC = (Stage.TRANSLATION, Stage.VERIFICATION, Stage.DEVELOPMENT, Stage.REVIEW, Stage.REBASE)
"""Where a handed back change may go on: never later than the rebase, which proves everything again where it must."""

SENT_BACK_TO = {
    Stage.VERIFICATION: Stage.TRANSLATION,
    Stage.REVIEW: Stage.DEVELOPMENT,
    Stage.REBASE: Stage.DEVELOPMENT,
    Stage.DELIVERY: Stage.DEVELOPMENT,
    Stage.RELEASE_GATE: Stage.DEVELOPMENT,
    Stage.MERGE_CHECK: Stage.REBASE,
    Stage.RELEASE: Stage.MERGE_CHECK,
}
"""Which earlier stage works again when a stage sends the change back."""

LOOP_REASON = {
    Stage.VERIFICATION: PauseReason.SPEC_LOOP,
    Stage.REVIEW: PauseReason.REVIEW_LOOP,
    Stage.REBASE: PauseReason.TESTS_FAILED,
    Stage.DELIVERY: PauseReason.CI_FAILED,
    Stage.RELEASE_GATE: PauseReason.REVIEW_LOOP,
    Stage.MERGE_CHECK: PauseReason.REBASE_CONFLICT,
    Stage.RELEASE: PauseReason.DELIVERY_FAILED,
}
"""Why the change request pauses when a loop is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows a stage. `loops` holds the counters that changed."""

    goto: str
    wait: Wait = field(default_factory=Wait)
    loops: dict[str, int] = field(default_factory=dict)
    why: str = ""


def after(stage: Stage, state: RunState, limits: Limits) -> Decision:
    """Decide what follows a stage whose outcomes are all in the state."""
    outcomes = outcomes_of(state, stage)
    if stop := _stop(stage, outcomes):
        return stop
    back = {name: outcome for name, outcome in outcomes.items() if outcome["verdict"] == Verdict.SENT_BACK}
    if back:
        return _loop(stage, state, limits, back)
    if stage is Stage.SYNC:
        return _after_sync(outcomes[""])
    return Decision(goto=_next(stage))


def loops_max(stage: Stage, limits: Limits) -> int:
    """Return how often a stage may send the change back before a person is asked."""
    if stage is Stage.VERIFICATION:
        return limits.verification_loops_max
    return limits.review_loops_max if stage in {Stage.REVIEW, Stage.RELEASE_GATE} else limits.ci_loops_max


def _stop(stage: Stage, outcomes: dict[str, Outcome]) -> Decision | None:
    for verdict in (Verdict.BLOCKED, Verdict.WAITING):
        for name, outcome in outcomes.items():
            if outcome["verdict"] == verdict:
                return Decision(goto=PAUSE, wait=_wait(stage, name, outcome))
    return None


def _after_sync(outcome: Outcome) -> Decision:
    onward = Stage(outcome["next"])
    if onward not in AFTER_SYNC:
        raise InvariantBroken("A handed back change cannot go on there.", stage=onward.value)
    return Decision(goto=onward.value)


def _wait(stage: Stage, repository: str, outcome: Outcome) -> Wait:
    wait: Wait = {"stage": stage.value, "repository": repository, "message": outcome.get("message", "")}
    wait["repositories"] = [repository] if repository else []
    wait["facts"] = outcome.get("facts", {})
    if outcome["verdict"] == Verdict.WAITING:
        return {**wait, "kind": "gate", "gate_id": outcome["gate_id"]}
    return {**wait, "kind": "pause", "reason": outcome["reason"]}


def _loop(stage: Stage, state: RunState, limits: Limits, back: dict[str, Outcome]) -> Decision:
    loop = state.get("loops", {}).get(stage.value, 0) + 1
    allowed = loops_max(stage, limits)
    why = "; ".join(
        f"{name}: {outcome.get('summary', '')}" if name else outcome.get("summary", "")
        for name, outcome in back.items()
    )
    if loop <= allowed:
        return Decision(goto=SENT_BACK_TO[stage].value, loops={stage.value: loop}, why=why)
    reason = LOOP_REASON[stage]
    message = f"{stage.value.replace('_', ' ').capitalize()} sent the change back {loop} times; {allowed} are allowed."
    wait: Wait = {"kind": "pause", "stage": SENT_BACK_TO[stage].value, "repository": "", "reason": reason.value}
    wait["repositories"] = sorted(name for name in back if name)
    return Decision(goto=PAUSE, wait={**wait, "message": message, "facts": {"last": why, "loops": loop}}, why=why)


def _next(stage: Stage) -> str:
    return END if stage is LINE[-1] else LINE[stage.number + 1].value
