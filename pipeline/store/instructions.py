"""What people say to running agents: each instruction reaches each conversation it concerns, with a receipt.

An instruction is marked delivered with the first role and turn that saw it; conversations that open later in the same
stage see it too, because the journal of each keeps what it took. It stays open until a stage that saw it has ended.
"""

from collections.abc import Sequence

from sqlalchemy import func, or_, select, update

from pipeline import events
from pipeline.ports import Emit, Instruction
from pipeline.store.engine import Database
from pipeline.store.tables import interventions


class StoredInstructions:
    """Implements `pipeline.ports.Instructions` for the conversations of one change request."""

    def __init__(self, database: Database, emit: Emit, *, cr_id: str) -> None:
        self._database = database
        self._emit = emit
        self._cr_id = cr_id

    async def take(self, *, repository: str | None, role: str, turn: int) -> Sequence[Instruction]:
        """Return redirects for this repository (or for all), marking fresh ones delivered with role and turn."""
        table = interventions
        concerns = or_(table.c.repository.is_(None), table.c.repository == repository)
        open_ones = (
            (table.c.cr_id == self._cr_id)
            & (table.c.action == "redirect")
            & table.c.status.in_(["queued", "delivered"])
        )
        query = select(table).where(open_ones, concerns).order_by(table.c.created_at, table.c.id)
        async with self._database.transaction() as connection:
            rows = list((await connection.execute(query)).mappings())
            fresh = [row["id"] for row in rows if row["status"] == "queued"]
            if fresh:
                values = {
                    "status": "delivered",
                    "delivered_at": func.now(),
                    "delivered_turn": turn,
                    "delivered_role": role,
                }
                await connection.execute(update(table).where(table.c.id.in_(fresh)).values(**values))
        for row in rows:
            if row["id"] in fresh:
                await self._emit(
                    events.InterventionProgressed(
                        intervention_id=row["id"],
                        action="redirect",
                        status="delivered",
                        actor=row["actor"],
                        turn=turn,
                        role=role,
                    )
                )
        texts = [(row, str(row["body"].get("instructions") or "")) for row in rows]
        return [Instruction(intervention_id=row["id"], text=text, actor=row["actor"]) for row, text in texts if text]
