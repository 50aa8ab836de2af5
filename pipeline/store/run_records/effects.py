"""Effects as a stage sees them: it intends, waits, and may let one be tried again.

Problem: only the controller acts, and a stage has to wait for it. Choice: the stage looks at the row, soon at first.
Invariant: an intent is stored before anybody can claim it, and its commit wakes the executor.
"""

import asyncio
from collections.abc import Sequence

from pipeline.concurrency.back_off import BackOff
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import NOT_DONE, EffectStatus, Payload
from pipeline.store.bell import ring_at_commit
from pipeline.store.effects import Effects
from pipeline.store.run_records.scope import OfRun

LOOK_AGAIN = BackOff(first_s=0.02, longest_s=0.25, factor=1.5)


class RunEffects(OfRun):
    """Implements `pipeline.ports.records.Effects`."""

    async def intend(self, *, key: str, repository: str | None, payload: Payload) -> Effect:
        """Record the intent and wake the controller's executor."""
        async with self.database.transaction() as connection:
            effect = await Effects(connection).intend(key=key, cr_id=self.cr_id, repository=repository, payload=payload)
            await ring_at_commit(connection, self.database.tenant, "effects")
        return effect

    async def outcome(self, effect_id: str, *, timeout_s: float) -> Effect:
        """Look until it is decided, soon at first: most effects take a tenth of a second, some wait for a person."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        looks = 0
        while True:
            async with self.database.statements() as connection:
                effect = await Effects(connection).get(effect_id)
            if effect.status.decided or asyncio.get_running_loop().time() > deadline:
                return effect
            looks += 1
            await asyncio.sleep(LOOK_AGAIN.pause_s(looks))

    async def try_again(self, effect_id: str) -> None:
        """See the port; wakes the controller's executor."""
        async with self.database.transaction() as connection:
            await Effects(connection).revive(effect_id, given_up=NOT_DONE | {EffectStatus.RETRY})
            await ring_at_commit(connection, self.database.tenant, "effects")

    async def all(self) -> Sequence[Effect]:
        """See the port."""
        async with self.database.statements() as connection:
            return await Effects(connection).of(self.cr_id)
