"""What a worker writes about its run as a whole: how it ended, which thread it uses, what stops it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from pipeline import events
from pipeline.change_request import Move, PauseReason, Stage, Status, WaitKind
from pipeline.records import ChangeRequest, RepositoryProgress
from pipeline.store.bell import ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.leases import Leases
from pipeline.store.tables import interventions


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
    intervention_id: str | None


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
        async with self._database.transaction() as connection:
            return await Leases(connection).working_s(self._cr_id)

    async def versions(self, attempt: int, *, graph_version: str, code_version: str) -> str:
        """Record which graph runs an attempt; return the one it began with."""
        async with self._database.transaction() as connection:
            return await ChangeRequests(connection).attempt_versions(
                self._cr_id, attempt, graph_version=graph_version, code_version=code_version
            )

    async def end(self, ending: Ending) -> None:
        """Move the change request, say so, and give the lease back, in one transaction, whose commit rings."""
        async with self._database.transaction() as connection:
            moved = await ChangeRequests(connection).move(
                self._cr_id, ending.move, reason=ending.reason, message=ending.message, facts=ending.facts,
                wait=ending.wait, wait_id=ending.wait_id,
            )  # fmt: skip
            if moved:
                changed = events.StatusChanged(
                    status=ending.status, reason=ending.reason, wait=ending.wait, message=ending.message[:1000]
                )
                await Events(connection).append(self._cr_id, changed)
            await Leases(connection).release(self._cr_id, self._epoch)
            topics = ["events", "queue"] if ending.status is Status.QUEUED else ["events"]
            await ring_at_commit(connection, self._database.tenant, *topics)

    async def restart(self, attempt: int) -> Restart:
        """Take a queued restart from a stage, or return how many there were. Idempotent per intervention."""
        table = interventions
        asked = (table.c.cr_id == self._cr_id) & (table.c.action == "rerun") & (table.c.body["mode"].astext == "stage")
        asked &= table.c.body["attempt"].astext == str(attempt)
        async with self._database.transaction() as connection:
            rows = list((await connection.execute(select(table).where(asked).order_by(table.c.created_at))).mappings())
            waiting = [row for row in rows if row["status"] == "queued"]
            if waiting:
                values = {"status": "acted", "acted_at": func.now(), "delivered_at": func.now()}
                ids = [row["id"] for row in waiting]
                await connection.execute(update(table).where(table.c.id.in_(ids)).values(**values))
        if not rows:
            return Restart(number=0, stage=None, intervention_id=None)
        last = rows[-1]
        return Restart(number=len(rows), stage=Stage(last["body"]["stage"]), intervention_id=last["id"])

    async def stop_asked(self) -> tuple[Status, Mapping[str, Any] | None]:
        """Return the present status, and the oldest queued pause or abort."""
        table = interventions
        asked = (table.c.cr_id == self._cr_id) & table.c.action.in_(["pause", "abort"]) & (table.c.status == "queued")
        async with self._database.transaction() as connection:
            status = (await ChangeRequests(connection).get(self._cr_id)).status
            row = (
                (await connection.execute(select(table).where(asked).order_by(table.c.created_at).limit(1)))
                .mappings()
                .first()
            )
        return status, dict(row) if row else None

    async def acted(self, intervention_id: str) -> None:
        """Mark what a person asked as done."""
        values = {"status": "acted", "acted_at": func.now()}
        async with self._database.transaction() as connection:
            await connection.execute(
                update(interventions).where(interventions.c.id == intervention_id).values(**values)
            )
