"""Prices: every line has a source, and what is unknown is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.change_request import PauseReason
from pipeline.llm.chains import ModelSettings, scripted_models
from pipeline.llm.pricing import UnpricedModel, load_prices
from pipeline.ports import ModelClass, Usage

PRICES = load_prices()
TOKENS = st.integers(0, 900_000)


def test_every_model_of_the_default_chains_is_priced() -> None:
    for settings in (ModelSettings(), scripted_models()):
        for model_class in ModelClass:
            for route in settings.chain(model_class):
                assert PRICES.of(route.model).source


def test_an_unknown_model_is_refused_and_never_free() -> None:
    with pytest.raises(UnpricedModel) as refusal:
        PRICES.of("gpt-unheard-of")

    assert refusal.value.reason is PauseReason.BUDGET
    assert "gpt-unheard-of" in refusal.value.message


def test_a_dated_model_id_has_the_price_of_its_model() -> None:
    assert PRICES.of("claude-haiku-4-5-20251001") == PRICES.of("claude-haiku-4-5")
    assert PRICES.knows("claude-haiku-4-5-20251001")


def test_each_kind_of_token_has_its_own_rate() -> None:
    usage = Usage(
        input_tokens=1_000_000, cache_write_tokens=1_000_000, cache_read_tokens=1_000_000, output_tokens=1_000_000
    )

    assert PRICES.of("claude-opus-5-5").cost_usd(usage) == Decimal("29.20")


def test_a_long_prompt_is_billed_at_the_long_rates_cached_tokens_counted() -> None:
    price = PRICES.of("claude-haiku-5-5")
    short = Usage(input_tokens=0, cache_write_tokens=0, cache_read_tokens=100_000, output_tokens=1_000)
    long = Usage(input_tokens=1, cache_write_tokens=0, cache_read_tokens=100_000, output_tokens=1_000)

    assert price.cost_usd(short) == Decimal("0.0015")
    assert price.cost_usd(long) == Decimal("0.007501")


@given(st.sampled_from(sorted(PRICES.models)), TOKENS, TOKENS, TOKENS, st.integers(0, 128_000))
def test_no_usage_within_a_reservation_costs_more_than_it(
    model: str, fresh: int, written: int, read: int, output: int
) -> None:
    price = PRICES.of(model)
    usage = Usage(input_tokens=fresh, cache_write_tokens=written, cache_read_tokens=read, output_tokens=output)

    worst = price.worst_case_usd(input_tokens=fresh + written + read, output_tokens=output)

    assert price.cost_usd(usage) <= worst
