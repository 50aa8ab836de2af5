"""The audit log: who did what to what, appended and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import audit_log


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act of a person."""

    id: int
    actor: str
    action: str
    target: str
    facts: Mapping[str, Any]
    at: datetime


class Audit:
    """The audit log of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def note(self, actor: str, action: str, target: str, **facts: Any) -> None:
        """Append an entry, in the transaction of the act itself."""
        await self._connection.execute(insert(audit_log).values(actor=actor, action=action, target=target, facts=facts))

    async def page(self, *, limit: int, before: int | None = None, target: str | None = None) -> list[AuditEntry]:
        """Return entries, newest first, older than `before`."""
        query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        if target is not None:
            query = query.where(audit_log.c.target == target)
        rows = (await self._connection.execute(query)).mappings()
        return [AuditEntry(**{name: row[name] for name in AuditEntry.__slots__}) for row in rows]
