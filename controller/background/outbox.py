"""The outbox: carries out recorded intents, each exactly once from the outside's point of view.

A claim is committed before the executor starts and renewed while it works; the executor looks up before it acts, so a
crash between act and record leads to a second look-up, not a second act. Several controllers share the table by
`SKIP LOCKED` and claims that run out soon; one that stops gives its claims back at once, and one that is alone takes those
of its dead predecessor at once. Deliveries (reports, notifications) have an outbox of their own: a receiver that hangs
holds up no push and no merge.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from controller.background.bells import BellHub
from controller.background.workers import is_alive
from controller.metrics import Metrics
from controller.wiring import EffectExecutor
from pipeline import events
from pipeline.concurrency.back_off import BackOff
from pipeline.concurrency.uninterrupted import uninterrupted
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, EffectStatus, Refusal, Result
from pipeline.errors import CallerError, PersonNeeded, TransientError
from pipeline.machine.crash_points import Reached, unnoticed
from pipeline.settings.process import EffectSettings
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.principals import tenant_ids

RENEWALS = 3
"""How often a claim is renewed within its time."""
WISH_MAX_S = 86_400.0
RETRY_SPREAD = 0.5
TENANTS_AT_ONCE = 8

_log = structlog.get_logger(__name__)


class Outbox:
    """Executes effects of all tenants; `tick` is called on the bell `effects` and at an interval."""

    def __init__(
        self,
        *,
        database: Database,
        bells: BellHub,
        executors: Mapping[EffectKind, EffectExecutor],
        metrics: Metrics,
        owner: str,
        settings: EffectSettings | None = None,
        deliveries: bool = False,
        alone: bool = False,
        batch: int = 10,
        reached: Reached = unnoticed,
    ) -> None:
        self._database = database
        self._bells = bells
        self._executors = executors
        self._metrics = metrics
        self._owner = owner
        self._settings = settings or EffectSettings()
        self._again = BackOff(first_s=self._settings.retry_s, longest_s=self._settings.retry_max_s, spread=RETRY_SPREAD)
        self._claim = timedelta(seconds=self._settings.claim_s)
        self._tries_max = self._settings.delivery_tries_max if deliveries else self._settings.tries_max
        self._deliveries = deliveries
        self._alone = alone
        self._batch = batch
        self._reached = reached

    async def tick(self) -> None:
        """Carry out whatever is due, until nothing is. The first time, one that is alone takes over what it finds."""
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        if self._alone:
            await self._take_over(tenants)
            self._alone = False
        places = asyncio.Semaphore(TENANTS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for tenant in tenants:
                group.create_task(self._empty(tenant, places))

    async def _take_over(self, tenants: list[str]) -> None:
        for tenant in tenants:
            async with self._database.transaction(tenant) as connection:
                effects = Effects(connection)
                dead = [owner for owner in await effects.claimants() if owner != self._owner and not is_alive(owner)]
                taken = await effects.take_over(dead, deliveries=self._deliveries)
            if taken:
                _log.info("effects_taken_over", tenant=tenant, number=taken)

    async def _empty(self, tenant: str, places: asyncio.Semaphore) -> None:
        async with places:
            while await self._some(tenant):
                pass

    async def _some(self, tenant: str) -> int:
        async with self._database.transaction(tenant) as connection:
            claimed = await Effects(connection).claim(
                self._owner, limit=self._batch, lasts=self._claim, deliveries=self._deliveries
            )
            self._reach("claim", "before", *claimed)
        if not claimed:
            return 0
        self._reach("claim", "after", *claimed)
        in_hand = {effect.id for effect in claimed}
        renewing = asyncio.create_task(self._renew(tenant, in_hand), name="renew-claims")
        try:
            handling = (self._handle(tenant, effect, in_hand) for effect in claimed)
            # Even when this is cancelled, every one has ended before the claims are given back.
            for error in await asyncio.gather(*handling, return_exceptions=True):
                if error is not None:
                    raise error
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            if in_hand:
                await uninterrupted(self._give_back(tenant, in_hand))
        return len(claimed)

    async def _renew(self, tenant: str, in_hand: set[str]) -> None:
        while True:
            await asyncio.sleep(self._settings.claim_s / RENEWALS)
            try:
                async with self._database.transaction(tenant) as connection:
                    await Effects(connection).renew(self._owner, list(in_hand), lasts=self._claim)
            except TransientError as away:
                # The claim may run out and another executor look up what this one does: harmless, so the work goes on.
                _log.warning("claims_not_renewed", tenant=tenant, cause=away.message)

    async def _give_back(self, tenant: str, in_hand: set[str]) -> None:
        try:
            async with self._database.transaction(tenant) as connection:
                await Effects(connection).give_back(self._owner, list(in_hand))
        except TransientError as away:
            _log.warning("claims_run_out_by_themselves", tenant=tenant, cause=away.message)

    async def _handle(self, tenant: str, effect: Effect, in_hand: set[str]) -> None:
        try:
            await self._carry_out(tenant, effect)
        except TransientError:
            # The outcome could not be recorded; giving the claim back leads to another look.
            raise
        except Exception as bug:  # noqa: BLE001 - one effect's bug must not take its neighbours along; it is logged and tried again
            _log.error("effect_crashed", effect=effect.id, kind=effect.kind, exc_info=bug)
            await self._later(tenant, effect, f"{type(bug).__name__}: see the controller's log")
        in_hand.discard(effect.id)

    async def _carry_out(self, tenant: str, effect: Effect) -> None:
        executor = self._executors.get(effect.kind)
        if effect.tries > self._tries_max:
            await self._record(tenant, effect, EffectStatus.DEAD, error=effect.error or "Its executor never came back.")
            return
        if executor is None:
            await self._later(tenant, effect, f"This controller cannot carry out effects of kind {effect.kind}.")
            return
        limit_s = self._settings.execution_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                self._reach("act", "before", effect)
                result = await executor.execute(effect)
                self._reach("act", "after", effect)
        except PersonNeeded as stopped:
            why = Refusal(reason=stopped.reason, facts=dict(stopped.facts))
            await self._record(tenant, effect, EffectStatus.REFUSED, result=why, error=stopped.message)
        except CallerError as refused:
            why = Refusal(facts=dict(refused.facts))
            await self._record(tenant, effect, self._final, result=why, error=refused.message)
        except TransientError as away:
            await self._later(tenant, effect, away.message, wish_s=away.retry_after_s)
        except TimeoutError:
            await self._later(tenant, effect, f"It took longer than {limit_s:.0f} s.")
        else:
            await self._record(tenant, effect, EffectStatus.DONE, result=result)

    @property
    def _final(self) -> EffectStatus:
        """What a final refusal is: the line reads conflicts and asks a person; for deliveries only dead letters do."""
        return EffectStatus.DEAD if self._deliveries else EffectStatus.CONFLICT

    async def _later(self, tenant: str, effect: Effect, error: str, *, wish_s: float | None = None) -> None:
        pause_s = self._again.within(effect.tries, wish_s, wish_max_s=WISH_MAX_S)
        async with self._database.transaction(tenant) as connection:
            again = await Effects(connection).retry_later(
                effect, after=timedelta(seconds=pause_s), error=error, tries_max=self._tries_max
            )
            status = (await Effects(connection).get(effect.id)).status
            if not again:
                await Events(connection).append(effect.cr_id, effect_event(effect, status, error))
        self._metrics.effects.labels(kind=effect.kind, outcome=status).inc()
        if not again:
            await self._bells.ring(tenant, "events", f"cr:{effect.cr_id}")

    async def _record(
        self,
        tenant: str,
        effect: Effect,
        status: EffectStatus,
        *,
        result: Result | Refusal | None = None,
        error: str = "",
    ) -> None:
        if not await uninterrupted(self._store(tenant, effect, status, result, error)):
            return
        self._reach("record", "after", effect)
        self._metrics.effects.labels(kind=effect.kind, outcome=status).inc()
        await self._bells.ring(tenant, "events", f"cr:{effect.cr_id}")

    async def _store(
        self, tenant: str, effect: Effect, status: EffectStatus, result: Result | Refusal | None, error: str
    ) -> bool:
        async with self._database.transaction(tenant) as connection:
            if not await Effects(connection).record(effect.id, status=status, result=result, error=error):
                return False
            await Events(connection).append(effect.cr_id, effect_event(effect, status, error))
            self._reach("record", "before", effect)
            return True

    def _reach(self, step: str, when: str, *effects: Effect) -> None:
        for effect in effects:
            self._reached(f"effect.{effect.kind}.{step}.{when}")


def effect_event(effect: Effect, status: EffectStatus, summary: str = "") -> events.EffectRecorded:
    """Return the event that says where an effect stands now."""
    words = summary or f"{effect.kind} is {status}"
    return events.EffectRecorded(
        effect_id=effect.id, kind=effect.kind, status=status, summary=words[:500], repository=effect.repository
    )
