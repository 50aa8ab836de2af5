"""Which actions are open to a person, for each state of a change request: pure, and the only place that knows."""

from collections.abc import Sequence

from controller.interventions.schemas import Action, AvailableAction, RerunMode
from pipeline.change_request import PauseReason, Status, WaitKind
from pipeline.errors import Conflict
from pipeline.records import ChangeRequest, Gate

NOT_BUILT = frozenset({Action.SKIP, Action.TAKEOVER, Action.HANDBACK})
"""Known by name, not possible in this version."""

_GO_ON = {
    PauseReason.INPUT_RISK: "Accept the flagged text after reading it, and go on.",
    PauseReason.BUDGET: "Go on within the present budget; raise it first if it is used up.",
    PauseReason.TARGET_CHECKOUT_DIRTY: "Go on after committing or stashing the changes in the target's checkout.",
    PauseReason.REMOTE_UNREACHABLE: "Try again after the remote answers.",
    PauseReason.MACHINE_SHORT: "Try again after there is room on this machine.",
    PauseReason.PROVIDERS_DOWN: "Try again after the model provider answers or its key was corrected.",
    PauseReason.SANDBOX_UNAVAILABLE: "Try again after the isolation of tools works on this machine.",
    PauseReason.ENVIRONMENT_FAILED: "Build the dependency environment again.",
    PauseReason.ATTEMPTS_EXHAUSTED: "Try again with a fresh worker.",
    PauseReason.HUMAN_PAUSE: "Go on where it was paused, with instructions if you like.",
    PauseReason.ABORTED: "Go on where it was stopped, with instructions if you like.",
}


def available(cr: ChangeRequest, gates: Sequence[Gate]) -> list[AvailableAction]:
    """Return what a person can do now, the most likely first. Open gates are decided, never passed by."""
    match cr.status:
        case Status.PAUSED:
            return [*_go_on(cr, gates), *_rerun(stage_known=cr.stage is not None), _budget(), *_end()]
        case Status.WAITING:
            return [*_go_on(cr, gates), _say(), _stop(Action.PAUSE), _stop(Action.ABORT), _budget(), *_end()]
        case Status.QUEUED | Status.RUNNING:
            return [_say(), _stop(Action.PAUSE), _stop(Action.ABORT), _budget(), *_end()]
        case Status.COMPLETED | Status.FAILED | Status.CANCELLED:
            return _rerun(stage_known=cr.stage is not None)


def check(cr: ChangeRequest, gates: Sequence[Gate], action: Action) -> None:
    """Raise `Conflict` naming what is allowed now, unless `action` is."""
    if action in NOT_BUILT:
        raise Conflict(
            f"{action.value.capitalize()} is not possible in this version of Changeline.", field="action",
            remedy=_allowed_now(cr, gates), allowed=_names(cr, gates),
        )  # fmt: skip
    if action.value in _names(cr, gates):
        return
    why = f"A change request that is {cr.status} cannot {action}."
    if action is Action.RESUME and gates:
        why = f"It waits for the {gates[0].kind} decision {gates[0].id}, which only deciding it ends."
    raise Conflict(
        why, field="action", remedy=_allowed_now(cr, gates), status=cr.status.value, allowed=_names(cr, gates),
        open_gates=[gate.id for gate in gates],
    )  # fmt: skip


def _go_on(cr: ChangeRequest, gates: Sequence[Gate]) -> list[AvailableAction]:
    if gates or cr.wait_kind is WaitKind.GATE:
        return []
    known = _GO_ON.get(cr.pause_reason) if cr.pause_reason else None
    explanation = known or "Go on at the stage where it stopped, with instructions if you like."
    return [AvailableAction(action=Action.RESUME, explanation=explanation)]


def _rerun(*, stage_known: bool) -> list[AvailableAction]:
    def rerun(mode: RerunMode, explanation: str) -> AvailableAction:
        return AvailableAction(action=Action.RERUN, mode=mode, explanation=explanation)

    from_stage = rerun(RerunMode.STAGE, "Run that stage and all later ones again; what came before is kept.")
    scratch = rerun(RerunMode.SCRATCH, "Begin again as a new attempt on a branch of its own; the old work is kept.")
    return [*([from_stage] if stage_known else []), scratch]


def _budget() -> AvailableAction:
    return AvailableAction(action=Action.BUDGET, explanation="Raise the budget of this change request.")


def _say() -> AvailableAction:
    return AvailableAction(
        action=Action.REDIRECT, explanation="Tell the agents something; they see it at their next turn."
    )


def _stop(action: Action) -> AvailableAction:
    explanations = {
        Action.PAUSE: "Stop at once and keep everything, to go on later.",
        Action.ABORT: "Stop at once and park it; the work is kept.",
    }
    return AvailableAction(action=action, explanation=explanations[action])


def _end() -> list[AvailableAction]:
    return [
        AvailableAction(action=Action.FAIL, explanation="End it as failed; its artifacts are kept."),
        AvailableAction(action=Action.CANCEL, explanation="End it as cancelled; its artifacts are kept."),
    ]


def _names(cr: ChangeRequest, gates: Sequence[Gate]) -> list[str]:
    return list(dict.fromkeys(one.action.value for one in available(cr, gates)))


def _allowed_now(cr: ChangeRequest, gates: Sequence[Gate]) -> str:
    decide = f"decide gate {gates[0].id}; " if gates else ""
    return f"Allowed now: {decide}{', '.join(_names(cr, gates))}."
