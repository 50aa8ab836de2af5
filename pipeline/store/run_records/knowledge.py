"""What a run knows of others and of itself: approved learnings, and what its models were asked and cost.

Problem: evidence names every call and prompt, and prompts carry what was learned. Choice: both are read from the rows
that were written for other reasons. Invariant: a proposal counts for nobody before a person approved it.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from pipeline.identifiers import derived_id
from pipeline.records import ModelCall, PromptUse
from pipeline.store import ledger
from pipeline.store.journal import glance_at
from pipeline.store.run_records.scope import OfRun
from pipeline.store.tables import journal, learnings


class RunLearnings(OfRun):
    """Implements `pipeline.ports.records.Learnings`."""

    async def approved(self, repository: str) -> Sequence[str]:
        """See the port."""
        query = (
            select(learnings.c.text)
            .where(learnings.c.repository == repository, learnings.c.status == "approved")
            .order_by(learnings.c.decided_at.desc(), learnings.c.id)
        )
        async with self.database.statements() as connection:
            return list((await connection.execute(query)).scalars())

    async def propose(self, proposals: Sequence[tuple[str, str, str]], *, activation: str) -> None:
        """See the port."""
        async with self.database.transaction() as connection:
            for number, (repository, text, evidence) in enumerate(proposals):
                row = {
                    "id": derived_id("learn", activation, str(number)),
                    "cr_id": self.cr_id,
                    "repository": repository,
                }
                statement = upsert(learnings).values(**row, text=text, evidence=evidence).on_conflict_do_nothing()
                await connection.execute(statement)


class RunSpending(OfRun):
    """Implements `pipeline.ports.records.Spending`."""

    async def cost_usd(self) -> Decimal:
        """See the port."""
        async with self.database.statements() as connection:
            return await ledger.committed_usd(connection, self.cr_id)

    async def calls(self) -> Sequence[ModelCall]:
        """See the port."""
        async with self.database.statements() as connection:
            return await ledger.calls(connection, self.cr_id)

    async def prompts(self) -> Sequence[PromptUse]:
        """Read the opening entries of all conversations."""
        query = (
            select(journal.c.role, journal.c.body)
            .where(journal.c.cr_id == self.cr_id, journal.c.attempt == self.attempt, journal.c.seq == 0)
            .order_by(journal.c.at, journal.c.role)
        )
        async with self.database.statements() as connection:
            rows = (await connection.execute(query)).all()
        return [PromptUse(role=row.role, prompt_hash=glance_at(row.body).prompt_hash) for row in rows]
