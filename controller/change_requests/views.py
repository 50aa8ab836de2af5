"""Reading change requests: the board and one in full, each from one consistent transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from controller import paging
from controller.background.workers import limit_of
from controller.change_requests import schemas
from controller.change_requests.schemas import (
    AttentionCounts,
    ChangeRequestDetail,
    ChangeRequestPage,
    ChangeRequestSummary,
)
from controller.change_requests.snapshots import snapshot_of
from controller.change_requests.takeover import takeover
from controller.context import ControllerContext
from controller.interventions.actions import available
from pipeline.access import Principal
from pipeline.change_request import PauseReason, Status
from pipeline.errors import CallerError
from pipeline.gates.gate import Gate
from pipeline.records import ChangeRequest
from pipeline.store.attention import Attention
from pipeline.store.board import Board, WorkerState
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.interventions import Interventions
from pipeline.store.pull_requests import PullRequests
from pipeline.store.request_revisions import PROPOSED, RequestRevisions, in_use


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the board; pages and counts take the same ones."""

    statuses: list[Status]
    repository: str | None
    words: str | None


async def page(
    context: ControllerContext,
    principal: Principal,
    *,
    limit: int,
    cursor: str | None,
    wanted: Wanted,
    group: Attention | None,
) -> ChangeRequestPage:
    """Return a page of the board, newest first."""
    before = _position(cursor) if cursor else None
    async with context.database.transaction(principal.tenant) as connection:
        events_after = await Events(connection).last_number()
        found = await ChangeRequests(connection).page(
            limit=limit + 1, before=before, statuses=wanted.statuses, repository=wanted.repository,
            words=wanted.words, group=group,
        )  # fmt: skip
        shown = found[:limit]
        ids = [cr.id for cr in shown]
        names = await Board(connection).repositories_of(ids)
        gates = await Board(connection).open_gates_of(ids)
        queue = await _queue(context, Board(connection), principal, shown)
    more = len(found) > limit
    scripted = context.settings.scenario is not None
    return ChangeRequestPage(
        items=[
            ChangeRequestSummary(
                **schemas.core_fields(cr),
                repositories=names[cr.id],
                open_gates=gates[cr.id],
                scripted=scripted,
                queue=queue.get(cr.id),
            )
            for cr in shown
        ],
        next_cursor=paging.encode([shown[-1].created_at.isoformat(), shown[-1].id]) if more else None,
        events_after=events_after,
    )


async def counts(context: ControllerContext, principal: Principal, wanted: Wanted) -> AttentionCounts:
    """Return how many change requests each group holds."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await ChangeRequests(connection).count_by_attention(
            statuses=wanted.statuses, repository=wanted.repository, words=wanted.words
        )
    return AttentionCounts(**{group.value: number for group, number in found.items()})


async def detail(
    context: ControllerContext, principal: Principal, cr_id: str, *, warnings: list[str] | None = None
) -> ChangeRequestDetail:
    """Return one change request in full."""
    async with context.database.transaction(principal.tenant) as connection:
        board = Board(connection)
        events_after = await Events(connection).last_number()
        cr = await ChangeRequests(connection).get(cr_id)
        progress = await ChangeRequests(connection).progress(cr_id)
        gates = await Gates(connection).inbox(cr_id=cr_id)
        worker = await board.worker(cr_id)
        spending = (await board.spending(cr_id=cr_id))[0]
        attempts = await board.attempts(cr_id)
        said = await Interventions(connection).of(cr_id)
        texts = await RequestRevisions(connection).of(cr)
        pull_requests = await PullRequests(connection).of(cr_id)
        queue = (await _queue(context, board, principal, [cr])).get(cr_id)
        effects = await Effects(connection).of(cr_id) if cr.pause_reason is PauseReason.HANDED_OVER else []
    return ChangeRequestDetail(
        **schemas.core_fields(cr),
        body=cr.body,
        structured=dict(cr.structured),
        repositories=[schemas.repository_view(one) for one in progress],
        gates=[_gate(gate) for gate in gates],
        pause=_pause(cr, gates),
        takeover=takeover(cr, effects),
        actions=available(cr, gates),
        worker=_worker(worker),
        queue=queue,
        queue_position=queue.position if queue else None,
        report_url=cr.report_url,
        request_revision=in_use(texts).revision,
        proposed_revision=next((one.revision for one in texts if one.state == PROPOSED), None),
        cost=schemas.cost_summary(spending, schemas.budget_of(cr.settings_snapshot)),
        model=_model(context, cr),
        attempts=[schemas.attempt_view(one) for one in attempts],
        interventions=[schemas.intervention_view(one) for one in said],
        pull_requests=[schemas.pull_request_view(one) for one in pull_requests],
        settings_snapshot=dict(cr.settings_snapshot),
        warnings=warnings or [],
        events_after=events_after,
    )


async def _queue(
    context: ControllerContext, board: Board, principal: Principal, shown: Sequence[ChangeRequest]
) -> dict[str, schemas.QueueView]:
    if not any(cr.status is Status.QUEUED for cr in shown):
        return {}
    places = await board.queue_positions()
    held = await board.queue(principal.tenant, limit_of(context.settings))
    return {
        cr_id: schemas.QueueView(position=place, held_by=held.held_by, running=held.running, limit=held.limit)
        for cr_id, place in places.items()
    }


def _position(cursor: str) -> tuple[datetime, str]:
    created_at, cr_id = paging.decode(cursor, str, str)
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError as error:
        raise CallerError("This cursor is not one of ours.", field="cursor", remedy="Start without one.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment, cr_id


def _gate(gate: Gate) -> schemas.GateBrief:
    return schemas.GateBrief(id=gate.id, kind=gate.kind, content_hash=gate.content_hash, created_at=gate.created_at)


def _pause(cr: ChangeRequest, gates: list[Gate]) -> schemas.PauseView | None:
    if cr.status is not Status.PAUSED or cr.pause_reason is None:
        return None
    return schemas.PauseView(
        reason=cr.pause_reason, message=cr.pause_message, facts=dict(cr.pause_facts), actions=available(cr, gates)
    )


def _worker(state: WorkerState | None) -> schemas.WorkerView | None:
    if state is None:
        return None
    alive = state.expires_at is not None and state.expires_at > datetime.now(UTC)
    return schemas.WorkerView(
        epoch=state.epoch, owner=state.owner, activity=state.activity, alive=alive, beat_at=state.beat_at,
        working_s=state.working_s,
    )  # fmt: skip


def _model(context: ControllerContext, cr: ChangeRequest) -> schemas.ModelView:
    scenario = context.settings.scenario
    if scenario is not None:
        return schemas.ModelView(name=f"scripted model ({scenario.stem})", scripted=True)
    return schemas.ModelView(name=snapshot_of(cr.settings_snapshot).model, scripted=False)
