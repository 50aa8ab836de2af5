"""Money: the worst case is reserved before a call and replaced by the real usage after it.

Reservations of parallel branches are serialised by a lock on the change request's row, so together they never exceed
the budget; a repeated reservation with the same key is the same reservation.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, case, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Reservation, Usage
from pipeline.records import ModelCall
from pipeline.store.engine import Database
from pipeline.store.tables import change_requests, model_calls


class PostgresLedger:
    """Implements `pipeline.ports.Ledger` for one change request's attempt."""

    def __init__(
        self,
        database: Database,
        *,
        cr_id: str,
        attempt: int,
        budget_usd: Decimal,
        call_budget_usd: Decimal,
        stage_budget_usd: Decimal | None,
    ) -> None:
        self._database = database
        self._cr_id = cr_id
        self._attempt = attempt
        self._budget_usd = budget_usd
        self._call_budget_usd = call_budget_usd
        self._stage_budget_usd = stage_budget_usd

    async def reserve(
        self, *, key: str, role: str, stage: str, repository: str | None, model: str, worst_case_usd: Decimal
    ) -> Reservation:
        """Set money aside or raise `PersonNeeded(budget)`; repeating with the same key returns the same reservation."""
        if worst_case_usd > self._call_budget_usd:
            raise _exhausted("one model call", worst_case_usd, Decimal(0), self._call_budget_usd)
        row = {
            "key": key,
            "cr_id": self._cr_id,
            "attempt": self._attempt,
            "stage": stage,
            "repository": repository,
            "role": role,
        }
        async with self._database.transaction() as connection:
            await self._lock(connection)
            # After the lock, and in one look: what others reserved while it was waited for counts.
            earlier = select(model_calls.c.worst_case_usd).where(model_calls.c.key == key).scalar_subquery()
            spent, in_stage = _committed(self._cr_id), _committed(self._cr_id, stage=stage)
            known = (await connection.execute(select(earlier, spent, in_stage))).one()
            if known[0] is not None:
                return Reservation(reservation_id=key, worst_case_usd=known[0])
            self._check(stage, worst_case_usd, spent_usd=known[1], in_stage_usd=known[2])
            await connection.execute(upsert(model_calls).values(**row, model=model, worst_case_usd=worst_case_usd))
        return Reservation(reservation_id=key, worst_case_usd=worst_case_usd)

    def _check(self, stage: str, worst_case_usd: Decimal, *, spent_usd: Decimal, in_stage_usd: Decimal) -> None:
        if spent_usd + worst_case_usd > self._budget_usd:
            raise _exhausted("this change request", worst_case_usd, spent_usd, self._budget_usd)
        if self._stage_budget_usd is not None and in_stage_usd + worst_case_usd > self._stage_budget_usd:
            raise _exhausted(f"stage {stage}", worst_case_usd, in_stage_usd, self._stage_budget_usd)

    async def settle(self, reservation: Reservation, *, usage: Usage, cost_usd: Decimal, latency_s: float) -> None:
        """Replace the reservation by what was used, never more than it. Idempotent."""
        values: dict[str, Any] = {
            "status": "settled",
            "cost_usd": min(cost_usd, reservation.worst_case_usd) if usage.estimated else cost_usd,
            "input_tokens": usage.input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "output_tokens": usage.output_tokens,
            "estimated": usage.estimated,
            "latency_ms": round(latency_s * 1000),
            "settled_at": func.now(),
        }
        open_call = (model_calls.c.key == reservation.reservation_id) & (model_calls.c.status == "reserved")
        async with self._database.transaction() as connection:
            await self._lock(connection)  # a total taken beside another settlement would leave that one out
            await connection.execute(update(model_calls).where(open_call).values(**values))
            total = _committed(self._cr_id, settled_only=True)
            await connection.execute(
                update(change_requests).where(change_requests.c.id == self._cr_id).values(cost_usd=total)
            )

    async def _lock(self, connection: AsyncConnection) -> None:
        own = select(change_requests.c.id).where(change_requests.c.id == self._cr_id)
        await connection.execute(own.with_for_update())

    async def spent_usd(self) -> Decimal:
        """Return what is settled and still reserved, over all attempts."""
        async with self._database.statements() as connection:
            return await committed_usd(connection, self._cr_id)


async def committed_usd(connection: AsyncConnection, cr_id: str) -> Decimal:
    """Return settled costs plus open reservations of a change request."""
    return Decimal((await connection.execute(select(_committed(cr_id)))).scalar_one())


def _committed(cr_id: str, *, stage: str | None = None, settled_only: bool = False) -> ScalarSelect[Decimal]:
    reserved = Decimal(0) if settled_only else model_calls.c.worst_case_usd
    amount = case((model_calls.c.status == "settled", model_calls.c.cost_usd), else_=reserved)
    query = select(func.coalesce(func.sum(amount), Decimal(0))).where(model_calls.c.cr_id == cr_id)
    if stage is not None:
        query = query.where(model_calls.c.stage == stage)
    return query.scalar_subquery()


async def calls(connection: AsyncConnection, cr_id: str) -> list[ModelCall]:
    """Return every call of a change request in order, for the cost view and the evidence."""
    query = (
        select(model_calls).where(model_calls.c.cr_id == cr_id).order_by(model_calls.c.reserved_at, model_calls.c.key)
    )
    rows = (await connection.execute(query)).mappings()
    return [ModelCall(**{name: row[name] for name in ModelCall.__slots__}) for row in rows]


def _exhausted(scope: str, worst_case_usd: Decimal, spent_usd: Decimal, budget_usd: Decimal) -> PersonNeeded:
    return PersonNeeded(
        PauseReason.BUDGET,
        f"The budget of {scope} does not cover the next call.",
        worst_case_usd=str(worst_case_usd),
        spent_usd=str(spent_usd),
        budget_usd=str(budget_usd),
    )
