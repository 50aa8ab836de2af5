"""The journal as people read it: entries of all conversations of a change request in the order they were written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.journal import body_of, glance_at
from pipeline.store.tables import blobs, journal

Position = tuple[datetime, str, str, str, int]
"""(at, activation, role, instance, seq): unique within one change request and its attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEntry:
    """One entry of one conversation."""

    attempt: int
    activation: str
    role: str
    instance: str
    seq: int
    kind: str
    body: Mapping[str, Any]
    at: datetime

    @property
    def position(self) -> Position:
        """Where a page that ends here goes on."""
        return (self.at, self.activation, self.role, self.instance, self.seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary:
    """One conversation: who, how long, when."""

    attempt: int
    activation: str
    role: str
    instance: str
    entries: int
    first_at: datetime
    last_at: datetime


async def newest_turn(connection: AsyncConnection, cr_id: str) -> tuple[str | None, int | None]:
    """Return role and turn of what an agent did last; None twice before any agent worked."""
    turns = journal.c.kind.in_(["asked", "answered", "observed"])
    query = (
        select(journal.c.role, journal.c.body)
        .where(journal.c.cr_id == cr_id, turns)
        .order_by(journal.c.at.desc(), journal.c.seq.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return (row.role, glance_at(row.body).turn) if row is not None else (None, None)


class Conversations:
    """The journal of one change request for reading, on one connection."""

    def __init__(self, connection: AsyncConnection, *, cr_id: str) -> None:
        self._connection = connection
        self._cr_id = cr_id

    async def page(
        self,
        *,
        limit: int,
        after: Position | None = None,
        attempt: int | None = None,
        activation: str | None = None,
        role: str | None = None,
        instance: str | None = None,
    ) -> list[ConversationEntry]:
        """Return entries, oldest first, after a position."""
        table = journal
        order = (table.c.at, table.c.activation, table.c.role, table.c.instance, table.c.seq)
        query = select(table).where(table.c.cr_id == self._cr_id).order_by(*order).limit(limit)
        if after is not None:
            query = query.where(tuple_(*order) > after)
        wanted = {"attempt": attempt, "activation": activation, "role": role, "instance": instance}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        return [_entry(row) for row in await self._connection.execute(query)]

    async def summaries(self) -> list[ConversationSummary]:
        """Return the conversations in the order they began."""
        table = journal
        key = (table.c.attempt, table.c.activation, table.c.role, table.c.instance)
        first = func.min(table.c.at).label("first_at")
        query = select(*key, func.count().label("entries"), first, func.max(table.c.at).label("last_at"))
        grouped = query.where(table.c.cr_id == self._cr_id).group_by(*key).order_by(first, *key)
        rows = (await self._connection.execute(grouped)).mappings()
        return [ConversationSummary(**row) for row in rows]

    async def texts(self, hashes: Sequence[str]) -> dict[str, str]:
        """Return stored texts by their SHA-256; unknown hashes are left out, undecodable bytes replaced."""
        query = select(blobs.c.sha256, blobs.c.content).where(blobs.c.sha256.in_(list(hashes)))
        rows = await self._connection.execute(query)
        return {row.sha256: bytes(row.content).decode(errors="replace") for row in rows}


def _entry(row: Row[Any]) -> ConversationEntry:
    return ConversationEntry(
        attempt=row.attempt, activation=row.activation, role=row.role, instance=row.instance, seq=row.seq, kind=row.kind,
        body=body_of(row.body), at=row.at,
    )  # fmt: skip
