"""Timers: rows with a due time. Whoever finds one due takes it; it fires once, in the transaction of what it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import timers

GATE_REMINDER = "gate_reminder"

_REMIND = text(
    "INSERT INTO timers (id, cr_id, kind, due_at, payload) "
    "SELECT 'timer-' || id, cr_id, :kind, created_at + :after, jsonb_build_object('gate_id', id) FROM gates "
    "WHERE status = 'open' ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One due-time row."""

    id: str
    cr_id: str
    kind: str
    due_at: datetime
    payload: Mapping[str, Any]


class Timers:
    """The timers of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def schedule(
        self, timer_id: str, *, cr_id: str, kind: str, after: timedelta, payload: Mapping[str, Any]
    ) -> None:
        """Set a timer once per id."""
        row = {"id": timer_id, "cr_id": cr_id, "kind": kind, "payload": dict(payload)}
        statement = upsert(timers).values(**row, due_at=func.now() + after)
        await self._connection.execute(statement.on_conflict_do_nothing())

    async def remind_of_open_gates(self, after: timedelta) -> None:
        """Set one reminder for each open gate. Idempotent."""
        await self._connection.execute(_REMIND, {"kind": GATE_REMINDER, "after": after})

    async def fire_due(self, *, limit: int = 50) -> list[Timer]:
        """Take due timers that nobody else is taking; they count as fired when this transaction commits."""
        due = (
            select(timers.c.id)
            .where(timers.c.fired_at.is_(None), timers.c.due_at <= func.now())
            .order_by(timers.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        chosen = list((await self._connection.execute(due)).scalars())
        statement = update(timers).where(timers.c.id.in_(chosen)).values(fired_at=func.now()).returning(timers)
        rows = (await self._connection.execute(statement)).mappings()
        return [Timer(**{name: row[name] for name in Timer.__slots__}) for row in rows]
