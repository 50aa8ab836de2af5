"""Events: appended in short transactions, numbered after commit, read in that order by everyone.

Problem: a bare `bigserial` is assigned before commit, so a reader that has seen 12 may never see an 11 that commits
later. Choice: rows are inserted without a public number; whoever reads (or has just written) numbers the committed rows
under a try-lock per tenant, in insertion order. A writer frozen inside its transaction delays nobody: its row is simply
not there yet, and gets a later number when it commits.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.events import EVENT, Event
from pipeline.evidence.secret_shapes import redacted
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
        """Store one event, secrets in its texts masked; it becomes visible when it is numbered after commit."""
        payload = _without_secrets(EVENT.dump_python(event, mode="json", exclude_none=True))
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
        query = _NUMBERED.where(events.c.seq > after).order_by(events.c.seq).limit(limit)
        if types is not None:
            query = query.where(events.c.type.in_(types))
        if cr_id is not None:
            query = query.where(events.c.cr_id == cr_id)
        return await self._read(query)

    async def newest(self, limit: int) -> list[StoredEvent]:
        """Return the last numbered events, ascending."""
        query = _NUMBERED.where(events.c.seq.is_not(None)).order_by(events.c.seq.desc()).limit(limit)
        return (await self._read(query))[::-1]

    async def last_number(self) -> int:
        """Return the highest public number so far, 0 before the first."""
        query = select(func.max(events.c.seq))
        return int((await self._connection.execute(query)).scalar_one_or_none() or 0)

    async def last_of(self, cr_id: str) -> int:
        """Return the highest public number of one change request, 0 before its first."""
        query = select(func.max(events.c.seq)).where(events.c.cr_id == cr_id)
        return int((await self._connection.execute(query)).scalar_one_or_none() or 0)

    async def _read(self, query: "Select[Any]") -> list[StoredEvent]:
        return [StoredEvent(**row) for row in (await self._connection.execute(query)).mappings()]


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return redacted(value)
        case dict():
            return {key: _without_secrets(part) for key, part in value.items()}
        case list():
            return [_without_secrets(part) for part in value]
        case _:
            return value


def _numbered() -> "Select[Any]":
    """Select events with the numbers of their predecessors: one look into an index each."""
    before = events.alias("before")
    previous = select(func.coalesce(func.max(before.c.seq), 0)).where(before.c.seq < events.c.seq)
    return select(
        events.c.seq,
        previous.scalar_subquery().label("previous"),
        previous.where(before.c.cr_id == events.c.cr_id).scalar_subquery().label("previous_of_cr"),
        events.c.cr_id,
        events.c.type,
        events.c.payload,
        events.c.at,
    )


_NUMBERED = _numbered()
