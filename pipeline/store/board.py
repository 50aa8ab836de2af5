"""What people look at across aggregates: the queue, the worker, attempts, money. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Status
from pipeline.store.change_requests import queue_order
from pipeline.store.dispatching import Limit, Queue, queue_of
from pipeline.store.tables import (
    attempts,
    change_request_repositories,
    change_requests,
    gates,
    lease_beats,
    leases,
    model_calls,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """Who holds a change request, or held it last. `expires_at` is None once the lease was given back."""

    epoch: int
    owner: str
    activity: str
    beat_at: datetime
    expires_at: datetime | None
    working_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptState:
    """One attempt of a change request."""

    attempt: int
    mode: str
    from_stage: str | None
    requested_by: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Money and tokens of one group of model calls. `group` is the group's value per grouped column."""

    group: Mapping[str, str]
    calls: int
    settled_usd: Decimal
    reserved_usd: Decimal
    input_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    estimated_calls: int


class Board:
    """Read models of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def queue_positions(self) -> dict[str, int]:
        """Return the place of every queued change request of this tenant, 1 for the next to be dispatched."""
        query = select(change_requests.c.id).where(change_requests.c.status == Status.QUEUED.value)
        ids = (await self._connection.execute(query.order_by(*queue_order()))).scalars()
        return {cr_id: number for number, cr_id in enumerate(ids, 1)}

    async def queue(self, tenant: str, limit: Limit) -> Queue:
        """Say what this tenant's queue waits for now."""
        return await queue_of(self._connection, tenant, limit)

    async def worker(self, cr_id: str) -> WorkerState | None:
        """Return the present or last holder of the lease."""
        query = (
            select(leases.c.epoch, leases.c.owner, lease_beats)
            .join(lease_beats, lease_beats.c.cr_id == leases.c.cr_id)
            .where(leases.c.cr_id == cr_id)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return WorkerState(
            epoch=row.epoch, owner=row.owner, activity=row.activity, beat_at=row.beat_at,
            expires_at=row.expires_at, working_s=float(row.working_s),
        )  # fmt: skip

    async def attempts(self, cr_id: str) -> list[AttemptState]:
        """Return the attempts, oldest first."""
        query = select(attempts).where(attempts.c.cr_id == cr_id).order_by(attempts.c.attempt)
        rows = (await self._connection.execute(query)).mappings()
        return [AttemptState(**{name: row[name] for name in AttemptState.__slots__}) for row in rows]

    async def repositories_of(self, cr_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the names of each change request's repositories."""
        table = change_request_repositories
        query = select(table.c.cr_id, table.c.repository).where(table.c.cr_id.in_(cr_ids))
        names: dict[str, list[str]] = {cr_id: [] for cr_id in cr_ids}
        for row in await self._connection.execute(query.order_by(table.c.repository)):
            names[row.cr_id].append(row.repository)
        return names

    async def open_gates_of(self, cr_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the ids of each change request's open gates."""
        query = select(gates.c.cr_id, gates.c.id).where(gates.c.cr_id.in_(cr_ids), gates.c.status == "open")
        found: dict[str, list[str]] = {cr_id: [] for cr_id in cr_ids}
        for row in await self._connection.execute(query.order_by(gates.c.created_at)):
            found[row.cr_id].append(row.id)
        return found

    async def count_by_status(self) -> dict[str, int]:
        """Return how many change requests have each status."""
        query = select(change_requests.c.status, func.count().label("number")).group_by(change_requests.c.status)
        return {row.status: row.number for row in await self._connection.execute(query)}

    async def spending(self, *, cr_id: str | None = None, by: Sequence[str] = ()) -> list[Spending]:
        """Return what was spent, grouped by columns of the ledger: `attempt`, `stage`, `repository`, `role`, `model`."""
        columns: list[ColumnElement[Any]] = [model_calls.c[name] for name in by]
        query = select(*columns, *_sums()).group_by(*columns).order_by(*columns)
        if cr_id is not None:
            query = query.where(model_calls.c.cr_id == cr_id)
        return [_spending(row, by) for row in await self._connection.execute(query)]


def _sums() -> list[ColumnElement[Any]]:
    settled = model_calls.c.status == "settled"

    def total(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        return func.coalesce(func.sum(column), 0).label(name)

    tokens = ("input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens")
    return [
        func.count().label("calls"),
        total(case((settled, model_calls.c.cost_usd), else_=0), "settled_usd"),
        total(case((settled, 0), else_=model_calls.c.worst_case_usd), "reserved_usd"),
        *(total(model_calls.c[name], name) for name in tokens),
        total(case((model_calls.c.estimated, 1), else_=0), "estimated_calls"),
    ]


def _spending(row: Row[Any], by: Sequence[str]) -> Spending:
    return Spending(
        group={name: "" if (value := getattr(row, name)) is None else str(value) for name in by},
        calls=int(row.calls),
        settled_usd=Decimal(row.settled_usd),
        reserved_usd=Decimal(row.reserved_usd),
        input_tokens=int(row.input_tokens),
        cache_write_tokens=int(row.cache_write_tokens),
        cache_read_tokens=int(row.cache_read_tokens),
        output_tokens=int(row.output_tokens),
        estimated_calls=int(row.estimated_calls),
    )
