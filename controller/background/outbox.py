"""The outbox: carries out recorded intents, each exactly once from the outside's point of view.

A claim is committed before the executor starts; the executor looks up before it acts, so a crash between act and record
leads to a second look-up, not a second act. Several controllers share the table by `SKIP LOCKED` and expiring claims.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from controller.background.bells import BellHub
from controller.metrics import Metrics
from controller.wiring import EffectExecutor
from pipeline import events
from pipeline.crash_points import Reached, unnoticed
from pipeline.errors import CallerError, PersonNeeded, TransientError
from pipeline.records import Effect
from pipeline.store.effects import CLAIM, TRIES_MAX, Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.principals import tenant_ids

_EXECUTION_S = CLAIM.total_seconds() * 0.8
_BACKOFF_MAX_S = 300.0

_log = structlog.get_logger(__name__)


class Outbox:
    """Executes effects of all tenants; `tick` is called on the bell `effects` and at an interval."""

    def __init__(
        self,
        *,
        database: Database,
        bells: BellHub,
        executors: Mapping[str, EffectExecutor],
        metrics: Metrics,
        owner: str,
        batch: int = 10,
        reached: Reached = unnoticed,
    ) -> None:
        self._database = database
        self._bells = bells
        self._executors = executors
        self._metrics = metrics
        self._owner = owner
        self._batch = batch
        self._reached = reached

    async def tick(self) -> None:
        """Carry out whatever is due, until nothing is."""
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        for tenant in tenants:
            while await self._some(tenant):
                pass

    async def _some(self, tenant: str) -> int:
        async with self._database.transaction(tenant) as connection:
            claimed = await Effects(connection).claim(self._owner, limit=self._batch)
            self._passed("claim", "before", *claimed)
        self._passed("claim", "after", *claimed)
        ended = await asyncio.gather(*(self._carry_out(tenant, effect) for effect in claimed), return_exceptions=True)
        for effect, error in zip(claimed, ended, strict=True):
            if isinstance(error, asyncio.CancelledError):
                raise error
            if isinstance(error, BaseException):
                _log.error("effect_crashed", effect=effect.id, kind=effect.kind, exc_info=error)
                await self._later(tenant, effect, f"{type(error).__name__}: see the controller's log")
        return len(claimed)

    async def _carry_out(self, tenant: str, effect: Effect) -> None:
        executor = self._executors.get(effect.kind)
        if effect.tries > TRIES_MAX:
            await self._record(tenant, effect, "dead", error=effect.error or "Its executor never came back.")
            return
        if executor is None:
            await self._later(tenant, effect, f"This controller cannot carry out effects of kind {effect.kind}.")
            return
        try:
            async with asyncio.timeout(_EXECUTION_S):
                self._passed("act", "before", effect)
                result = await executor.execute(effect)
                self._passed("act", "after", effect)
        except PersonNeeded as stopped:
            facts = {"reason": stopped.reason.value, "facts": dict(stopped.facts)}
            await self._record(tenant, effect, "refused", result=facts, error=stopped.message)
        except CallerError as refused:
            await self._record(tenant, effect, "conflict", result={"facts": dict(refused.facts)}, error=refused.message)
        except TransientError as away:
            await self._later(tenant, effect, away.message, wish_s=away.retry_after_s)
        except TimeoutError:
            await self._later(tenant, effect, f"It took longer than {_EXECUTION_S:.0f} s.")
        else:
            await self._record(tenant, effect, "done", result=result)

    async def _later(self, tenant: str, effect: Effect, error: str, *, wish_s: float | None = None) -> None:
        pause_s = max(wish_s or 0.0, min(_BACKOFF_MAX_S, 2.0 ** min(effect.tries, 10)))
        async with self._database.transaction(tenant) as connection:
            again = await Effects(connection).retry_later(effect, after=timedelta(seconds=pause_s), error=error)
            status = (await Effects(connection).get(effect.id)).status
            if not again:
                await Events(connection).append(effect.cr_id, _recorded(effect, status, error))
        self._metrics.effects.labels(kind=effect.kind, outcome=status).inc()
        if not again:
            await self._bells.ring(tenant, "events", f"cr:{effect.cr_id}")

    async def _record(
        self, tenant: str, effect: Effect, status: str, *, result: Mapping[str, object] | None = None, error: str = ""
    ) -> None:
        async with self._database.transaction(tenant) as connection:
            if not await Effects(connection).record(effect.id, status=status, result=result, error=error):
                return
            await Events(connection).append(effect.cr_id, _recorded(effect, status, error))
            self._passed("record", "before", effect)
        self._passed("record", "after", effect)
        self._metrics.effects.labels(kind=effect.kind, outcome=status).inc()
        await self._bells.ring(tenant, "events", f"cr:{effect.cr_id}")

    def _passed(self, step: str, when: str, *effects: Effect) -> None:
        for effect in effects:
            self._reached(f"effect.{effect.kind}.{step}.{when}")


def _recorded(effect: Effect, status: str, error: str) -> events.EffectRecorded:
    summary = error or f"{effect.kind} is {status}"
    return events.EffectRecorded(
        effect_id=effect.id, kind=effect.kind, status=status, summary=summary[:500], repository=effect.repository
    )
