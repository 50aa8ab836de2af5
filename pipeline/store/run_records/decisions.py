"""What people decide and say about a run: gates and interventions.

Problem: what a person said must reach the run once and be answered once. Choice: each step is one short transaction on
rows, and its event follows from it. Invariant: a gate is announced only when it was opened, once per activation.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.change_request import Stage
from pipeline.events import GateOpened, InterventionProgressed
from pipeline.gates.content import GateContent
from pipeline.gates.gate import Gate
from pipeline.interventions.intervention import Intervention, InterventionStatus
from pipeline.store.gates import Gates
from pipeline.store.interventions import Interventions
from pipeline.store.run_records.scope import OfRun


class RunGates(OfRun):
    """Implements `pipeline.ports.records.Gates`."""

    async def open(self, *, activation: str, content: GateContent, content_hash: str) -> Gate:
        """Open the gate and announce it, in one transaction."""
        async with self.database.transaction() as connection:
            gate, fresh = await Gates(connection).open(
                cr_id=self.cr_id, attempt=self.attempt, activation=activation, content=content,
                content_hash=content_hash,
            )  # fmt: skip
            if fresh:
                opened = GateOpened(gate_id=gate.id, kind=gate.kind, content_hash=gate.content_hash)
                await self.announce(connection, opened)
        return gate

    async def get(self, gate_id: str) -> Gate:
        """See the port."""
        async with self.database.statements() as connection:
            return await Gates(connection).get(gate_id)

    async def all(self) -> Sequence[Gate]:
        """See the port."""
        async with self.database.statements() as connection:
            return await Gates(connection).inbox(cr_id=self.cr_id, status=None)


class RunInterventions(OfRun):
    """Implements `pipeline.ports.records.Interventions`."""

    async def get(self, intervention_id: str) -> Intervention:
        """See the port."""
        async with self.database.statements() as connection:
            return await Interventions(connection).get(intervention_id)

    async def all(self) -> Sequence[Intervention]:
        """See the port."""
        async with self.database.statements() as connection:
            return await Interventions(connection).of(self.cr_id)

    async def take_resume(self, *, stage: Stage, activation: str) -> Intervention | None:
        """Take every unanswered word to go on; the same activation gets the same again."""
        async with self.database.transaction() as connection:
            said, fresh = await Interventions(connection).taken_to_go_on(self.cr_id, activation)
        for one in fresh:
            await self._progressed(one, stage)
        return next((one for one in reversed(said) if one.body.instructions), said[-1] if said else None)

    async def skip_of(self, stage: Stage, repository: str | None, activation: str) -> Intervention | None:
        """See the port."""
        async with self.database.transaction() as connection:
            said, fresh = await Interventions(connection).skip_of(self.cr_id, stage.value, repository, activation)
        if said is not None and fresh:
            await self._progressed(replace(said, status=InterventionStatus.DELIVERED), stage)
        return said

    async def skip_waiting(self) -> Stage | None:
        """See the port."""
        async with self.database.statements() as connection:
            stage = await Interventions(connection).skip_waiting(self.cr_id)
        return Stage(stage) if stage else None

    async def settle_skips(self, stage: Stage, *, happened: bool, activation: str) -> None:
        """See the port."""
        async with self.database.transaction() as connection:
            settled = await Interventions(connection).settle_skips(
                self.cr_id, stage.value, happened=happened, activation=activation
            )
        for one in settled:
            await self._progressed(one, stage)

    async def settle_instructions(self, repository: str | None) -> None:
        """See the port."""
        async with self.database.statements() as connection:
            settled = await Interventions(connection).settle_delivered(self.cr_id, repository)
        for one in settled:
            await self._progressed(one, None)

    async def _progressed(self, said: Intervention, stage: Stage | None) -> None:
        progressed = InterventionProgressed(
            intervention_id=said.id, action=said.action, status=said.status, actor=said.actor, stage=stage,
            repository=said.repository,
        )  # fmt: skip
        await self.emit(progressed)
