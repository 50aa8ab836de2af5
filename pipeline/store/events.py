"""Events: appended in short transactions, numbered after commit, read in that order by everyone.

Problem: a bare `bigserial` is assigned before commit, so a reader that has seen 12 may never see an 11 that commits
later. Choice: rows are inserted without a public number; whoever reads (or has just written) numbers the committed rows
under a try-lock per tenant, in insertion order. A writer frozen inside its transaction delays nobody: its row is simply
not there yet, and gets a later number when it commits.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, and_, func, insert, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.events import EVENT, EVENT_CLASSES, Event, type_of
from pipeline.proof.secret_shapes import redacted
from pipeline.records import StoredEvent
from pipeline.store.bell import stored_and_rung
from pipeline.store.tables import events

_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('changeline.events.' || current_setting('changeline.tenant')))")
_NUMBER = text(
    "WITH fresh AS MATERIALIZED (SELECT id FROM events WHERE seq IS NULL ORDER BY id LIMIT 2000),"
    " numbered AS MATERIALIZED (SELECT id, nextval('event_numbers') AS seq FROM fresh)"
    " UPDATE events SET seq = numbered.seq FROM numbered WHERE events.id = numbered.id"
)
"""Materialized, so that each row draws one number, in insertion order, whatever plan the statistics suggest."""

_MILESTONES = tuple(type_of(one) for one in EVENT_CLASSES if one.milestone)
_LATEST = tuple(type_of(one) for one in EVENT_CLASSES if one.latest_only)

STAGE_OF = events.c.payload["stage"].astext
REPOSITORY_OF = events.c.payload["repository"].astext
"""What an event of the line is about; null where it is about the whole change request."""


class Events:
    """The event log of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, cr_id: str, event: Event, *, ringing: str | None = None) -> None:
        """Store one event, secrets in its texts masked; it becomes visible when it is numbered after commit.

        With a tenant to ring for, the commit wakes who listens there to events.
        """
        payload = _without_secrets(EVENT.dump_python(event, mode="json", exclude_none=True))
        stored = insert(events).values(cr_id=cr_id, type=event.type, payload=payload)
        await self._connection.execute(stored if ringing is None else stored_and_rung(stored, ringing, "events"))

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

    async def backwards(
        self, cr_id: str, *, before: int | None, limit: int, stage: str | None = None
    ) -> list[StoredEvent]:
        """Return the last events of one change request, of all or one stage, that come before a number; ascending."""
        query = _PLAIN.where(events.c.cr_id == cr_id, events.c.seq.is_not(None))
        if before is not None:
            query = query.where(events.c.seq < before)
        if stage is not None:
            query = query.where(stage == STAGE_OF)
        return (await self._read(query.order_by(events.c.seq.desc()).limit(limit)))[::-1]

    async def milestones(self, cr_id: str, *, up_to: int) -> list[StoredEvent]:
        """Return the course of one change request, the last word from each agent and its tools since, ascending."""
        agent = tuple(func.coalesce(events.c.payload[key].astext, "") for key in ("repository", "role", "instance"))
        numbered = (events.c.cr_id == cr_id, events.c.seq <= up_to)
        latest = (
            select(func.max(events.c.seq)).where(*numbered, events.c.type.in_(_LATEST)).group_by(*agent, events.c.type)
        )
        turns = (
            select(*(column.label(f"of_{at}") for at, column in enumerate(agent)), func.max(events.c.seq).label("seq"))
            .where(*numbered, events.c.type == "agent_turn")
            .group_by(*agent)
            .subquery()
        )
        same = and_(*(turns.c[f"of_{at}"] == column for at, column in enumerate(agent)))
        tools = (
            select(events.c.seq)
            .join(turns, and_(same, events.c.seq > turns.c.seq))
            .where(*numbered, events.c.type == "tool_called")
        )
        course = select(events.c.seq).where(*numbered, events.c.type.in_(_MILESTONES))
        told = union_all(course, latest, tools)
        return await self._read(_PLAIN.where(events.c.seq.in_(told)).order_by(events.c.seq))

    async def tool_calls(self, cr_id: str, *, up_to: int) -> dict[str, int]:
        """Return how many tools agents called, per repository; calls that belong to none are left out."""
        query = (
            select(REPOSITORY_OF.label("repository"), func.count().label("calls"))
            .where(events.c.cr_id == cr_id, events.c.seq <= up_to, events.c.type == "tool_called")
            .where(REPOSITORY_OF.is_not(None))
            .group_by(REPOSITORY_OF)
        )
        return {row.repository: int(row.calls) for row in await self._connection.execute(query)}

    async def count(self, cr_id: str, *, up_to: int) -> int:
        """Return how many events one change request has up to a number."""
        query = select(func.count()).where(events.c.cr_id == cr_id, events.c.seq <= up_to)
        return int((await self._connection.execute(query)).scalar_one())

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


_PLAIN = select(events.c.seq, events.c.cr_id, events.c.type, events.c.payload, events.c.at)
"""Without the numbers of predecessors: who reads a history follows nothing, and each number is a look into an index."""


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
