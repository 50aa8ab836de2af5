"""Carrying out what people say: a row for everything, a move of the state machine where one follows.

Everything happens under the change request's row lock in one transaction, so two people who act at once are told about
each other. What concerns a running worker is only stored and rung; the worker answers for it.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from controller.change_requests.schemas import budget_of
from controller.context import ControllerContext
from controller.interventions import request_texts
from controller.interventions.actions import check, to_restart_from, to_skip
from controller.interventions.desk import Desk, Done, forget_stops, kept, said
from controller.interventions.schemas import InterventionRequest, Receipt
from pipeline import events
from pipeline.access import Principal
from pipeline.change_request import Move, PauseReason, Stage, Status
from pipeline.effects.kinds import Published
from pipeline.errors import CallerError, Conflict
from pipeline.interventions.intervention import (
    Action,
    BeginningAnew,
    HandingBack,
    Intervention,
    Notice,
    RaisingBudget,
    RerunMode,
    Resuming,
    Skipping,
)
from pipeline.interventions.pauses import HandedOver
from pipeline.line.skipping import left_out
from pipeline.stage.registry import handback_stage
from pipeline.store.audit import Audit
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.handing_over import HandingOver, taken_over_by
from pipeline.store.interventions import Interventions
from pipeline.store.leases import Leases
from pipeline.store.request_revisions import DECLINED, RequestRevisions


async def intervene(
    context: ControllerContext, principal: Principal, cr_id: str, asked: InterventionRequest
) -> Receipt:
    """Carry out one intervention; raises `Conflict` with what is allowed now, or `CallerError` for a missing part."""
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).lock(cr_id)
        desk = Desk(
            handing_over=HandingOver(connection), cr=cr, asked=asked, actor=principal.id, requests=ChangeRequests(connection), gates=Gates(connection),
            interventions=Interventions(connection), effects=Effects(connection), leases=Leases(connection),
            log=Events(connection), revisions=RequestRevisions(connection),
        )  # fmt: skip
        if (earlier := await request_texts.repeated(desk)) is not None:
            return Receipt(
                id=earlier.id,
                status=earlier.status,
                change_request_status=cr.status,
                message="You made this edit before.",
            )
        check(cr, await desk.gates.inbox(cr_id=cr_id), asked.action)
        await _check_repository(desk)
        done = await _ACTIONS[asked.action](desk)
        stored = await _store(desk, done)
        await Audit(connection).note(
            principal.id, f"intervened:{asked.action}", cr_id, **done.body.model_dump(mode="json", exclude_unset=True)
        )
        # Workers hear the database alone, so Redis could not hurry them.
        await ring_at_commit(connection, principal.tenant, f"cr:{cr_id}")
    topics = ["events", "effects", *(["queue"] if done.status is Status.QUEUED else [])]
    await context.bells.ring(principal.tenant, *topics)
    return Receipt(id=stored.id, status=stored.status, change_request_status=done.status, message=done.message)


async def _check_repository(desk: Desk) -> None:
    wanted = desk.asked.repository
    names = [one.target.name for one in await desk.requests.progress(desk.cr.id)] if wanted else []
    if wanted and wanted not in names:
        raise CallerError(
            f"This change request does not work on {wanted}.", field="repository",
            remedy=f"Name one of: {', '.join(names)}.", repositories=names,
        )  # fmt: skip


async def _store(desk: Desk, done: Done) -> Intervention:
    asked, cr = desk.asked, desk.cr
    row = await desk.interventions.add(
        cr.id,
        action=done.stored_as or asked.action,
        body=done.body,
        actor=desk.actor,
        repository=asked.repository,
    )
    if asked.action is Action.SKIP and done.status is Status.QUEUED:
        # There is no worker that has to be stopped for it: the stage itself looks for it.
        await desk.interventions.delivered(row.id, role=None, turn=None)
        row = await desk.interventions.get(row.id)
    if done.hands_over:
        taken = await desk.handing_over.give(cr, row)
        facts = taken.model_dump(mode="json")
        await desk.requests.move(cr.id, Move.PAUSE, reason=done.reason, message=done.message, facts=facts)
    if done.acted:
        await desk.interventions.acted(row.id, note=done.message)
        row = await desk.interventions.get(row.id)
    await desk.log.append(
        cr.id,
        events.InterventionProgressed(
            intervention_id=row.id, action=row.action, status=row.status, actor=row.actor, repository=row.repository
        ),
    )
    if done.status is not cr.status or done.reason is not cr.pause_reason:
        changed = events.StatusChanged(
            status=done.status, reason=done.reason, message=done.message, actor=desk.actor, stage=cr.stage
        )
        await desk.log.append(cr.id, changed)
    return row


async def _resume(desk: Desk) -> Done:
    if desk.cr.pause_reason is PauseReason.SOURCE_CHANGED:
        return await request_texts.keep(desk)
    await forget_stops(desk)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    return Done(message="It goes on where it stopped.", acted=False, status=Status.QUEUED, body=said(desk))


async def _redirect(desk: Desk) -> Done:
    if not desk.asked.instructions:
        raise CallerError(
            "There is nothing to tell the agents.", field="instructions", remedy="Say what to do instead."
        )
    message = "What the agents do now is stopped; they go on with your words."
    return kept(desk, message, acted=False, body=said(desk))


async def _pause(desk: Desk) -> Done:
    return await _stop(desk, PauseReason.HUMAN_PAUSE, "Paused by a person.")


async def _abort(desk: Desk) -> Done:
    return await _stop(desk, PauseReason.ABORTED, "Stopped by a person.")


async def _stop(desk: Desk, reason: PauseReason, message: str) -> Done:
    body = said(desk)
    if desk.cr.status is Status.RUNNING:
        return kept(desk, "The worker stops now.", acted=False, body=body)
    message = desk.asked.instructions or message
    await desk.requests.move(desk.cr.id, Move.PAUSE, reason=reason, message=message)
    return Done(message=message, acted=True, status=Status.PAUSED, reason=reason, body=body)


async def _skip(desk: Desk) -> Done:
    stage = to_skip(desk.cr, desk.asked.repository)
    body = Skipping(instructions=desk.asked.instructions, stage=stage)
    message = f"Left out of {stage}: {left_out(stage)}"
    if desk.cr.status is Status.RUNNING:
        return kept(desk, message, acted=False, body=body)
    await forget_stops(desk)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    return Done(message=message, acted=False, status=Status.QUEUED, body=body)


async def _takeover(desk: Desk) -> Done:
    before = await desk.interventions.queued(desk.cr.id, Action.TAKEOVER)
    if before:
        raise Conflict(
            f"{before[0].actor} is taking it over already.", field="action", remedy="Talk to them, or wait.",
            status=desk.cr.status.value, by=before[0].actor,
        )  # fmt: skip
    if desk.cr.status is Status.RUNNING:
        return kept(desk, "The worker stops now; `show` prints the branch.", acted=False, body=said(desk))
    message = taken_over_by(desk.actor)
    return Done(
        message=message,
        acted=True,
        status=Status.PAUSED,
        body=said(desk),
        reason=PauseReason.HANDED_OVER,
        hands_over=True,
    )


async def _handback(desk: Desk) -> Done:
    cr = desk.cr
    if cr.pause_reason is PauseReason.HANDED_OVER:
        published, from_stage = await _published(desk), HandedOver.model_validate(cr.pause_facts).from_stage
    else:
        last = [one for one in await desk.interventions.of(cr.id) if one.action is Action.HANDBACK][-1].facts(
            HandingBack
        )
        published, from_stage = last.published, last.from_stage
    await forget_stops(desk)
    await desk.requests.move(cr.id, Move.REQUEUE)
    body = HandingBack(
        instructions=desk.asked.instructions, stage=handback_stage(), attempt=cr.attempt,
        from_stage=from_stage, published=published,
    )  # fmt: skip
    message = "The branch is fetched, tested and described; then it goes on."
    return Done(message=message, acted=False, status=Status.QUEUED, body=body)


async def _published(desk: Desk) -> Mapping[str, str | None]:
    """Return what was published, None for what was refused. Raises `Conflict` while that is not known yet."""
    taken = HandedOver.model_validate(desk.cr.pause_facts)
    effects = {name: await desk.effects.get(effect) for name, effect in taken.effects.items()}
    open_ones = sorted(name for name, effect in effects.items() if not effect.status.decided)
    if open_ones:
        raise Conflict(
            f"The branch of {', '.join(open_ones)} is still being published.", field="action",
            remedy="Hand back in a moment, or dismiss the effect.", status=desk.cr.status.value,
        )  # fmt: skip
    return {
        name: effect.result.commit if isinstance(effect.result, Published) else None for name, effect in effects.items()
    }


async def _rerun(desk: Desk) -> Done:
    mode = desk.asked.mode
    if mode is None:
        raise CallerError("A rerun has to say where it begins.", field="mode", remedy="scratch, checkpoint or stage.")
    stage = to_restart_from(desk.cr, desk.asked.stage) if mode is RerunMode.STAGE else None
    if desk.cr.status is Status.PAUSED and mode is not RerunMode.SCRATCH:
        return await _rerun_within_the_attempt(desk, mode, stage)
    await _refuse_a_second_live_one(desk)
    await desk.interventions.overtake(desk.cr.id, but=[Notice.SOURCE_CHANGED], note="A new attempt began.")
    attempt = await desk.requests.start_attempt(desk.cr.id, mode=mode.value, from_stage=stage, requested_by=desk.actor)
    await desk.gates.void(desk.cr.id)
    await desk.effects.dismiss_open(desk.cr.id)
    await desk.requests.move(desk.cr.id, Move.RERUN)
    body = BeginningAnew(instructions=desk.asked.instructions, mode=mode, stage=stage, attempt=attempt)
    return Done(message=f"Attempt {attempt} is queued.", acted=False, status=Status.QUEUED, body=body)


async def _rerun_within_the_attempt(desk: Desk, mode: RerunMode, stage: Stage | None) -> Done:
    open_gates = await desk.gates.inbox(cr_id=desk.cr.id)
    if stage is None and open_gates:
        raise Conflict(
            f"It waits for the {open_gates[0].kind} decision {open_gates[0].id}.", field="mode",
            remedy="Decide it, or rerun from a stage or from scratch.",
        )  # fmt: skip
    await forget_stops(desk)
    await desk.gates.void(desk.cr.id)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    where = f"from {stage}" if stage else "from its last checkpoint"
    words, attempt = desk.asked.instructions, desk.cr.attempt
    going_on = Resuming(instructions=words, mode=mode, stage=stage, attempt=attempt)
    body = BeginningAnew(instructions=words, mode=mode, stage=stage, attempt=attempt) if stage else going_on
    stored_as = None if stage else Action.RESUME
    return Done(message=f"It runs again {where}.", acted=False, status=Status.QUEUED, body=body, stored_as=stored_as)


async def _refuse_a_second_live_one(desk: Desk) -> None:
    cr = desk.cr
    if not cr.status.finished or cr.external_id is None:
        return
    live = await desk.requests.live_for(cr.source, cr.external_id)
    if live is not None:
        raise Conflict(
            f"Change request {live} already works on {cr.source} {cr.external_id}.", field="action",
            remedy=f"Follow {live}, or finish it first.", live=live,
        )  # fmt: skip


async def _fail(desk: Desk) -> Done:
    return await _end(desk, Move.FAIL, Status.FAILED)


async def _cancel(desk: Desk) -> Done:
    return await _end(desk, Move.CANCEL, Status.CANCELLED)


async def _end(desk: Desk, move: Move, status: Status) -> Done:
    cr = desk.cr
    if cr.status is Status.RUNNING:
        # The next epoch belongs to nobody: whatever the worker still writes is refused from here on.
        epoch = await desk.leases.take(cr.id, f"ended:{desk.actor}", lost_after=timedelta(0))
        await desk.leases.release(cr.id, epoch)
    message = desk.asked.instructions or f"Marked as {status} by a person."
    await desk.requests.move(cr.id, move, message=message)
    await desk.gates.void(cr.id)
    await desk.effects.dismiss_open(cr.id)
    await desk.interventions.overtake(cr.id, note=f"It ended as {status}.")
    await desk.revisions.settle(cr.id, DECLINED, actor=desk.actor)
    return Done(message=message, acted=True, status=status, body=said(desk))


async def _budget(desk: Desk) -> Done:
    wanted, present = desk.asked.budget_usd, budget_of(desk.cr.settings_snapshot)
    if wanted is None or wanted <= present:
        raise CallerError(
            f"The new budget must be more than the present {present} US dollars.", field="budget_usd",
            remedy="Give a larger total.", budget_usd=str(present),
        )  # fmt: skip
    await desk.requests.raise_budget(desk.cr.id, wanted)
    raised = RaisingBudget(instructions=desk.asked.instructions, budget_usd=str(wanted), before_usd=str(present))
    message = f"The budget is {wanted} US dollars now."
    if desk.cr.pause_reason is PauseReason.BUDGET and not await desk.gates.inbox(cr_id=desk.cr.id):
        await forget_stops(desk)
        await desk.requests.move(desk.cr.id, Move.REQUEUE)
        message = f"{message} It goes on."
        body = Resuming(**raised.model_dump())
        return Done(message=message, acted=False, status=Status.QUEUED, body=body, stored_as=Action.RESUME)
    if desk.cr.status is Status.RUNNING:
        message = f"{message} The present worker keeps the old one until it stops."
    return kept(desk, message, acted=True, body=raised)


_ACTIONS: Mapping[Action, Callable[[Desk], Awaitable[Done]]] = {
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.REDIRECT: _redirect,
    Action.ABORT: _abort,
    Action.RERUN: _rerun,
    Action.FAIL: _fail,
    Action.CANCEL: _cancel,
    Action.BUDGET: _budget,
    Action.SKIP: _skip,
    Action.TAKEOVER: _takeover,
    Action.HANDBACK: _handback,
    Action.EDIT: request_texts.edit,
    Action.ADOPT: request_texts.adopt,
}
