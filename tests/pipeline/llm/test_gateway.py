"""The gateway between a provider that fails as told and a ledger that remembers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from pipeline.change_request import PauseReason
from pipeline.errors import DatabaseAway, PersonNeeded, TransientError
from pipeline.llm.chains import CallPurpose, ModelSettings, RetrySettings, Route
from pipeline.llm.gateway import Gateway, ModelCall
from pipeline.llm.pricing import UnpricedModel, load_prices
from pipeline.ports import (
    ModelAnswer,
    ModelClass,
    ModelRequest,
    Reservation,
    Usage,
)
from pipeline.testing import FakeClock, MemoryLedger, PlayedProvider

USED = Usage(input_tokens=100, cache_write_tokens=0, cache_read_tokens=0, output_tokens=10)
ANSWER = ModelAnswer(model="scripted", content=({"type": "text", "text": "hi"},), stop_reason="end_turn", usage=USED)
FIRST = Route(provider="one", model="scripted")
SECOND = Route(provider="two", model="claude-haiku-4-5")
CALL = ModelCall(
    route=FIRST,
    purpose=CallPurpose(role="code_writer", stage="development", repository="app"),
    request=ModelRequest(model="scripted", system=(), tools=(), messages=(), max_tokens=1_000),
    input_tokens=1_000,
)


@dataclass
class Diary:
    """A `CallRecord` of words, with what each was told."""

    words: list[str] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)

    def key(self) -> str:
        return f"key-{len(self.words)}"

    async def asked(self, reservation: Reservation) -> None:
        self._note("asked", reservation)

    async def answered(self, answer: ModelAnswer, *, cost_usd: Decimal, latency_s: float) -> None:
        self._note("answered", answer, cost_usd, latency_s)

    async def failed(self, problem: str, *, usage: Usage, cost_usd: Decimal, cut: bool) -> None:
        self._note("cut" if cut else "failed", problem, usage, cost_usd)

    def _note(self, word: str, *facts: object) -> None:
        self.words.append(word)
        self.told.append(facts)


def gateway(provider: PlayedProvider, chain: Sequence[Route] = (FIRST, SECOND)) -> Gateway:
    return Gateway(
        providers={"one": provider, "two": PlayedProvider(ANSWER)},
        settings=ModelSettings(default=tuple(chain), retry=RetrySettings()),
        prices=load_prices(),
        ledger=MemoryLedger(),
        clock=FakeClock(),
    )


async def test_money_is_reserved_recorded_answered_recorded_and_settled() -> None:
    diary, door = Diary(), gateway(PlayedProvider(ANSWER))

    answer = await door.ask(CALL, diary)

    assert answer is ANSWER
    assert diary.words == ["asked", "answered"]
    assert await door.spent_usd() == load_prices().of("scripted").cost_usd(USED)


async def test_retries_back_off_and_every_try_is_settled() -> None:
    diary = Diary()
    overloaded = TransientError("overloaded")
    door = gateway(PlayedProvider(overloaded, overloaded, overloaded, ANSWER))

    await door.ask(CALL, diary)

    assert isinstance(door.clock, FakeClock)
    assert door.clock.slept == [5, 10, 20]
    assert diary.words == ["asked", "failed"] * 3 + ["asked", "answered"]
    assert isinstance(door.ledger, MemoryLedger)
    assert [line.cost_usd == 0 for line in door.ledger.lines.values()] == [True, True, True, False]


async def test_the_providers_wish_to_wait_holds_for_everyone_behind_the_same_key() -> None:
    door = gateway(PlayedProvider(TransientError("slow down", retry_after_s=42), ANSWER, ANSWER))

    await door.ask(CALL, Diary())

    assert isinstance(door.clock, FakeClock)
    assert door.clock.slept == [42]

    door._quiet_until["one"] = door.clock.monotonic() + 7
    await door.ask(CALL, Diary())
    assert door.clock.slept == [42, 7]


async def test_a_broken_stream_costs_what_was_seen_of_it() -> None:
    door = gateway(PlayedProvider(USED, TransientError("cut"), ANSWER))

    await door.ask(CALL, Diary())

    assert isinstance(door.ledger, MemoryLedger)
    assert [line.usage for line in door.ledger.lines.values()] == [USED, USED]


async def test_patience_ends_after_the_configured_retries() -> None:
    door = gateway(provider := PlayedProvider(*[TransientError("down")] * 4))

    with pytest.raises(TransientError):
        await door.ask(CALL, Diary())

    assert len(provider.requests) == 4
    assert await door.spent_usd() == 0


async def test_a_hard_error_is_not_retried() -> None:
    diary = Diary()
    door = gateway(provider := PlayedProvider(PersonNeeded(PauseReason.PROVIDERS_DOWN, "bad key")))

    with pytest.raises(PersonNeeded):
        await door.ask(CALL, diary)

    assert len(provider.requests) == 1
    assert diary.words == ["asked", "failed"]
    assert diary.told[1][0] == "bad key"
    assert await door.spent_usd() == 0


async def test_the_chain_is_walked_to_its_end_and_then_a_person_is_asked() -> None:
    door, problem = gateway(PlayedProvider()), TransientError("down", status=529)

    assert door.first_route(ModelClass.DEFAULT) == FIRST
    assert door.failover(ModelClass.DEFAULT, FIRST, problem) == SECOND
    with pytest.raises(PersonNeeded) as pause:
        door.failover(ModelClass.DEFAULT, SECOND, problem)
    assert pause.value.reason is PauseReason.PROVIDERS_DOWN
    assert pause.value.facts == {"providers": ["one", "two"], "status": 529}


async def test_an_unpriced_model_is_refused_before_anything_is_asked() -> None:
    unpriced = Route(provider="one", model="mystery")
    door = gateway(provider := PlayedProvider(ANSWER), [unpriced])

    with pytest.raises(UnpricedModel):
        door.first_route(ModelClass.DEFAULT)
    assert provider.requests == []


async def test_an_exhausted_budget_stops_the_call_before_it_leaves() -> None:
    door, diary = gateway(provider := PlayedProvider(ANSWER)), Diary()
    assert isinstance(door.ledger, MemoryLedger)
    door.ledger.budget_usd = Decimal("0.0001")

    with pytest.raises(PersonNeeded) as pause:
        await door.ask(CALL, diary)

    assert pause.value.reason is PauseReason.BUDGET
    assert (provider.requests, diary.words) == ([], [])


async def test_a_cancelled_call_is_settled_by_what_was_seen_and_recorded_as_cut() -> None:
    asked, diary = asyncio.Event(), Diary()
    door = gateway(PlayedProvider(USED, asked))
    call = asyncio.create_task(door.ask(CALL, diary))
    await asked.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert diary.words == ["asked", "cut"]
    assert await door.spent_usd() == load_prices().of("scripted").cost_usd(USED)


async def test_a_provider_that_nobody_configured_is_named() -> None:
    door = gateway(PlayedProvider())

    with pytest.raises(PersonNeeded, match="No provider named 'three'"):
        await door.ask(
            ModelCall(
                route=Route(provider="three", model="scripted"),
                purpose=CALL.purpose,
                request=CALL.request,
                input_tokens=1,
            ),
            Diary(),
        )


class Forgetful(Diary):
    """A diary on a database that is away for the first tries to remember an answer."""

    def __init__(self, outages: int) -> None:
        super().__init__()
        self.outages = outages

    async def answered(self, answer: ModelAnswer, *, cost_usd: Decimal, latency_s: float) -> None:
        if self.outages:
            self.outages -= 1
            raise DatabaseAway("The database did not answer.")
        await super().answered(answer, cost_usd=cost_usd, latency_s=latency_s)


async def test_an_answer_that_was_paid_is_kept_through_a_restart_of_the_database() -> None:
    diary, provider = Forgetful(outages=4), PlayedProvider(ANSWER)

    await gateway(provider).ask(CALL, diary)

    assert (len(provider.requests), diary.words) == (1, ["asked", "answered"])


async def test_a_database_that_is_away_is_no_problem_of_the_provider() -> None:
    diary, provider = Forgetful(outages=99), PlayedProvider(ANSWER, ANSWER)

    with pytest.raises(DatabaseAway):
        await gateway(provider).ask(CALL, diary)

    assert len(provider.requests) == 1


async def test_a_provider_that_wants_a_long_silence_counts_as_down_for_every_conversation() -> None:
    door = gateway(PlayedProvider(TransientError("slow down", retry_after_s=9_999)))
    with pytest.raises(TransientError, match="slow down"):
        await door.ask(CALL, Diary())

    with pytest.raises(TransientError, match="asked not to be called"):
        await door.ask(CALL, Diary())

    assert isinstance(door.clock, FakeClock)
    assert door.clock.slept == []
