"""One paid model call: reserve, record, ask, record, settle.

Problem: a call that is paid but not remembered is bought twice after a crash; a call that is not paid for in advance
overruns the budget. Choice: money is reserved first, the caller's record is durable before the request leaves and again
before anything acts on the answer, and only then is the reservation settled. A try that fails is a call of its own with
its own reservation. Invariants: every reservation made here is settled here or, after a crash, by `settle_lost` and
`settle_again`; a conversation never changes its provider once it has an answer, so failing over is the caller's choice
and only offered by `failover`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pipeline.change_request import PauseReason
from pipeline.concurrency.back_off import BackOff
from pipeline.concurrency.uninterrupted import uninterrupted
from pipeline.errors import ChangelineError, DatabaseAway, PersonNeeded, TransientError
from pipeline.llm.chains import CallPurpose, ModelSettings, Route
from pipeline.llm.pricing import ModelPrice, PriceList
from pipeline.ports import (
    Clock,
    DeltaListener,
    Ledger,
    ModelAnswer,
    ModelClass,
    ModelProvider,
    ModelRequest,
    Reservation,
    Usage,
)

STORE_AGAIN = BackOff(first_s=0.2, longest_s=8.0)
STORE_TRIES_MAX = 7
NOTHING_USED = Usage(input_tokens=0, cache_write_tokens=0, cache_read_tokens=0, output_tokens=0)


class CallRecord(Protocol):
    """How the caller remembers a call. Each method is durable when it returns."""

    def key(self) -> str:
        """Name the next try; the same after a crash as long as nothing was recorded since."""

    async def asked(self, reservation: Reservation) -> None:
        """The request is about to leave."""

    async def answered(self, answer: ModelAnswer, *, cost_usd: Decimal, latency_s: float) -> None:
        """A complete answer arrived."""

    async def failed(self, problem: str, *, usage: Usage, cost_usd: Decimal, cut: bool) -> None:
        """The try ended without an answer; `cut` says that this side cancelled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """A request with everything the ledger and the retry rules need to know about it."""

    route: Route
    purpose: CallPurpose
    request: ModelRequest
    input_tokens: int
    """Upper estimate of the prompt, for the reservation."""


@dataclass(slots=True)
class _Meter:
    usage: Usage | None = None
    sent: bool = False

    def update(self, usage: Usage) -> None:
        self.usage = usage

    def at_the_end(self, input_tokens: int, *, cut: bool) -> Usage:
        """Return what a call without an answer is settled by: what was seen, or the input if we hung up unseeing."""
        if self.usage is not None:
            return self.usage
        if cut and self.sent:
            return Usage(
                input_tokens=input_tokens, cache_write_tokens=0, cache_read_tokens=0, output_tokens=0, estimated=True
            )
        return NOTHING_USED


@dataclass(slots=True)
class Gateway:
    """Calls models for one change request. Safe to share between its parallel agents."""

    providers: Mapping[str, ModelProvider]
    settings: ModelSettings
    prices: PriceList
    ledger: Ledger
    clock: Clock
    _quiet_until: dict[str, float] = field(default_factory=dict)

    def first_route(self, model_class: ModelClass) -> Route:
        """Return where a new conversation of this class starts. Raises `UnpricedModel`."""
        route = self.settings.chain(model_class)[0]
        self.prices.of(route.model)
        return route

    def failover(self, model_class: ModelClass, down: Route, problem: TransientError) -> Route:
        """Return the route after `down`, for a conversation without any answer yet. Raises `PersonNeeded(providers_down)`."""
        chain = self.settings.chain(model_class)
        following = chain[chain.index(down) + 1 :] if down in chain else ()
        if not following:
            raise providers_down([route.provider for route in chain], problem) from problem
        self.prices.of(following[0].model)
        return following[0]

    async def ask(
        self, call: ModelCall, record: CallRecord, listen: Callable[[], DeltaListener] | None = None
    ) -> ModelAnswer:
        """Return the answer after it was recorded and paid. `listen` opens an ear for the text of each try.

        Raises `PersonNeeded(budget)` before anything leaves, `PersonNeeded(providers_down)` for errors that no retry
        mends, the last `TransientError` when the provider stays down through all retries, and `DatabaseAway`, which
        says nothing about the provider.
        """
        retry = 0
        while True:
            await self._respect_quiet_time(call.route.provider)
            try:
                return await self._attempt(call, record, listen)
            except DatabaseAway:
                raise
            except TransientError as problem:
                retry += 1
                delay_s = self.settings.retry.delay_s(retry, problem.retry_after_s)
                if problem.retry_after_s is not None:
                    self._quiet_until[call.route.provider] = self.clock.monotonic() + delay_s
                if retry > self.settings.retry.retries_max or delay_s > self.settings.retry.retry_after_max_s:
                    raise
                await self.clock.sleep(delay_s)

    async def settle_lost(self, reservation: Reservation, usage: Usage) -> None:
        """Settle a call whose end nobody saw, at its whole reservation. A no-op if it was settled before the crash."""
        await self.ledger.settle(reservation, usage=usage, cost_usd=reservation.worst_case_usd, latency_s=0.0)

    async def settle_again(self, reservation: Reservation, *, usage: Usage, cost_usd: Decimal) -> None:
        """Settle an answer that was recorded, in case the crash came between record and settlement."""
        await self.ledger.settle(reservation, usage=usage, cost_usd=cost_usd, latency_s=0.0)

    async def spent_usd(self) -> Decimal:
        """Return what the change request has spent and reserved."""
        return await self.ledger.spent_usd()

    async def _respect_quiet_time(self, provider: str) -> None:
        wait_s = self._quiet_until.get(provider, 0.0) - self.clock.monotonic()
        if wait_s > self.settings.retry.retry_after_max_s:
            raise TransientError(f"{provider} asked not to be called for {wait_s:.0f} s.", provider=provider)
        if wait_s > 0:
            await self.clock.sleep(wait_s)

    async def _attempt(
        self, call: ModelCall, record: CallRecord, listen: Callable[[], DeltaListener] | None
    ) -> ModelAnswer:
        price = self.prices.of(call.route.model)
        provider = self._provider(call.route)
        open_calls: list[Reservation] = []
        meter, started = _Meter(), self.clock.monotonic()
        answer, problem, cut = None, "unexpected error", False
        try:
            await uninterrupted(self._reserve(call, price, record, open_calls))
            started, meter.sent = self.clock.monotonic(), True
            answer = await provider.ask(call.request, listen() if listen else None, meter.update)
        except asyncio.CancelledError:
            problem, cut = "cancelled", True
            raise
        except ChangelineError as error:
            problem = error.message
            raise
        finally:
            if answer is None and open_calls:
                usage = meter.at_the_end(call.input_tokens, cut=cut)
                await uninterrupted(self._close(open_calls[0], usage, price, record, problem=problem, cut=cut))
        latency_s = self.clock.monotonic() - started
        await uninterrupted(self._keep(open_calls[0], answer, self._price_of(answer, price), latency_s, record))
        return answer

    async def _reserve(
        self, call: ModelCall, price: ModelPrice, record: CallRecord, open_calls: list[Reservation]
    ) -> None:
        worst = price.worst_case_usd(input_tokens=call.input_tokens, output_tokens=call.request.max_tokens)
        reservation = await self.ledger.reserve(
            key=record.key(),
            role=call.purpose.role,
            stage=call.purpose.stage,
            repository=call.purpose.repository,
            model=call.route.model,
            worst_case_usd=worst,
        )
        await record.asked(reservation)
        open_calls.append(reservation)

    async def _close(
        self, reservation: Reservation, usage: Usage, price: ModelPrice, record: CallRecord, *, problem: str, cut: bool
    ) -> None:
        cost_usd = min(price.cost_usd(usage), reservation.worst_case_usd)

        async def store() -> None:
            await self.ledger.settle(reservation, usage=usage, cost_usd=cost_usd, latency_s=0.0)
            await record.failed(problem, usage=usage, cost_usd=cost_usd, cut=cut)

        await self._durably(store)

    async def _keep(
        self, reservation: Reservation, answer: ModelAnswer, price: ModelPrice, latency_s: float, record: CallRecord
    ) -> None:
        cost_usd, recorded = price.cost_usd(answer.usage), False

        async def store() -> None:
            nonlocal recorded
            if not recorded:
                await record.answered(answer, cost_usd=cost_usd, latency_s=latency_s)
                recorded = True
            await self.ledger.settle(reservation, usage=answer.usage, cost_usd=cost_usd, latency_s=latency_s)

        await self._durably(store)

    async def _durably(self, store: Callable[[], Awaitable[None]]) -> None:
        """Store what was paid for, through a restart of the database: giving up means to buy it again."""
        for failures in range(1, STORE_TRIES_MAX):
            try:
                return await store()
            except DatabaseAway:
                await self.clock.sleep(STORE_AGAIN.pause_s(failures))
        return await store()

    def _price_of(self, answer: ModelAnswer, requested: ModelPrice) -> ModelPrice:
        return self.prices.of(answer.model) if self.prices.knows(answer.model) else requested

    def _provider(self, route: Route) -> ModelProvider:
        provider = self.providers.get(route.provider)
        if provider is None:
            raise PersonNeeded(
                PauseReason.PROVIDERS_DOWN,
                f"No provider named {route.provider!r} is configured for the model {route.model!r}.",
                provider=route.provider,
                model=route.model,
            )
        return provider


def providers_down(providers: list[str], problem: TransientError) -> PersonNeeded:
    """Word the pause for a chain that is down to its last provider."""
    names = list(dict.fromkeys(providers))
    return PersonNeeded(
        PauseReason.PROVIDERS_DOWN,
        f"No model provider answers ({', '.join(names)}). Last problem: {problem.message}",
        providers=names,
        **{key: value for key, value in problem.facts.items() if key != "providers"},
    )
