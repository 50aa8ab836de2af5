"""Which actions are open to a person, for each state of a change request: pure, and the only place that knows."""

from collections.abc import Sequence

from controller.interventions.schemas import AvailableAction
from pipeline.change_request import PauseReason, Stage, Status, WaitKind
from pipeline.errors import CallerError, Conflict, InvariantBroken
from pipeline.gates.gate import Gate
from pipeline.interventions.intervention import Action, RerunMode
from pipeline.interventions.pauses import HandedOver, StoppedAt
from pipeline.line.skipping import left_out, skippable, why_never
from pipeline.records import ChangeRequest
from pipeline.stage.registry import declared, handback_stage, label, line_stages, per_repository

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
    PauseReason.SOURCE_CHANGED: "Continue with the text it began with, with instructions if you like.",
}


def available(cr: ChangeRequest, gates: Sequence[Gate]) -> list[AvailableAction]:
    """Return what a person can do now, the most likely first. Open gates are decided, never passed by."""
    match cr.status:
        case Status.PAUSED if cr.pause_reason is PauseReason.SOURCE_CHANGED:
            return [*_about_the_source(), *_end()]
        case Status.PAUSED:
            rerun = _rerun(stage_known=cr.stage is not None)
            return [*_out_of_a_pause(cr, gates), *rerun, *_cleanup(cr), _budget(), *_end()]
        case Status.WAITING:
            stops = [_stop(Action.PAUSE), _stop(Action.ABORT), *_take_over(cr)]
            return [*_go_on(cr, gates), _say(), *stops, _budget(), *_end()]
        case Status.QUEUED | Status.RUNNING:
            skip = _skip(cr) if cr.status is Status.RUNNING else []
            stops = [_stop(Action.PAUSE), _stop(Action.ABORT), *_take_over(cr)]
            return [_say(), *skip, *stops, _budget(), *_end()]
        case Status.COMPLETED | Status.FAILED | Status.CANCELLED:
            return [*_rerun(stage_known=cr.stage is not None), *_cleanup(cr)]


def check(cr: ChangeRequest, gates: Sequence[Gate], action: Action) -> None:
    """Raise `Conflict` naming what is allowed now, unless `action` is."""
    if action is Action.CLEANUP:
        raise CallerError(
            "Cleaning up is decided artifact by artifact.", field="action",
            remedy="Use POST /api/v1/change-requests/{id}/cleanup, or `changeline cleanup`.",
        )  # fmt: skip
    if action.value in _names(cr, gates):
        return
    why = f"A change request that is {cr.status} cannot {action}."
    if action is Action.RESUME and gates:
        why = f"It waits for the {gates[0].kind} decision {gates[0].id}, which only deciding it ends."
    elif action is Action.SKIP:
        why = _why_not_skip(cr)
    elif cr.pause_reason is PauseReason.HANDED_OVER:
        why = f"{HandedOver.model_validate(cr.pause_facts).by} took it over; {action} is not possible until it is handed back."
    elif cr.pause_reason is PauseReason.SOURCE_CHANGED:
        why = f"Its source has another text now; {action} is not possible until that is decided."
    elif action is Action.EDIT:
        why = "The text is edited only where screening stopped it for a high risk, and this is not the case now."
    elif action is Action.ADOPT:
        why = "Its source has no other text to decide about."
    elif action is Action.TAKEOVER:
        why = f"There is nothing to take over in {cr.stage or 'the queue'} of a change request that is {cr.status}."
    raise Conflict(
        why, field="action", remedy=_allowed_now(cr, gates), status=cr.status.value, allowed=_names(cr, gates),
        open_gates=[gate.id for gate in gates],
    )  # fmt: skip


def to_skip(cr: ChangeRequest, repository: str | None) -> Stage:
    """Return the stage that `skip` leaves out; raises `CallerError` for one repository of a stage that has all of them."""
    stage = skippable(cr.stage, cr.pause_reason)
    if stage is None:
        raise InvariantBroken("A stage that cannot be skipped was to be skipped.", cr_id=cr.id)
    if repository is not None and not per_repository(stage):
        raise CallerError(
            f"{stage} works on all repositories at once.", field="repository", remedy="Leave the repository out."
        )
    return stage


def to_restart_from(cr: ChangeRequest, asked: Stage | None) -> Stage:
    """Return the stage that a rerun begins with; raises `CallerError` for one that was not reached."""
    if asked not in line_stages():
        raise CallerError("Which stage?", field="stage", remedy="Name the stage to begin with.")
    reached = cr.stage
    if reached is None or asked.number > reached.number:
        raise CallerError(
            f"Stage {asked} was not reached so far.", field="stage", remedy="Name a stage that has run.",
            reached=reached.value if reached else None,
        )  # fmt: skip
    return asked


def _go_on(cr: ChangeRequest, gates: Sequence[Gate]) -> list[AvailableAction]:
    if gates or cr.wait_kind is WaitKind.GATE:
        return []
    known = _GO_ON.get(cr.pause_reason) if cr.pause_reason else None
    explanation = known or "Go on at the stage where it stopped, with instructions if you like."
    return [AvailableAction(action=Action.RESUME, explanation=explanation)]


def _about_the_source() -> list[AvailableAction]:
    """First of all it has to be known which text counts; everything else waits for that."""
    adopt = "Begin again from intake with the new text, as a new attempt on a branch of its own; the old work is kept."
    keep = _GO_ON[PauseReason.SOURCE_CHANGED]
    return [
        AvailableAction(action=Action.ADOPT, explanation=adopt),
        AvailableAction(action=Action.RESUME, explanation=keep),
    ]


def _edit(cr: ChangeRequest) -> list[AvailableAction]:
    if cr.pause_reason is not PauseReason.INPUT_RISK:
        return []
    explanation = "Change the text; the edited text is screened from the beginning, and the original stays visible."
    return [AvailableAction(action=Action.EDIT, explanation=explanation)]


def handed_back_before(cr: ChangeRequest) -> bool:
    """Whether it stopped while what a person handed back was looked at."""
    return StoppedAt.model_validate(cr.pause_facts).stage == handback_stage().value


def _out_of_a_pause(cr: ChangeRequest, gates: Sequence[Gate]) -> list[AvailableAction]:
    back = AvailableAction(
        action=Action.HANDBACK,
        explanation="Hand the branch back: it is fetched, tested and described, then it goes on.",
    )
    if cr.pause_reason is PauseReason.HANDED_OVER:
        return [back]
    again = [back] if handed_back_before(cr) else []
    return [*again, *_go_on(cr, gates), *_edit(cr), *_skip(cr), *_take_over(cr)]


def cleanable(cr: ChangeRequest) -> bool:
    """Whether what it left outside may be tidied up: it ended without success, or a person aborted it."""
    aborted = cr.status is Status.PAUSED and cr.pause_reason is PauseReason.ABORTED
    return aborted or cr.status in {Status.FAILED, Status.CANCELLED}


def _cleanup(cr: ChangeRequest) -> list[AvailableAction]:
    if not cleanable(cr):
        return []
    explanation = "Decide what becomes of its branches, pull requests and snapshots; nothing is deleted by itself."
    return [AvailableAction(action=Action.CLEANUP, explanation=explanation)]


def _skip(cr: ChangeRequest) -> list[AvailableAction]:
    stage = skippable(cr.stage, cr.pause_reason)
    if stage is None or handed_back_before(cr):
        return []
    return [AvailableAction(action=Action.SKIP, explanation=f"Skip {stage}. Left out: {left_out(stage)}")]


def _why_not_skip(cr: ChangeRequest) -> str:
    if cr.stage is not None and (because := why_never(cr.stage)):
        return f"{label(cr.stage)} is never skipped: {because}."
    return f"There is nothing to skip: it is {cr.status}{f' ({cr.pause_reason})' if cr.pause_reason else ''}."


def _take_over(cr: ChangeRequest) -> list[AvailableAction]:
    if cr.stage is None or not declared(cr.stage).may_be_taken_over:
        return []
    explanation = "Stop it at once and work on its branch yourself, until you hand it back."
    return [AvailableAction(action=Action.TAKEOVER, explanation=explanation)]


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
        action=Action.REDIRECT,
        explanation="Tell the agents something; what they do now is stopped, and they go on with it.",
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
