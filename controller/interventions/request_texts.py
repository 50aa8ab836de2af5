"""Decisions about the text of a request: edit what screening stopped, take what the source says now, or keep what it was.

An edited or taken text is a new revision, and the line begins at intake with it, screening included: what was accepted
before stays accepted, nothing of the new text is. Continuing with the old text restores whatever the change request had
stopped for when its source changed.
"""

from controller.change_requests.texts import check_size
from controller.interventions.desk import Desk, Done, forget_stops
from controller.interventions.desk import said as said_of
from pipeline.change_request import Move, Status
from pipeline.errors import CallerError, Conflict
from pipeline.interventions.intervention import Action, ChangingText, Intervention, Notice, RerunMode
from pipeline.interventions.pauses import SourceChanged
from pipeline.settings.runtime import RuntimeSettings
from pipeline.stage.registry import line_stages
from pipeline.store.request_revisions import DECLINED, in_use


async def repeated(desk: Desk) -> Intervention | None:
    """Return the edit that this one repeats: the same text by the same person is one edit, however often it is sent."""
    asked = desk.asked.request
    if desk.asked.action is not Action.EDIT or asked is None:
        return None
    present = in_use(await desk.revisions.of(desk.cr))
    said = [one for one in await desk.interventions.of(desk.cr.id) if one.action is Action.EDIT]
    same = (asked.title or present.title, asked.body) == (present.title, present.body)
    mine = bool(said) and (said[-1].actor, said[-1].facts(ChangingText).revision) == (desk.actor, present.revision)
    return said[-1] if same and mine else None


async def edit(desk: Desk) -> Done:
    """Make the edited text the next revision, and screen it from the beginning."""
    asked = desk.asked.request
    if asked is None or not asked.body.strip():
        raise CallerError("There is no edited text.", field="request", remedy="Send the whole text as it should be.")
    present = in_use(await desk.revisions.of(desk.cr))
    if asked.revision not in {None, present.revision}:
        raise Conflict(
            f"Somebody else edited it meanwhile: it is at revision {present.revision}.", field="request.revision",
            remedy="Read the present text, then edit that.", revision=present.revision, by=present.changed_by,
        )  # fmt: skip
    title = asked.title or present.title
    if (title, asked.body) == (present.title, present.body):
        raise CallerError(
            "The text is the one that was stopped.", field="request",
            remedy="Change it, or let it go on with `resume` after reading it.",
        )  # fmt: skip
    check_size(title, asked.body, _limit(desk))
    edited = await desk.revisions.edit(desk.cr, title=title, body=asked.body, actor=desk.actor)
    await forget_stops(desk)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    body = ChangingText(
        instructions=desk.asked.instructions,
        mode=RerunMode.STAGE,
        stage=line_stages()[0],
        attempt=desk.cr.attempt,
        revision=edited.revision,
    )
    message = f"Revision {edited.revision} of the request is screened from the beginning."
    return Done(message=message, acted=False, status=Status.QUEUED, body=body)


async def adopt(desk: Desk) -> Done:
    """Begin again with the text that the source has now, as a new attempt; the work on the old text is kept."""
    taken = await desk.revisions.take(desk.cr, actor=desk.actor)
    await desk.interventions.overtake(desk.cr.id, note="A new attempt began.")
    attempt = await desk.requests.start_attempt(
        desk.cr.id, mode=RerunMode.SCRATCH.value, from_stage=None, requested_by=desk.actor
    )
    await desk.gates.void(desk.cr.id)
    await desk.effects.dismiss_open(desk.cr.id)
    await desk.requests.move(desk.cr.id, Move.RERUN)
    body = ChangingText(
        instructions=desk.asked.instructions,
        mode=RerunMode.SCRATCH,
        stage=None,
        attempt=attempt,
        revision=taken.revision,
    )
    message = f"Attempt {attempt} begins with revision {taken.revision} of the request."
    return Done(message=message, acted=False, status=Status.QUEUED, body=body)


async def keep(desk: Desk) -> Done:
    """Continue with the text it began with, where it was when its source changed."""
    before = SourceChanged.model_validate(desk.cr.pause_facts).before
    gates = await desk.gates.inbox(cr_id=desk.cr.id)
    if desk.asked.instructions and (before.reason or gates):
        what = f"the {gates[0].kind} decision" if gates else f"an answer to {before.reason}"
        raise CallerError(
            f"It waits for {what} next, so nobody would hear the instructions now.", field="instructions",
            remedy="Continue without them; then say them with that answer.",
        )  # fmt: skip
    await desk.revisions.settle(desk.cr.id, DECLINED, actor=desk.actor)
    await desk.interventions.overtake(desk.cr.id, actions=[Notice.SOURCE_CHANGED], note="Decided meanwhile.")
    await forget_stops(desk)
    kept_text = "It keeps the text it began with"
    reason = before.reason
    if reason is not None:
        await desk.requests.move(desk.cr.id, Move.PAUSE, reason=reason, message=before.message, facts=before.facts)
        message = f"{kept_text}, and is paused as before: {reason.value.replace('_', ' ')}."
        return Done(message=message, acted=True, status=Status.PAUSED, reason=reason, body=said_of(desk))
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    message = f"{kept_text} and goes on where it stopped."
    return Done(message=message, acted=bool(gates), status=Status.QUEUED, body=said_of(desk))


def _limit(desk: Desk) -> int:
    return RuntimeSettings.model_validate(desk.cr.settings_snapshot).pipeline.request_max_bytes
