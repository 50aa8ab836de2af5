"""What people say to running agents: each instruction reaches each conversation it concerns, with a receipt.

An instruction is marked delivered with the first role and turn that saw it; conversations that open later in the same
stage see it too, because the journal of each keeps what it took. It is settled when a stage that saw it has ended.
"""

from collections.abc import Collection, Sequence

from pipeline.concurrency.rings import Rings
from pipeline.interventions.intervention import InterventionStatus
from pipeline.ports import Instruction
from pipeline.store.engine import Database
from pipeline.store.interventions import Interventions

LOOK_EVERY_S = 1.0


class StoredInstructions:
    """Implements `pipeline.ports.Instructions` for the conversations of one change request. `heard` shortens waits."""

    def __init__(self, database: Database, *, cr_id: str, heard: Rings | None = None) -> None:
        self._database = database
        self._cr_id = cr_id
        self._heard = heard or Rings()

    async def take(self, *, repository: str | None, role: str, turn: int) -> Sequence[Instruction]:
        """Return instructions for this repository (or for all), marking fresh ones delivered with role and turn."""
        async with self._database.statements() as connection:
            words = Interventions(connection)
            told = await words.told(self._cr_id, repository=repository)
            for one in (one for one in told if one.status is InterventionStatus.QUEUED):
                await words.delivered(one.id, role=role, turn=turn)
        return [Instruction(intervention_id=one.id, text=one.body.instructions, actor=one.actor) for one in told]

    async def spoken(self, *, repository: str | None, known: Collection[str]) -> None:
        """See the port. Waits before it looks: work that takes no time costs no query."""
        while True:
            await self._heard.wait(LOOK_EVERY_S)
            async with self._database.statements() as connection:
                told = await Interventions(connection).told(self._cr_id, repository=repository)
            if any(one.id not in known for one in told):
                return
