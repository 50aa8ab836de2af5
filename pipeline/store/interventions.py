"""Interventions: what people said, as rows that nobody overwrites, each with how far it got."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import NotFound
from pipeline.identifiers import new_id
from pipeline.records import Intervention
from pipeline.store.tables import interventions


class Interventions:
    """The interventions of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, cr_id: str, *, action: str, body: Mapping[str, Any], actor: str, repository: str | None = None
    ) -> Intervention:
        """Store what a person said, queued."""
        row = {"id": new_id("int"), "cr_id": cr_id, "repository": repository, "action": action, "actor": actor}
        await self._connection.execute(insert(interventions).values(**row, body=dict(body)))
        return await self.get(row["id"] or "")

    async def get(self, intervention_id: str) -> Intervention:
        """Return it or raise `NotFound`."""
        query = select(interventions).where(interventions.c.id == intervention_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("intervention", intervention_id)
        return _intervention(row)

    async def of(self, cr_id: str, *, status: str | None = None) -> list[Intervention]:
        """Return those of a change request, oldest first; `queued` are those nobody took yet."""
        query = select(interventions).where(interventions.c.cr_id == cr_id)
        if status is not None:
            query = query.where(interventions.c.status == status)
        rows = await self._connection.execute(query.order_by(interventions.c.created_at, interventions.c.id))
        return [_intervention(row) for row in rows.mappings()]

    async def delivered(self, intervention_id: str, *, role: str, turn: int) -> bool:
        """Mark the turn that saw it, once; returns False when somebody else took it."""
        values = {"status": "delivered", "delivered_at": func.now(), "delivered_turn": turn, "delivered_role": role}
        where = (interventions.c.id == intervention_id) & (interventions.c.status == "queued")
        return bool((await self._connection.execute(update(interventions).where(where).values(**values))).rowcount)

    async def acted(self, intervention_id: str, *, note: str = "") -> None:
        """Mark it as acted on. Idempotent."""
        where = (interventions.c.id == intervention_id) & (interventions.c.status.in_(["queued", "delivered"]))
        values = {"status": "acted", "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def refused(self, intervention_id: str, *, note: str) -> None:
        """Mark it as refused, and say why. Idempotent."""
        where = (interventions.c.id == intervention_id) & (interventions.c.status == "queued")
        values = {"status": "refused", "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))

    async def overtake(self, cr_id: str, *, actions: Sequence[str] = (), note: str) -> None:
        """Refuse what is still queued, all or these actions only, because something else came first."""
        where = (interventions.c.cr_id == cr_id) & (interventions.c.status == "queued")
        if actions:
            where &= interventions.c.action.in_(actions)
        values = {"status": "refused", "acted_at": func.now(), "note": note}
        await self._connection.execute(update(interventions).where(where).values(**values))


def _intervention(row: RowMapping) -> Intervention:
    return Intervention(**{name: row[name] for name in Intervention.__slots__})
