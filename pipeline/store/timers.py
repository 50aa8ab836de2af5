"""Timers: rows with a due time. Whoever finds one due takes it; it fires once, in the transaction of what it does.

Due times come from the database's clock alone, so that controllers whose clocks differ agree, and a restart changes
nothing. A reminder that fired is due again after the same time; a timer whose occasion is over is removed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import timers

GATE_REMINDER = "gate_reminder"
REVIEW_TIMEOUT = "review_timeout"
SILENCE = "silence"

_REMIND = text(
    "INSERT INTO timers (id, cr_id, kind, due_at, payload) "
    "SELECT 'timer-' || id, cr_id, :kind, created_at + :after, jsonb_build_object('gate_id', id) FROM gates "
    "WHERE status = 'open' ON CONFLICT DO NOTHING"
)
_REVIEW = text(
    "INSERT INTO timers (id, cr_id, kind, due_at, payload) "
    "SELECT 'review-' || id, id, :kind, updated_at + :after, jsonb_build_object('wait_id', wait_id) "
    "FROM change_requests WHERE status = 'waiting' AND wait_kind = 'review' "
    "ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload, fired_at = NULL "
    "WHERE timers.payload IS DISTINCT FROM excluded.payload"
)
_WATCH_SILENCE = text(
    "INSERT INTO timers (id, cr_id, kind, due_at, payload) "
    "SELECT 'silence-' || id, id, :kind, since + :after, jsonb_build_object('since', since) FROM ("
    "  SELECT cr.id, greatest(lease.acquired_at, (SELECT max(at) FROM events WHERE events.cr_id = cr.id "
    "    AND type NOT IN ('warned', 'effect_recorded'))) AS since "
    "  FROM change_requests cr JOIN leases lease ON lease.cr_id = cr.id WHERE cr.status = 'running'"
    ") AS watched "
    "ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload, fired_at = NULL "
    "WHERE timers.payload IS DISTINCT FROM excluded.payload"
)
_FORGET = text(
    "DELETE FROM timers t USING change_requests cr WHERE cr.id = t.cr_id AND ("
    "  (t.kind = 'silence' AND cr.status <> 'running')"
    "  OR (t.kind = 'review_timeout' AND NOT (cr.status = 'waiting' AND coalesce(cr.wait_kind, '') = 'review'))"
    "  OR (t.kind = 'gate_reminder' AND EXISTS "
    "      (SELECT 1 FROM gates g WHERE g.id = t.payload->>'gate_id' AND g.status <> 'open')))"
)


class Occasion(BaseModel):
    """What a timer was set for: an open gate, or a wait."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    gate_id: str = ""
    wait_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One due-time row."""

    id: str
    cr_id: str
    kind: str
    due_at: datetime
    payload: Occasion


class Timers:
    """The timers of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def forget_what_is_over(self) -> None:
        """Remove timers of decided gates, ended waits and change requests that no longer run."""
        await self._connection.execute(_FORGET)

    async def remind_of_open_gates(self, after: timedelta) -> None:
        """Set one reminder for each open gate. Idempotent."""
        await self._connection.execute(_REMIND, {"kind": GATE_REMINDER, "after": after})

    async def limit_reviews(self, after: timedelta) -> None:
        """Set one timer for each change request that waits for a review. Idempotent."""
        await self._connection.execute(_REVIEW, {"kind": REVIEW_TIMEOUT, "after": after})

    async def watch_silence(self, after: timedelta) -> None:
        """Set each running change request's timer by its last sign of life; one that fired waits for the next sign."""
        await self._connection.execute(_WATCH_SILENCE, {"kind": SILENCE, "after": after})

    async def again(self, timer: Timer, after: timedelta) -> None:
        """Let a timer that fired become due again, counted from now, so that missed rounds are not made up for."""
        values = {"fired_at": None, "due_at": func.now() + after}
        await self._connection.execute(update(timers).where(timers.c.id == timer.id).values(**values))

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
        return [
            Timer(
                id=row.id, cr_id=row.cr_id, kind=row.kind, due_at=row.due_at,
                payload=Occasion.model_validate(row.payload),
            )
            for row in await self._connection.execute(statement)
        ]  # fmt: skip
