"""Learnings: proposed by retrospectives, used in later prompts only after a person approved them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import Conflict, NotFound
from pipeline.identifiers import derived_id
from pipeline.store.tables import learnings

_FROM = {"approved": ("proposed", "retired"), "retired": ("proposed", "approved")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """One sentence that a retrospective proposes for a repository. `status`: proposed, approved, retired."""

    id: str
    repository: str
    text: str
    evidence: str
    cr_id: str
    status: str
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


class Learnings:
    """The learnings of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def propose(self, cr_id: str, *, repository: str, text: str, evidence: str) -> str:
        """Store a proposal and return its id; the same text of one change request is stored once."""
        learning_id = derived_id("learn", cr_id, repository, text)
        row = {"id": learning_id, "cr_id": cr_id, "repository": repository, "text": text, "evidence": evidence}
        await self._connection.execute(upsert(learnings).values(**row).on_conflict_do_nothing())
        return learning_id

    async def all(self, *, status: str | None = None, repository: str | None = None) -> list[Learning]:
        """Return learnings, newest first."""
        query = select(learnings).order_by(learnings.c.created_at.desc(), learnings.c.id)
        if status is not None:
            query = query.where(learnings.c.status == status)
        if repository is not None:
            query = query.where(learnings.c.repository == repository)
        return [_learning(row) for row in (await self._connection.execute(query)).mappings()]

    async def get(self, learning_id: str) -> Learning:
        """Return it or raise `NotFound`."""
        query = select(learnings).where(learnings.c.id == learning_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("learning", learning_id)
        return _learning(row)

    async def decide(self, learning_id: str, status: str, *, actor: str) -> Learning:
        """Approve or retire; deciding the same again changes nothing."""
        where = (learnings.c.id == learning_id) & (learnings.c.status.in_(_FROM[status]))
        values = {"status": status, "decided_by": actor, "decided_at": func.now()}
        await self._connection.execute(update(learnings).where(where).values(**values))
        stored = await self.get(learning_id)
        if stored.status != status:
            raise Conflict(f"This learning is {stored.status}.", field="id", remedy="Look at its present state.")
        return stored


def _learning(row: RowMapping) -> Learning:
    return Learning(**{name: row[name] for name in Learning.__slots__})
