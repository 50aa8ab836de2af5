"""Leases: one hand on a change request, fenced by an epoch that only a takeover changes.

The row the fence trigger locks (`leases`) is written by a takeover alone; heartbeats go to `lease_beats`, so that they
never wait for a worker's write. A takeover uses short lock waits and then terminates the old epoch's back ends by name:
a worker frozen inside a transaction must not hold up its successor.
"""

from datetime import timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Status
from pipeline.records import ExpiredLease
from pipeline.store.tables import change_requests, lease_beats, leases, model_calls

_TERMINATE = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name")


class Leases:
    """The lease of each change request, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, cr_id: str, owner: str, *, lost_after: timedelta) -> int:
        """Begin the next epoch and return its number. The old epoch's open reservations settle as estimated."""
        await self._connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
        old = (
            await self._connection.execute(select(leases.c.epoch).where(leases.c.cr_id == cr_id))
        ).scalar_one_or_none()
        epoch = await self._advance(cr_id, owner, old)
        beat = {"epoch": epoch, "beat_at": func.now(), "expires_at": func.now() + lost_after, "activity": "starting"}
        statement = (
            upsert(lease_beats).values(cr_id=cr_id, **beat).on_conflict_do_update(index_elements=["cr_id"], set_=beat)
        )
        await self._connection.execute(statement)
        await self._settle_open_reservations(cr_id)
        return epoch

    async def _advance(self, cr_id: str, owner: str, old: int | None) -> int:
        values = {"owner": owner, "acquired_at": func.now()}
        statement = (
            upsert(leases)
            .values(cr_id=cr_id, epoch=1, **values)
            .on_conflict_do_update(index_elements=["cr_id"], set_={"epoch": leases.c.epoch + 1, **values})
            .returning(leases.c.epoch)
        )
        try:
            async with self._connection.begin_nested():
                return int((await self._connection.execute(statement)).scalar_one())
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
        await self._connection.execute(_TERMINATE, {"name": f"worker:{cr_id}:{old}"})
        await self._connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        return int((await self._connection.execute(statement)).scalar_one())

    async def _settle_open_reservations(self, cr_id: str) -> None:
        open_calls = (model_calls.c.cr_id == cr_id) & (model_calls.c.status == "reserved")
        values = {
            "status": "settled",
            "cost_usd": model_calls.c.worst_case_usd,
            "estimated": True,
            "settled_at": func.now(),
        }
        await self._connection.execute(update(model_calls).where(open_calls).values(**values))

    async def beat(self, cr_id: str, epoch: int, *, lost_after: timedelta, worked_s: float, activity: str) -> bool:
        """Renew; returns False when another epoch holds the lease. `worked_s` is added to the working time."""
        where = (lease_beats.c.cr_id == cr_id) & (lease_beats.c.epoch == epoch)
        values = {
            "beat_at": func.now(),
            "expires_at": func.now() + lost_after,
            "working_s": lease_beats.c.working_s + worked_s,
            "activity": activity,
        }
        result = await self._connection.execute(update(lease_beats).where(where).values(**values))
        return bool(result.rowcount)

    async def worked(self, cr_id: str, epoch: int, *, worked_s: float) -> None:
        """Add to the working time without renewing anything."""
        where = (lease_beats.c.cr_id == cr_id) & (lease_beats.c.epoch == epoch)
        await self._connection.execute(
            update(lease_beats).where(where).values(working_s=lease_beats.c.working_s + worked_s)
        )

    async def release(self, cr_id: str, epoch: int) -> None:
        """Give the lease back, so that nobody reaps it. Idempotent; does nothing for a stale epoch."""
        where = (lease_beats.c.cr_id == cr_id) & (lease_beats.c.epoch == epoch)
        await self._connection.execute(update(lease_beats).where(where).values(expires_at=None, activity=""))

    async def expired(self) -> list[ExpiredLease]:
        """Return leases of running change requests whose holder fell silent."""
        query = (
            select(leases.c.cr_id, leases.c.epoch, leases.c.owner)
            .join(lease_beats, lease_beats.c.cr_id == leases.c.cr_id)
            .join(change_requests, change_requests.c.id == leases.c.cr_id)
            .where(lease_beats.c.expires_at < func.now(), change_requests.c.status == Status.RUNNING.value)
        )
        rows = await self._connection.execute(query)
        return [ExpiredLease(cr_id=row.cr_id, epoch=row.epoch, owner=row.owner) for row in rows]

    async def held(self) -> list[ExpiredLease]:
        """Return the leases of all running change requests, expired or not."""
        query = (
            select(leases.c.cr_id, leases.c.epoch, leases.c.owner)
            .join(change_requests, change_requests.c.id == leases.c.cr_id)
            .where(change_requests.c.status == Status.RUNNING.value)
        )
        rows = await self._connection.execute(query)
        return [ExpiredLease(cr_id=row.cr_id, epoch=row.epoch, owner=row.owner) for row in rows]

    async def epoch(self, cr_id: str) -> int:
        """Return the present epoch, 0 before the first."""
        found = await self._connection.execute(select(leases.c.epoch).where(leases.c.cr_id == cr_id))
        return int(found.scalar_one_or_none() or 0)

    async def working_s(self, cr_id: str) -> float:
        """Return the leased working time so far, in seconds, waits excluded."""
        found = await self._connection.execute(select(lease_beats.c.working_s).where(lease_beats.c.cr_id == cr_id))
        return float(found.scalar_one_or_none() or 0)
