"""Events: appended in short transactions, numbered after commit, read in that order by everyone.

Problem: a bare `bigserial` is assigned before commit, so a reader that has seen 12 may never see an 11 that commits
later. Choice: rows are inserted without a public number; whoever reads (or has just written) numbers the committed rows
under a try-lock per tenant, in insertion order. A writer frozen inside its transaction delays nobody: its row is simply
not there yet, and gets a later number when it commits.
"""

from collections.abc import Collection

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.events import EVENT, Event
from pipeline.records import StoredEvent
from pipeline.store.tables import events

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('changeline.events.' || current_setting('changeline.tenant')))")
_NUMBER = text(
    "UPDATE events SET seq = numbered.seq FROM ("
    "  SELECT id, nextval('event_numbers') AS seq FROM (SELECT id FROM events WHERE seq IS NULL ORDER BY id LIMIT 2000) AS fresh"
    ") AS numbered WHERE events.id = numbered.id"
)


class Events:
    """The event log of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, cr_id: str, event: Event) -> None:
        """Store one event; it becomes visible when it is numbered after commit."""
        payload = EVENT.dump_python(event, mode="json", exclude_none=True)
        await self._connection.execute(insert(events).values(cr_id=cr_id, type=event.type, payload=payload))

    async def number(self) -> int:
        """Number committed events; returns how many. Does nothing while another process numbers."""
        if not (await self._connection.execute(_LOCK)).scalar_one():
            return 0
        return int((await self._connection.execute(_NUMBER)).rowcount)

    async def read(
        self, *, after: int, cr_id: str | None = None, limit: int = 500, types: Collection[str] | None = None
    ) -> list[StoredEvent]:
        """Return numbered events with seq greater than `after`, ascending; all or those of some types."""
        query = select(events).where(events.c.seq > after).order_by(events.c.seq).limit(limit)
        if types is not None:
            query = query.where(events.c.type.in_(types))
        if cr_id is not None:
            query = query.where(events.c.cr_id == cr_id)
        rows = (await self._connection.execute(query)).mappings()
        return [
            StoredEvent(seq=row["seq"], cr_id=row["cr_id"], type=row["type"], payload=row["payload"], at=row["at"])
            for row in rows
        ]

    async def last_number(self) -> int:
        """Return the highest public number so far, 0 before the first."""
        query = select(events.c.seq).where(events.c.seq.is_not(None)).order_by(events.c.seq.desc()).limit(1)
        return int((await self._connection.execute(query)).scalar_one_or_none() or 0)
