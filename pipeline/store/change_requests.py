"""Change requests: created once, moved only by the transition function, under a row lock.

Repeating a move whose outcome already holds changes nothing and says so, which makes every caller retryable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, cast, exists, func, insert, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import (
    FINISHED,
    Kind,
    Move,
    PauseReason,
    Stage,
    Status,
    WaitKind,
    transition,
)
from pipeline.errors import Conflict, NotFound
from pipeline.records import ChangeRequest, NewChangeRequest, RepositoryProgress
from pipeline.store.attention import Attention, attention
from pipeline.store.repositories import stored_target
from pipeline.store.tables import attempts, change_request_repositories, change_requests, leases


class ChangeRequests:
    """The aggregate of one change request and its repositories, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, new: NewChangeRequest) -> ChangeRequest:
        """Store a queued change request; raises `Conflict` naming the live one of the same source issue."""
        values = asdict(new)
        del values["repositories"]
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(insert(change_requests).values(**values))
        except IntegrityError as error:
            if "uq_change_requests_live_external" not in str(error.orig):
                raise
            live = await self.live_for(new.source, new.external_id or "")
            raise Conflict(
                f"Change request {live} already works on {new.source} {new.external_id}.",
                field="external_id", remedy=f"Follow {live}, or finish it first.", live=live,
            ) from error  # fmt: skip
        for target in new.repositories:
            row = {"cr_id": new.id, "repository": target.name, "target": asdict(target)}
            await self._connection.execute(insert(change_request_repositories).values(**row))
        await self._connection.execute(insert(attempts).values(cr_id=new.id, attempt=1, requested_by=new.created_by))
        return await self.get(new.id)

    async def live_for(self, source: str, external_id: str) -> str | None:
        """Return the id of the unfinished change request of a source issue."""
        found = await self._connection.execute(
            select(change_requests.c.id).where(
                change_requests.c.source == source,
                change_requests.c.external_id == external_id,
                change_requests.c.status.not_in([status.value for status in FINISHED]),
            )
        )
        return found.scalar_one_or_none()

    async def get(self, cr_id: str) -> ChangeRequest:
        """Return it or raise `NotFound`."""
        rows = await self._connection.execute(select(change_requests).where(change_requests.c.id == cr_id))
        row = rows.one_or_none()
        if row is None:
            raise NotFound("change request", cr_id)
        return _change_request(row)

    async def lock(self, cr_id: str) -> ChangeRequest:
        """Return it with its row locked to the end of the transaction, so that what follows decides on the present."""
        await self._connection.execute(
            select(change_requests.c.id).where(change_requests.c.id == cr_id).with_for_update()
        )
        return await self.get(cr_id)

    async def page(
        self,
        *,
        limit: int,
        before: tuple[datetime, str] | None = None,
        statuses: Sequence[Status] = (),
        repository: str | None = None,
        words: str | None = None,
        group: Attention | None = None,
    ) -> list[ChangeRequest]:
        """Return newest first, at most `limit`, strictly older than the cursor `before` = (created_at, id)."""
        query = (
            select(change_requests)
            .where(*_wanted(statuses=statuses, repository=repository, words=words))
            .order_by(change_requests.c.created_at.desc(), change_requests.c.id.desc())
            .limit(limit)
        )
        if before:
            query = query.where(tuple_(change_requests.c.created_at, change_requests.c.id) < before)
        if group:
            query = query.where(attention() == group.value)
        return [_change_request(row) for row in await self._connection.execute(query)]

    async def count_by_attention(
        self, *, statuses: Sequence[Status] = (), repository: str | None = None, words: str | None = None
    ) -> dict[Attention, int]:
        """Return how many change requests each group of the board holds, under the filters of `page`."""
        grouped = select(attention().label("wanted")).where(
            *_wanted(statuses=statuses, repository=repository, words=words)
        )
        rows = grouped.subquery()
        query = select(rows.c.wanted, func.count().label("number")).group_by(rows.c.wanted)
        found = {Attention(row.wanted): int(row.number) for row in await self._connection.execute(query)}
        return {group: found.get(group, 0) for group in Attention}

    async def move(
        self,
        cr_id: str,
        move: Move,
        *,
        reason: PauseReason | None = None,
        message: str = "",
        facts: Mapping[str, Any] | None = None,
        wait: WaitKind | None = None,
        wait_id: str | None = None,
    ) -> bool:
        """Apply one move of the state machine. Returns False when its outcome already held; raises `IllegalMove`."""
        row = (
            await self._connection.execute(
                select(change_requests.c.status, change_requests.c.pause_reason, change_requests.c.wait_id)
                .where(change_requests.c.id == cr_id)
                .with_for_update()
            )
        ).one_or_none()
        if row is None:
            raise NotFound("change request", cr_id)
        before = Status(row.status)
        after = transition(before, move)
        if after is before and (row.pause_reason, row.wait_id) == (reason, wait_id):
            return False
        values: dict[str, Any] = {
            "status": after.value,
            "pause_reason": reason.value if reason else None,
            "pause_message": message,
            "pause_facts": dict(facts or {}),
            "wait_kind": wait.value if wait else None,
            "wait_id": wait_id,
            "updated_at": func.now(),
            "finished_at": func.now() if after.finished else None,
        }
        if after is Status.QUEUED:
            values["queued_at"] = func.now()
        await self._connection.execute(update(change_requests).where(change_requests.c.id == cr_id).values(**values))
        return True

    async def raise_budget(self, cr_id: str, budget_usd: Decimal) -> None:
        """Set this change request's own budget in its snapshot, as a person asked; nothing else of a snapshot changes."""
        path, value = text("'{pipeline,budget_usd}'"), cast(str(budget_usd), JSONB)
        snapshot = func.jsonb_set(change_requests.c.settings_snapshot, path, value, True)
        values = {"settings_snapshot": snapshot, "updated_at": func.now()}
        await self._connection.execute(update(change_requests).where(change_requests.c.id == cr_id).values(**values))

    async def enter_stage(self, cr_id: str, stage: Stage) -> None:
        """Record where the line is; for people, not for decisions."""
        values = {"stage": stage.value, "updated_at": func.now()}
        await self._connection.execute(update(change_requests).where(change_requests.c.id == cr_id).values(**values))

    async def store_structured(self, cr_id: str, structured: Mapping[str, Any]) -> None:
        """Keep intake's structured request. Idempotent."""
        values = {"structured": dict(structured), "updated_at": func.now()}
        await self._connection.execute(update(change_requests).where(change_requests.c.id == cr_id).values(**values))

    async def start_attempt(self, cr_id: str, *, mode: str, from_stage: Stage | None, requested_by: str) -> int:
        """Open the next attempt of a rerun and return its number."""
        statement = (
            update(change_requests).where(change_requests.c.id == cr_id).values(attempt=change_requests.c.attempt + 1)
        ).returning(change_requests.c.attempt)
        attempt = int((await self._connection.execute(statement)).scalar_one())
        row = {"cr_id": cr_id, "attempt": attempt, "mode": mode, "requested_by": requested_by}
        await self._connection.execute(
            insert(attempts).values(**row, from_stage=from_stage.value if from_stage else None)
        )
        return attempt

    async def store_versions(self, cr_id: str, attempt: int, *, graph_version: str, code_version: str) -> None:
        """Record which line and code the present thread of an attempt begins with. Idempotent."""
        where = (attempts.c.cr_id == cr_id) & (attempts.c.attempt == attempt)
        values = {"graph_version": graph_version, "code_version": code_version}
        await self._connection.execute(update(attempts).where(where).values(**values))

    async def graph_version(self, cr_id: str, attempt: int) -> str:
        """Return the version of the line that the present thread of an attempt began with."""
        where = (attempts.c.cr_id == cr_id) & (attempts.c.attempt == attempt)
        return str((await self._connection.execute(select(attempts.c.graph_version).where(where))).scalar_one())

    async def claim_queued(self, limit: int) -> list[str]:
        """Lock and return the next ids that nobody else is dispatching.

        What ran before goes first: somebody decided or waits, and work begun is ended before more is begun. Within each
        half, the longest-queued goes first.
        """
        query = (
            select(change_requests.c.id)
            .where(change_requests.c.status == Status.QUEUED.value)
            .order_by(*queue_order())
            .limit(limit)
            .with_for_update(skip_locked=True, of=change_requests)
        )
        return list((await self._connection.execute(query)).scalars())

    async def count(self, status: Status) -> int:
        """Return how many of this tenant have a status."""
        query = select(func.count()).select_from(change_requests).where(change_requests.c.status == status.value)
        return int((await self._connection.execute(query)).scalar_one())

    async def ended_without_success(self, *, limit: int) -> list[ChangeRequest]:
        """Return what failed, was cancelled or aborted, the longest ended first."""
        row = change_requests.c
        aborted = (row.status == Status.PAUSED.value) & (row.pause_reason == PauseReason.ABORTED.value)
        ended = or_(row.status.in_([Status.FAILED.value, Status.CANCELLED.value]), aborted)
        query = select(change_requests).where(ended).order_by(func.coalesce(row.finished_at, row.updated_at), row.id)
        return [_change_request(found) for found in await self._connection.execute(query.limit(limit))]

    async def progress(self, cr_id: str) -> list[RepositoryProgress]:
        """Return its repositories by name."""
        table = change_request_repositories
        rows = await self._connection.execute(select(table).where(table.c.cr_id == cr_id).order_by(table.c.repository))
        return [_progress(row) for row in rows]

    async def record_progress(self, cr_id: str, repository: str, **values: Any) -> None:
        """Set commits, branch or facts of one repository. Idempotent."""
        table = change_request_repositories
        where = (table.c.cr_id == cr_id) & (table.c.repository == repository)
        await self._connection.execute(update(table).where(where).values(**values, updated_at=func.now()))


def _wanted(*, statuses: Sequence[Status], repository: str | None, words: str | None) -> list[ColumnElement[bool]]:
    row, links = change_requests.c, change_request_repositories.c
    wanted: list[ColumnElement[bool]] = []
    if statuses:
        wanted.append(row.status.in_([status.value for status in statuses]))
    if repository:
        wanted.append(row.id.in_(select(links.cr_id).where(links.repository == repository)))
    if words:
        wanted.append(or_(row.title.icontains(words, autoescape=True), row.id == words))
    return wanted


def queue_order() -> tuple[ColumnElement[Any], ...]:
    """Return the order of a tenant's queue; a lease shows that a change request ran before."""
    ran_before = exists().where(leases.c.cr_id == change_requests.c.id)
    return (ran_before.desc(), change_requests.c.queued_at, change_requests.c.id)


def _change_request(row: Row[Any]) -> ChangeRequest:
    return ChangeRequest(
        **{
            **row._asdict(),
            "kind": Kind(row.kind),
            "status": Status(row.status),
            "stage": Stage(row.stage) if row.stage else None,
            "pause_reason": PauseReason(row.pause_reason) if row.pause_reason else None,
            "wait_kind": WaitKind(row.wait_kind) if row.wait_kind else None,
        }
    )


def _progress(row: Row[Any]) -> RepositoryProgress:
    return RepositoryProgress(
        target=stored_target(row.target),
        base_commit=row.base_commit,
        tests_commit=row.tests_commit,
        head_commit=row.head_commit,
        merge_commit=row.merge_commit,
        branch=row.branch,
        facts=row.facts,
    )
