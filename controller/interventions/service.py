"""Carrying out what people say: a row for everything, a move of the state machine where one follows.

Everything happens under the change request's row lock in one transaction, so two people who act at once are told about
each other. What concerns a running worker is only stored and rung; the worker answers for it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controller.change_requests.schemas import budget_of
from controller.context import ControllerContext
from controller.interventions.actions import check
from controller.interventions.schemas import Action, InterventionRequest, Receipt, RerunMode
from pipeline import events
from pipeline.access import Principal
from pipeline.change_request import Move, PauseReason, Stage, Status
from pipeline.errors import CallerError, Conflict, InvariantBroken
from pipeline.records import ChangeRequest, Intervention
from pipeline.skipping import SKIPPABLE, skippable
from pipeline.state import PER_REPOSITORY
from pipeline.store.audit import Audit
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.handing_over import HandingOver, taken_over_by
from pipeline.store.interventions import Interventions
from pipeline.store.leases import Leases


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What one intervention works with: the locked change request and the aggregates of one transaction."""

    handing_over: HandingOver
    cr: ChangeRequest
    asked: InterventionRequest
    actor: str
    requests: ChangeRequests
    gates: Gates
    interventions: Interventions
    effects: Effects
    leases: Leases
    log: Events


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What followed. `acted` False leaves the row queued for the worker; `move` None changes no status."""

    message: str
    acted: bool
    status: Status
    body: Mapping[str, Any]
    reason: PauseReason | None = None
    stored_as: Action | None = None
    """What the worker understands it as, when that is not the action that was asked for."""
    hands_over: bool = False
    """The change request is nobody's right now, so it is given to the person in this transaction."""


async def intervene(
    context: ControllerContext, principal: Principal, cr_id: str, asked: InterventionRequest
) -> Receipt:
    """Carry out one intervention; raises `Conflict` with what is allowed now, or `CallerError` for a missing part."""
    async with context.database.transaction(principal.tenant) as connection:
        cr = await ChangeRequests(connection).lock(cr_id)
        desk = _Desk(
            handing_over=HandingOver(connection), cr=cr, asked=asked, actor=principal.id, requests=ChangeRequests(connection), gates=Gates(connection),
            interventions=Interventions(connection), effects=Effects(connection), leases=Leases(connection),
            log=Events(connection),
        )  # fmt: skip
        check(cr, await desk.gates.inbox(cr_id=cr_id), asked.action)
        await _check_repository(desk)
        done = await _ACTIONS[asked.action](desk)
        stored = await _store(desk, done)
        await Audit(connection).note(principal.id, f"intervened:{asked.action}", cr_id, **dict(done.body))
        # Workers hear the database alone, so Redis could not hurry them.
        await ring_at_commit(connection, principal.tenant, f"cr:{cr_id}")
    topics = ["events", "effects", *(["queue"] if done.status is Status.QUEUED else [])]
    await context.bells.ring(principal.tenant, *topics)
    return Receipt(id=stored.id, status=stored.status, change_request_status=done.status, message=done.message)


async def _check_repository(desk: _Desk) -> None:
    wanted = desk.asked.repository
    names = [one.target.name for one in await desk.requests.progress(desk.cr.id)] if wanted else []
    if wanted and wanted not in names:
        raise CallerError(
            f"This change request does not work on {wanted}.", field="repository",
            remedy=f"Name one of: {', '.join(names)}.", repositories=names,
        )  # fmt: skip


async def _store(desk: _Desk, done: _Done) -> Intervention:
    asked, cr = desk.asked, desk.cr
    row = await desk.interventions.add(
        cr.id,
        action=(done.stored_as or asked.action).value,
        body=done.body,
        actor=desk.actor,
        repository=asked.repository,
    )
    if asked.action is Action.SKIP and done.status is Status.QUEUED:
        # There is no worker that has to be stopped for it: the stage itself looks for it.
        await desk.interventions.delivered(row.id, role=None, turn=None)
        row = await desk.interventions.get(row.id)
    if done.hands_over:
        facts = await desk.handing_over.give(cr, row)
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


async def _resume(desk: _Desk) -> _Done:
    await _forget_stops(desk)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    return _Done(message="It goes on where it stopped.", acted=False, status=Status.QUEUED, body=_body(desk))


async def _redirect(desk: _Desk) -> _Done:
    if not desk.asked.instructions:
        raise CallerError(
            "There is nothing to tell the agents.", field="instructions", remedy="Say what to do instead."
        )
    message = "The agents see it at their next turn."
    return _kept(desk, message, acted=False, body=_body(desk))


async def _pause(desk: _Desk) -> _Done:
    return await _stop(desk, PauseReason.HUMAN_PAUSE, "Paused by a person.")


async def _abort(desk: _Desk) -> _Done:
    return await _stop(desk, PauseReason.ABORTED, "Stopped by a person.")


async def _stop(desk: _Desk, reason: PauseReason, message: str) -> _Done:
    body = _body(desk)
    if desk.cr.status is Status.RUNNING:
        return _kept(desk, "The worker stops now.", acted=False, body=body)
    message = desk.asked.instructions or message
    await desk.requests.move(desk.cr.id, Move.PAUSE, reason=reason, message=message)
    return _Done(message=message, acted=True, status=Status.PAUSED, reason=reason, body=body)


async def _skip(desk: _Desk) -> _Done:
    stage = skippable(desk.cr.stage, desk.cr.pause_reason)
    if stage is None:
        raise InvariantBroken("A stage that cannot be skipped was to be skipped.", cr_id=desk.cr.id)
    if desk.asked.repository is not None and stage not in PER_REPOSITORY:
        raise CallerError(
            f"{stage} works on all repositories at once.", field="repository", remedy="Leave the repository out."
        )
    body = {**_body(desk), "stage": stage.value}
    message = f"Left out of {stage}: {SKIPPABLE[stage]}"
    if desk.cr.status is Status.RUNNING:
        return _kept(desk, message, acted=False, body=body)
    await _forget_stops(desk)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    return _Done(message=message, acted=False, status=Status.QUEUED, body=body)


async def _takeover(desk: _Desk) -> _Done:
    before = await desk.interventions.queued(desk.cr.id, Action.TAKEOVER.value)
    if before:
        raise Conflict(
            f"{before[0].actor} is taking it over already.", field="action", remedy="Talk to them, or wait.",
            status=desk.cr.status.value, by=before[0].actor,
        )  # fmt: skip
    if desk.cr.status is Status.RUNNING:
        return _kept(desk, "The worker stops now; `show` prints the branch.", acted=False, body=_body(desk))
    message = taken_over_by(desk.actor)
    return _Done(
        message=message,
        acted=True,
        status=Status.PAUSED,
        body=_body(desk),
        reason=PauseReason.HANDED_OVER,
        hands_over=True,
    )


async def _handback(desk: _Desk) -> _Done:
    cr = desk.cr
    if cr.pause_reason is PauseReason.HANDED_OVER:
        published, from_stage = await _published(desk), cr.pause_facts["from_stage"]
    else:
        last = [one for one in await desk.interventions.of(cr.id) if one.action == Action.HANDBACK][-1]
        published, from_stage = last.body["published"], last.body["from_stage"]
    await _forget_stops(desk)
    await desk.requests.move(cr.id, Move.REQUEUE)
    facts = {"stage": Stage.SYNC.value, "attempt": cr.attempt, "from_stage": from_stage, "published": published}
    message = "The branch is fetched, tested and described; then it goes on."
    return _Done(message=message, acted=False, status=Status.QUEUED, body={**_body(desk), **facts})


async def _published(desk: _Desk) -> dict[str, str | None]:
    """Return what was published, None for what was refused. Raises `Conflict` while that is not known yet."""
    effects = {name: await desk.effects.get(effect) for name, effect in desk.cr.pause_facts["effects"].items()}
    open_ones = sorted(name for name, effect in effects.items() if effect.status in {"intended", "claimed", "retry"})
    if open_ones:
        raise Conflict(
            f"The branch of {', '.join(open_ones)} is still being published.", field="action",
            remedy="Hand back in a moment, or dismiss the effect.", status=desk.cr.status.value,
        )  # fmt: skip
    return {name: effect.result["commit"] if effect.status == "done" else None for name, effect in effects.items()}


async def _rerun(desk: _Desk) -> _Done:
    mode = desk.asked.mode
    if mode is None:
        raise CallerError("A rerun has to say where it begins.", field="mode", remedy="scratch, checkpoint or stage.")
    stage = _stage(desk) if mode is RerunMode.STAGE else None
    if desk.cr.status is Status.PAUSED and mode is not RerunMode.SCRATCH:
        return await _rerun_within_the_attempt(desk, mode, stage)
    await _refuse_a_second_live_one(desk)
    await desk.interventions.overtake(desk.cr.id, note="A new attempt began.")
    attempt = await desk.requests.start_attempt(desk.cr.id, mode=mode.value, from_stage=stage, requested_by=desk.actor)
    await desk.gates.void(desk.cr.id)
    await desk.effects.dismiss_open(desk.cr.id)
    await desk.requests.move(desk.cr.id, Move.RERUN)
    body = {**_body(desk), "mode": mode.value, "stage": stage.value if stage else None, "attempt": attempt}
    return _Done(message=f"Attempt {attempt} is queued.", acted=False, status=Status.QUEUED, body=body)


async def _rerun_within_the_attempt(desk: _Desk, mode: RerunMode, stage: Stage | None) -> _Done:
    open_gates = await desk.gates.inbox(cr_id=desk.cr.id)
    if stage is None and open_gates:
        raise Conflict(
            f"It waits for the {open_gates[0].kind} decision {open_gates[0].id}.", field="mode",
            remedy="Decide it, or rerun from a stage or from scratch.",
        )  # fmt: skip
    await _forget_stops(desk)
    await desk.gates.void(desk.cr.id)
    await desk.requests.move(desk.cr.id, Move.REQUEUE)
    where = f"from {stage}" if stage else "from its last checkpoint"
    body = {**_body(desk), "mode": mode.value, "stage": stage.value if stage else None, "attempt": desk.cr.attempt}
    stored_as = None if stage else Action.RESUME
    return _Done(message=f"It runs again {where}.", acted=False, status=Status.QUEUED, body=body, stored_as=stored_as)


async def _forget_stops(desk: _Desk) -> None:
    """A pause that came too late for the last run must not stop the next one."""
    stops = [Action.PAUSE.value, Action.ABORT.value]
    await desk.interventions.overtake(desk.cr.id, actions=stops, note="It had stopped before.")


def _stage(desk: _Desk) -> Stage:
    asked, reached = desk.asked.stage, desk.cr.stage
    if asked is None or asked is Stage.SYNC:
        raise CallerError("Which stage?", field="stage", remedy="Name the stage to begin with.")
    if reached is None or asked.number > reached.number:
        raise CallerError(
            f"Stage {asked} was not reached so far.", field="stage", remedy="Name a stage that has run.",
            reached=reached.value if reached else None,
        )  # fmt: skip
    return asked


async def _refuse_a_second_live_one(desk: _Desk) -> None:
    cr = desk.cr
    if not cr.status.finished or cr.external_id is None:
        return
    live = await desk.requests.live_for(cr.source, cr.external_id)
    if live is not None:
        raise Conflict(
            f"Change request {live} already works on {cr.source} {cr.external_id}.", field="action",
            remedy=f"Follow {live}, or finish it first.", live=live,
        )  # fmt: skip


async def _fail(desk: _Desk) -> _Done:
    return await _end(desk, Move.FAIL, Status.FAILED)


async def _cancel(desk: _Desk) -> _Done:
    return await _end(desk, Move.CANCEL, Status.CANCELLED)


async def _end(desk: _Desk, move: Move, status: Status) -> _Done:
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
    return _Done(message=message, acted=True, status=status, body=_body(desk))


async def _budget(desk: _Desk) -> _Done:
    wanted, present = desk.asked.budget_usd, budget_of(desk.cr.settings_snapshot)
    if wanted is None or wanted <= present:
        raise CallerError(
            f"The new budget must be more than the present {present} US dollars.", field="budget_usd",
            remedy="Give a larger total.", budget_usd=str(present),
        )  # fmt: skip
    await desk.requests.raise_budget(desk.cr.id, wanted)
    body = {**_body(desk), "budget_usd": str(wanted), "before_usd": str(present)}
    message = f"The budget is {wanted} US dollars now."
    if desk.cr.pause_reason is PauseReason.BUDGET and not await desk.gates.inbox(cr_id=desk.cr.id):
        await _forget_stops(desk)
        await desk.requests.move(desk.cr.id, Move.REQUEUE)
        message = f"{message} It goes on."
        return _Done(message=message, acted=False, status=Status.QUEUED, body=body, stored_as=Action.RESUME)
    if desk.cr.status is Status.RUNNING:
        message = f"{message} The present worker keeps the old one until it stops."
    return _kept(desk, message, acted=True, body=body)


def _kept(desk: _Desk, message: str, *, acted: bool, body: Mapping[str, Any]) -> _Done:
    return _Done(message=message, acted=acted, status=desk.cr.status, reason=desk.cr.pause_reason, body=body)


def _body(desk: _Desk) -> dict[str, Any]:
    return {"instructions": desk.asked.instructions}


_ACTIONS: Mapping[Action, Callable[[_Desk], Awaitable[_Done]]] = {
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
}
