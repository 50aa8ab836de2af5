"""Journals of other installations: files, read-only, named by their content; no change request and never dispatched."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import NotFound
from pipeline.identifiers import derived_id
from pipeline.store.tables import imported_journals

_SHOWN = ("id", "cr_id", "title", "sha256", "imported_by", "imported_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJournal:
    """One imported file; `cr_id` and `title` are those it had where it ran."""

    id: str
    cr_id: str
    title: str
    sha256: str
    imported_by: str
    imported_at: datetime


class ImportedJournals:
    """The imported journals of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(
        self, *, cr_id: str, title: str, sha256: str, content: bytes, imported_by: str
    ) -> tuple[ImportedJournal, bool]:
        """Keep a file and return it, and whether it is new; the same file is kept once."""
        journal_id = derived_id("journal", sha256)
        row = {"id": journal_id, "cr_id": cr_id, "title": title, "sha256": sha256, "imported_by": imported_by}
        statement = upsert(imported_journals).values(**row, content=content).on_conflict_do_nothing()
        stored = await self._connection.execute(statement.returning(imported_journals.c.id))
        new = stored.scalar_one_or_none() is not None
        return await self.get(journal_id), new

    async def all(self) -> list[ImportedJournal]:
        """Return them, newest first."""
        table = imported_journals
        query = select(*(table.c[name] for name in _SHOWN)).order_by(table.c.imported_at.desc(), table.c.id)
        return [_journal(row) for row in (await self._connection.execute(query)).mappings()]

    async def get(self, journal_id: str) -> ImportedJournal:
        """Return one or raise `NotFound`."""
        table = imported_journals
        query = select(*(table.c[name] for name in _SHOWN)).where(table.c.id == journal_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("journal", journal_id)
        return _journal(row)

    async def content(self, journal_id: str) -> bytes:
        """Return the file as it came, or raise `NotFound`."""
        query = select(imported_journals.c.content).where(imported_journals.c.id == journal_id)
        content = (await self._connection.execute(query)).scalar_one_or_none()
        if content is None:
            raise NotFound("journal", journal_id)
        return bytes(content)


def _journal(row: RowMapping) -> ImportedJournal:
    return ImportedJournal(**{name: row[name] for name in _SHOWN})
