"""Deciding: the decision binds to what its author saw, and what follows happens in the same transaction."""

from controller.change_requests.snapshots import snapshot_of
from controller.context import ControllerContext
from controller.gates.schemas import DecisionRequest, GateInbox, GateView, gate_view
from pipeline import events
from pipeline.access import Principal
from pipeline.change_request import Move, PauseReason, Status
from pipeline.errors import CallerError, Conflict, Forbidden
from pipeline.gates.gate import Decision, Gate, GateStatus
from pipeline.records import ChangeRequest
from pipeline.store.audit import Audit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.gates import Gates

_WAITING = frozenset({Status.WAITING, Status.PAUSED})


async def inbox(
    context: ControllerContext, principal: Principal, *, status: GateStatus | None, cr_id: str | None
) -> GateInbox:
    """Return gates, oldest first."""
    async with context.database.transaction(principal.tenant) as connection:
        gates = await Gates(connection).inbox(cr_id=cr_id, status=status)
        requests = ChangeRequests(connection)
        titles = {one: (await requests.get(one)).title for one in sorted({gate.cr_id for gate in gates})}
    return GateInbox(items=[gate_view(gate, titles[gate.cr_id]) for gate in gates])


async def one(context: ControllerContext, principal: Principal, gate_id: str) -> GateView:
    """Return one gate."""
    async with context.database.transaction(principal.tenant) as connection:
        gate = await Gates(connection).get(gate_id)
        cr = await ChangeRequests(connection).get(gate.cr_id)
    return gate_view(gate, cr.title)


async def decide(context: ControllerContext, principal: Principal, gate_id: str, asked: DecisionRequest) -> GateView:
    """Decide once. Raises `Conflict` when the content changed, somebody else decided, or nothing waits for it yet."""
    async with context.database.transaction(principal.tenant) as connection:
        gates, requests = Gates(connection), ChangeRequests(connection)
        gate = await gates.get(gate_id)
        cr = await requests.lock(gate.cr_id)
        before = await gates.get(gate_id)
        _check(cr, before, principal, asked)
        decided = await gates.decide(
            gate_id, decision=asked.decision, content_hash=asked.content_hash, actor=principal.id,
            comment=asked.comment,
        )  # fmt: skip
        if before.status is GateStatus.OPEN:
            changed = await _follow(requests, Effects(connection), gates, cr, decided)
            log = Events(connection)
            await log.append(cr.id, _decision_event(decided, asked.decision, principal))
            await log.append(cr.id, changed.model_copy(update={"actor": principal.id, "stage": cr.stage}))
            audited = {"kind": gate.kind, "content_hash": gate.content_hash, "cr_id": cr.id}
            await Audit(connection).note(principal.id, f"decided:{asked.decision}", gate_id, **audited)
    await context.bells.ring(principal.tenant, "events", "queue", f"cr:{cr.id}")
    return gate_view(decided, cr.title)


def _check(cr: ChangeRequest, gate: Gate, principal: Principal, asked: DecisionRequest) -> None:
    if asked.decision is Decision.SEND_BACK and not asked.comment:
        raise CallerError("Sending back needs a reason.", field="comment", remedy="Say what should be different.")
    own = principal.id == cr.created_by and asked.decision is Decision.APPROVE
    if own and not snapshot_of(cr.settings_snapshot).security.requester_may_approve:
        raise Forbidden("The requester of a change does not approve it in this tenant.", remedy="Ask another approver.")
    if gate.status is GateStatus.OPEN and cr.pause_reason is PauseReason.SOURCE_CHANGED:
        raise Conflict(
            f"The text of {cr.id} changed at its source, so what you decide on may not be wanted any more.",
            field="decision", remedy="Decide first which text counts: continue with the old one, or adopt the new one.",
            status=cr.status.value,
        )  # fmt: skip
    if gate.status is GateStatus.OPEN and cr.status not in _WAITING:
        raise Conflict(
            f"Change request {cr.id} is {cr.status} and does not wait for this decision.", field="decision",
            remedy="Look again in a moment.", status=cr.status.value,
        )  # fmt: skip


async def _follow(
    requests: ChangeRequests, effects: Effects, gates: Gates, cr: ChangeRequest, gate: Gate
) -> events.StatusChanged:
    if gate.decision is not Decision.REJECT:
        await requests.move(cr.id, Move.REQUEUE)
        return events.StatusChanged(status=Status.QUEUED, message=f"{gate.kind} {gate.decision}")
    message = f"{gate.kind}_rejected"
    await requests.move(cr.id, Move.CANCEL, message=message)
    await gates.void(cr.id)
    await effects.dismiss_open(cr.id)
    return events.StatusChanged(status=Status.CANCELLED, message=message)


def _decision_event(gate: Gate, decision: Decision, principal: Principal) -> events.GateDecided:
    return events.GateDecided(
        gate_id=gate.id, kind=gate.kind, decision=decision, actor=principal.id, comment=gate.comment[:500]
    )
