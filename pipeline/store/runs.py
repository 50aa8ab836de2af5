"""What a worker writes about its run as a whole: how it ended, which thread it uses, what stops it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline import events
from pipeline.change_request import Move, PauseReason, Stage, Status, WaitKind
from pipeline.errors import LeaseLost
from pipeline.identifiers import derived_id
from pipeline.interventions.intervention import (
    Action,
    BeginningAnew,
    Intervention,
    InterventionStatus,
    Notice,
    RerunMode,
    stored_intervention,
)
from pipeline.interventions.pauses import StoppedBefore
from pipeline.records import ChangeRequest, RepositoryProgress
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.conversations import newest_turn
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.handing_over import HandingOver, taken_over_by
from pipeline.store.interventions import BEGINS_ANEW, SKIPS, STOPS, Interventions
from pipeline.store.leases import Leases
from pipeline.store.request_revisions import LATE, RequestRevisions, source_changed
from pipeline.store.tables import change_requests, interventions, leases


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a worker leaves a change request."""

    move: Move
    status: Status
    message: str = ""
    reason: PauseReason | None = None
    facts: Mapping[str, Any] | None = None
    wait: WaitKind | None = None
    wait_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A restart from a stage that a person asked for; `number` counts them within the attempt."""

    number: int
    stage: Stage | None
    """None: from scratch."""
    intervention_id: str
    upgraded_to: tuple[str, str] | None = None
    """(graph version, code version) that began it by itself after an upgrade; None: a person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunAnew:
    """A thread that takes over from one of another version of the line. `why` is one sentence for people."""

    attempt: int
    number: int
    stage: Stage
    why: str
    graph_version: str
    code_version: str


class Runs:
    """One worker's view of its own run."""

    def __init__(self, database: Database, *, cr_id: str, epoch: int) -> None:
        self._database = database
        self._cr_id = cr_id
        self._epoch = epoch

    async def load(self) -> tuple[ChangeRequest, list[RepositoryProgress]]:
        """Return the change request and its repositories."""
        async with self._database.transaction() as connection:
            requests = ChangeRequests(connection)
            return await requests.get(self._cr_id), await requests.progress(self._cr_id)

    async def working_s(self) -> float:
        """Return the leased working time so far, in seconds."""
        async with self._database.statements() as connection:
            return await Leases(connection).working_s(self._cr_id)

    async def begun(self, attempt: int, *, graph_version: str, code_version: str) -> None:
        """Record which version of the line and of the code the attempt's present thread begins with. Idempotent."""
        async with self._database.statements() as connection:
            await ChangeRequests(connection).store_versions(
                self._cr_id, attempt, graph_version=graph_version, code_version=code_version
            )

    async def graph_version(self, attempt: int) -> str:
        """Return the version of the line that the attempt's present thread began with."""
        async with self._database.statements() as connection:
            return await ChangeRequests(connection).graph_version(self._cr_id, attempt)

    async def begin_anew(self, new: BegunAnew) -> None:
        """Record that a new thread takes over, as an intervention of Changeline itself. Idempotent per number."""
        row = {
            "id": derived_id("int", self._cr_id, str(new.attempt), "upgrade", str(new.number)),
            "cr_id": self._cr_id, "action": Action.RERUN, "actor": "changeline", "status": InterventionStatus.ACTED, "note": new.why,
            "delivered_at": func.now(), "acted_at": func.now(),
        }  # fmt: skip
        body = BeginningAnew(
            mode=RerunMode.STAGE, stage=new.stage, attempt=new.attempt, instructions="",
            upgraded_to=(new.graph_version, new.code_version),
        )  # fmt: skip
        async with self._database.statements() as connection:
            await connection.execute(
                upsert(interventions).values(**row, body=body.model_dump(mode="json")).on_conflict_do_nothing()
            )

    async def end(self, ending: Ending) -> None:
        """Move the change request, say so, settle requests to stop, give the lease back and ring, in one transaction."""
        async with self._database.transaction() as connection:
            ending = await self._source_changed(connection, await self._handed_over(connection, ending))
            moved = await ChangeRequests(connection).move(
                self._cr_id, ending.move, reason=ending.reason, message=ending.message, facts=ending.facts,
                wait=ending.wait, wait_id=ending.wait_id,
            )  # fmt: skip
            if moved:
                changed = events.StatusChanged(
                    status=ending.status, reason=ending.reason, wait=ending.wait, message=ending.message[:1000]
                )
                await Events(connection).append(self._cr_id, changed)
            if ending.move is not Move.REQUEUE:
                await self._answer_stops(connection)
            await Leases(connection).release(self._cr_id, self._epoch)
            topics = ["events", "queue"] if ending.status is Status.QUEUED else ["events", "effects"]
            await ring_at_commit(connection, self._database.tenant, *topics)

    async def _handed_over(self, connection: AsyncConnection, ending: Ending) -> Ending:
        """Give a run that somebody wants to take over to them, however it stopped; one that is complete is complete."""
        asked = await Interventions(connection).queued(self._cr_id, Action.TAKEOVER)
        if not asked:
            return ending
        if ending.move is Move.COMPLETE:
            await Interventions(connection).refused(asked[0].id, note="It was completed first.")
            return ending
        cr = await ChangeRequests(connection).lock(self._cr_id)
        return Ending(
            move=Move.PAUSE, status=Status.PAUSED, reason=PauseReason.HANDED_OVER, message=taken_over_by(asked[0].actor),
            facts=(await HandingOver(connection).give(cr, asked[0])).model_dump(mode="json"),
        )  # fmt: skip

    async def _source_changed(self, connection: AsyncConnection, ending: Ending) -> Ending:
        """Ask a person about the changed text of the source first, however the run stopped; what it stopped for is kept."""
        asked = await Interventions(connection).queued(self._cr_id, Notice.SOURCE_CHANGED)
        if not asked or ending.move is Move.REQUEUE:
            return ending
        if ending.move is Move.COMPLETE:
            await Interventions(connection).refused(asked[-1].id, note="It was completed first.")
            await RequestRevisions(connection).settle(self._cr_id, LATE, actor="changeline")
            return ending
        by_itself = ending.reason is not PauseReason.SOURCE_CHANGED
        message, facts = source_changed(asked[-1], before=_before(ending) if by_itself else None)
        return Ending(
            move=Move.PAUSE, status=Status.PAUSED, reason=PauseReason.SOURCE_CHANGED, message=message, facts=facts
        )

    async def _answer_stops(self, connection: AsyncConnection) -> None:
        """Say to everybody who asked to stop at which turn the run did."""
        role, turn = await newest_turn(connection, self._cr_id)
        for one in await Interventions(connection).stopped(self._cr_id, role=role, turn=turn):
            for status in (InterventionStatus.DELIVERED, one.status):
                progressed = events.InterventionProgressed(
                    intervention_id=one.id, action=one.action, status=status, actor=one.actor, turn=turn, role=role
                )
                await Events(connection).append(self._cr_id, progressed)

    async def delivered(self, intervention_id: str) -> None:
        """Mark what stopped the run as delivered, so that the next worker does not stop for it again."""
        async with self._database.transaction() as connection:
            role, turn = await newest_turn(connection, self._cr_id)
            await Interventions(connection).delivered(intervention_id, role=role, turn=turn)

    async def restarts(self, attempt: int) -> list[Restart]:
        """Return how an attempt was begun anew, oldest first; numbers count from 1. Settles what was queued. Idempotent."""
        mine = (interventions.c.cr_id == self._cr_id) & BEGINS_ANEW
        mine &= interventions.c.body["attempt"].astext == str(attempt)
        query = select(interventions).where(mine).order_by(interventions.c.created_at, interventions.c.id)
        values = {"status": InterventionStatus.ACTED, "acted_at": func.now(), "delivered_at": func.now()}
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
            said = [stored_intervention(row) for row in rows]
            if any(one.status is InterventionStatus.QUEUED for one in said):
                queued = mine & (interventions.c.status == InterventionStatus.QUEUED)
                await connection.execute(update(interventions).where(queued).values(**values))
        return [
            Restart(
                number=number, stage=one.facts(BeginningAnew).stage, intervention_id=one.id,
                upgraded_to=one.facts(BeginningAnew).upgraded_to,
            )
            for number, one in enumerate(said, 1)
        ]  # fmt: skip

    async def went_on(self) -> None:
        """Settle words to go on, for a run that continues in the middle of a stage."""
        async with self._database.statements() as connection:
            await Interventions(connection).went_on(self._cr_id)

    async def stop_asked(self) -> tuple[Status, Intervention | None]:
        """Return the present status, and the oldest queued wish to stop, take over or skip.

        Raises `LeaseLost` when another epoch has the run: what stands there then is the other's doing.
        """
        table, held = interventions, select(leases.c.epoch).where(leases.c.cr_id == self._cr_id).scalar_subquery()
        present = select(change_requests.c.status, held.label("epoch")).where(change_requests.c.id == self._cr_id)
        asked = (table.c.cr_id == self._cr_id) & (STOPS | SKIPS) & (table.c.status == InterventionStatus.QUEUED)
        async with self._database.statements() as connection:
            stands = (await connection.execute(present)).one()
            row = (await connection.execute(select(table).where(asked).order_by(table.c.created_at).limit(1))).first()
        if stands.epoch != self._epoch:
            raise LeaseLost(self._cr_id, self._epoch)
        return Status(stands.status), stored_intervention(row) if row else None


def _before(ending: Ending) -> StoppedBefore:
    return StoppedBefore(reason=ending.reason, message=ending.message, facts=dict(ending.facts or {}), wait=ending.wait)
