"""Gates: decisions of people, bound to the hash of what was shown.

A decision names the hash its author saw; another hash, a decided or a void gate refuses it with `Conflict`, so nobody
approves what they did not see and two people never both decide.
"""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import Conflict, NotFound
from pipeline.gates.content import GateContent
from pipeline.gates.gate import Decision, Gate, GateKind, GateStatus, stored_gate
from pipeline.identifiers import derived_id
from pipeline.store.tables import gates


class Gates:
    """The inbox of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(
        self, *, cr_id: str, attempt: int, activation: str, content: GateContent, content_hash: str
    ) -> tuple[Gate, bool]:
        """Open a gate once per activation, of the kind of its content; open gates of the same kind with other content become void.

        Says whether it was opened just now.
        """
        kind = GateKind(content.kind)
        gate_id = derived_id("gate", cr_id, str(attempt), kind, activation)
        others = (
            (gates.c.cr_id == cr_id)
            & (gates.c.kind == kind)
            & (gates.c.status == GateStatus.OPEN)
            & (gates.c.id != gate_id)
        )
        await self._connection.execute(update(gates).where(others).values(status=GateStatus.VOID))
        row = {"id": gate_id, "cr_id": cr_id, "attempt": attempt, "kind": kind, "content_hash": content_hash}
        statement = (
            upsert(gates)
            .values(**row, content=content.model_dump(mode="json"))
            .on_conflict_do_nothing()
            .returning(gates.c.id)
        )
        fresh = (await self._connection.execute(statement)).scalar_one_or_none() is not None
        return await self.get(gate_id), fresh

    async def get(self, gate_id: str) -> Gate:
        """Return it or raise `NotFound`."""
        row = (await self._connection.execute(select(gates).where(gates.c.id == gate_id))).one_or_none()
        if row is None:
            raise NotFound("gate", gate_id)
        return stored_gate(row)

    async def inbox(self, *, cr_id: str | None = None, status: GateStatus | None = GateStatus.OPEN) -> list[Gate]:
        """Return gates, oldest first: the open ones by default."""
        query = select(gates).order_by(gates.c.created_at, gates.c.id)
        if status is not None:
            query = query.where(gates.c.status == status)
        if cr_id is not None:
            query = query.where(gates.c.cr_id == cr_id)
        return [stored_gate(row) for row in await self._connection.execute(query)]

    async def decide(
        self,
        gate_id: str,
        *,
        decision: Decision,
        content_hash: str,
        actor: str,
        comment: str = "",
    ) -> Gate:
        """Decide once. The same person repeating the same decision is a no-op; anything else on a decided gate conflicts."""
        row = (
            await self._connection.execute(select(gates).where(gates.c.id == gate_id).with_for_update())
        ).one_or_none()
        if row is None:
            raise NotFound("gate", gate_id)
        gate = stored_gate(row)
        if gate.status is GateStatus.DECIDED and (gate.decision, gate.decided_by) == (decision, actor):
            return gate
        if gate.status is not GateStatus.OPEN:
            raise Conflict(
                f"This gate is {gate.status} already.",
                field="decision",
                remedy="Look at its present state.",
                status=gate.status,
            )
        if gate.content_hash != content_hash:
            raise Conflict(
                "What you saw has changed since.",
                field="content_hash",
                remedy="Look again, then decide.",
                content_hash=gate.content_hash,
            )
        values = {
            "status": GateStatus.DECIDED,
            "decision": decision,
            "decided_by": actor,
            "comment": comment,
        }
        await self._connection.execute(
            update(gates).where(gates.c.id == gate_id).values(**values, decided_at=func.now())
        )
        return await self.get(gate_id)

    async def void(self, cr_id: str) -> None:
        """Void whatever is open on a change request, because its content changed or it ended."""
        where = (gates.c.cr_id == cr_id) & (gates.c.status == GateStatus.OPEN)
        await self._connection.execute(update(gates).where(where).values(status=GateStatus.VOID))
