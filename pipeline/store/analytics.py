"""Figures over many change requests since a moment, read from events and the ledger. Reads only.

Throughput comes from the change requests themselves, durations and loops from their events, money from settled calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, Float, cast, distinct, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Status
from pipeline.store.events import REPOSITORY_OF, STAGE_OF
from pipeline.store.tables import change_request_repositories, change_requests, events, model_calls

_ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage: finished runs and how long they took, change requests that entered it, and what it sent back."""

    runs: int = 0
    median_s: float = 0.0
    p95_s: float = 0.0
    entered: int = 0
    sent_back: int = 0
    loops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One group of settled calls; `fresh_tokens` is input that no cache held."""

    name: str
    calls: int
    spent_usd: Decimal
    fresh_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDay:
    """What one group of settled calls cost on one day in UTC."""

    day: date
    name: str
    calls: int
    spent_usd: Decimal


class Figures:
    """Read models of one tenant since a moment, on one connection; of all change requests, or those of one repository.

    Of a change request with several repositories the joint stages count for each of them, money only where it was spent.
    """

    def __init__(self, connection: AsyncConnection, *, since: datetime, repository: str | None = None) -> None:
        self._connection = connection
        self._since = since
        self._repository = repository

    async def throughput(self) -> dict[date, dict[str, int]]:
        """Return per day in UTC: `submitted` and one count per end; days without anything are absent."""
        days: dict[date, dict[str, int]] = {}
        row = change_requests.c
        submitted = await self._per_day(row.created_at)
        ended = {status: await self._per_day(row.finished_at, row.status == status.value) for status in _ENDS}
        for name, found in [("submitted", submitted), *((status.value, counts) for status, counts in ended.items())]:
            for day, number in found.items():
                blank = {"submitted": 0, **{status.value: 0 for status in _ENDS}}
                days.setdefault(day, blank)[name] = number
        return days

    async def median_lead_s(self) -> float | None:
        """Return the median time from submission to completion; None before anything completed."""
        row = change_requests.c
        lead = func.extract("epoch", row.finished_at - row.created_at)
        query = select(func.percentile_cont(0.5).within_group(lead)).where(
            row.status == Status.COMPLETED.value, row.finished_at >= self._since, *self._of_change_request(row.id)
        )
        found = (await self._connection.execute(query)).scalar_one()
        return None if found is None else float(found)

    async def stages(self) -> dict[str, StageRow]:
        """Return the figures of each stage that began."""
        entered = await self._stage_counts("stage_entered")
        looped = await self._stage_counts("stage_looped")
        durations = await self._durations()
        return {
            stage: StageRow(
                runs=durations.get(stage, (0, 0.0, 0.0))[0], median_s=durations.get(stage, (0, 0.0, 0.0))[1],
                p95_s=durations.get(stage, (0, 0.0, 0.0))[2], entered=counted[0],
                sent_back=looped.get(stage, (0, 0))[0], loops=looped.get(stage, (0, 0))[1],
            )
            for stage, counted in entered.items()
        }  # fmt: skip

    async def money(self, by: str) -> list[MoneyRow]:
        """Return settled calls grouped by `repository`, `role` or `model`, the most expensive first."""
        row = model_calls.c
        spent = func.coalesce(func.sum(row.cost_usd), 0)
        query = (
            select(
                func.coalesce(row[by], "").label("name"), func.count().label("calls"), spent.label("spent_usd"),
                func.sum(row.input_tokens + row.cache_write_tokens).label("fresh_tokens"),
                func.sum(row.cache_read_tokens).label("cached_tokens"),
                func.sum(row.output_tokens).label("output_tokens"),
            )
            .where(*self._settled())
            .group_by(row[by])
            .order_by(spent.desc())
        )  # fmt: skip
        rows = await self._connection.execute(query)
        return [
            MoneyRow(
                name=row.name, calls=int(row.calls), spent_usd=Decimal(row.spent_usd),
                fresh_tokens=int(row.fresh_tokens), cached_tokens=int(row.cached_tokens),
                output_tokens=int(row.output_tokens),
            )
            for row in rows
        ]  # fmt: skip

    async def cost_per_day(self, by: str) -> list[CostDay]:
        """Return what each `repository`, `role` or `model` cost per day in UTC; days without calls are absent."""
        row = model_calls.c
        day = cast(func.timezone("UTC", row.reserved_at), Date)
        name = func.coalesce(row[by], "")
        query = (
            select(
                day.label("day"), name.label("name"), func.count().label("calls"),
                func.coalesce(func.sum(row.cost_usd), 0).label("spent_usd"),
            )
            .where(*self._settled())
            .group_by(day, row[by])
            .order_by(day, name)
        )  # fmt: skip
        rows = await self._connection.execute(query)
        return [
            CostDay(day=row.day, name=row.name, calls=int(row.calls), spent_usd=Decimal(row.spent_usd)) for row in rows
        ]

    def _settled(self) -> list[ColumnElement[bool]]:
        row = model_calls.c
        where = [row.status == "settled", row.reserved_at >= self._since]
        return where if self._repository is None else [*where, row.repository == self._repository]

    def _of_change_request(self, cr_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
        if self._repository is None:
            return []
        table = change_request_repositories.c
        return [cr_id.in_(select(table.cr_id).where(table.repository == self._repository))]

    def _events(self, event: str) -> list[ColumnElement[bool]]:
        where = [events.c.type == event, events.c.at >= self._since, STAGE_OF.is_not(None)]
        if self._repository is None:
            return where
        own = or_(REPOSITORY_OF.is_(None), self._repository == REPOSITORY_OF)
        return [*where, *self._of_change_request(events.c.cr_id), own]

    async def _per_day(self, moment: ColumnElement[datetime], *wanted: ColumnElement[bool]) -> dict[date, int]:
        day = cast(func.timezone("UTC", moment), Date)
        query = select(day.label("day"), func.count().label("number")).where(
            moment >= self._since, *wanted, *self._of_change_request(change_requests.c.id)
        )
        return {row.day: int(row.number) for row in await self._connection.execute(query.group_by(day))}

    async def _stage_counts(self, event: str) -> Mapping[str, tuple[int, int]]:
        query = (
            select(
                STAGE_OF.label("stage"), func.count(distinct(events.c.cr_id)).label("crs"), func.count().label("times")
            )
            .where(*self._events(event))
            .group_by(STAGE_OF)
        )
        return {row.stage: (int(row.crs), int(row.times)) for row in await self._connection.execute(query)}

    async def _durations(self) -> Mapping[str, tuple[int, float, float]]:
        seconds = cast(events.c.payload["duration_s"].astext, Float)
        query = (
            select(
                STAGE_OF.label("stage"), func.count().label("runs"),
                func.percentile_cont(0.5).within_group(seconds).label("median_s"),
                func.percentile_cont(0.95).within_group(seconds).label("p95_s"),
            )
            .where(*self._events("stage_completed"))
            .group_by(STAGE_OF)
        )  # fmt: skip
        found = await self._connection.execute(query)
        return {row.stage: (int(row.runs), float(row.median_s), float(row.p95_s)) for row in found}
