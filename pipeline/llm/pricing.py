"""What tokens cost, from one dated price file with a source per line.

Problem: a price table in code goes stale unseen, and an unknown model that counts as zero makes spend invisible.
Choice: `prices.json` beside this module, each line naming where its numbers were read and when; `PriceList.of` refuses
a model it does not know. All amounts are decimals in US dollars; worst cases round up, so a reservation never falls
short of the bill.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Usage

MILLION = Decimal(1_000_000)
SMALLEST = Decimal("0.000001")
_DATED = re.compile(r"-\d{8}$")


class UnpricedModel(PersonNeeded):
    """The model has no line in the price file, so its spend could not be bounded."""

    def __init__(self, model: str, as_of: str) -> None:
        super().__init__(
            PauseReason.BUDGET,
            f"The model {model!r} has no price (price file of {as_of}). Choose a priced model or add its price.",
            model=model,
        )


class Rates(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal = Field(ge=0)
    cache_write: Decimal = Field(ge=0)
    cache_read: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class LongPromptRates(Rates):
    """Rates that replace the usual ones for every token of a call whose whole prompt is longer than `above_tokens`."""

    above_tokens: int = Field(gt=0)


class ModelPrice(Rates):
    """One line of the price file."""

    model: str
    source: str = Field(min_length=10)
    long_prompt: LongPromptRates | None = None

    def rates_for(self, prompt_tokens: int) -> Rates:
        """Return the rates that apply to a call with a prompt of this length, cached tokens included."""
        if self.long_prompt is not None and prompt_tokens > self.long_prompt.above_tokens:
            return self.long_prompt
        return self

    def cost_usd(self, usage: Usage) -> Decimal:
        """Return what `usage` costs, rounded up to a millionth."""
        rates = self.rates_for(usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens)
        total = (
            usage.input_tokens * rates.input
            + usage.cache_write_tokens * rates.cache_write
            + usage.cache_read_tokens * rates.cache_read
            + usage.output_tokens * rates.output
        ) / MILLION
        return total.quantize(SMALLEST, rounding=ROUND_UP)

    def worst_case_usd(self, *, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the most a call can cost: no cache hit, everything written to the cache, all output used."""
        rates = self.rates_for(input_tokens)
        dearest = max(rates.input, rates.cache_write)
        total = (input_tokens * dearest + output_tokens * rates.output) / MILLION
        return total.quantize(SMALLEST, rounding=ROUND_UP)


@dataclass(frozen=True, slots=True)
class PriceList:
    """All known prices and the day they were checked."""

    as_of: str
    models: dict[str, ModelPrice]

    def of(self, model: str) -> ModelPrice:
        """Return the price of a model id, with or without a date suffix. Raises `UnpricedModel`."""
        price = self.models.get(model) or self.models.get(_DATED.sub("", model))
        if price is None:
            raise UnpricedModel(model, self.as_of)
        return price

    def knows(self, model: str) -> bool:
        """Whether `of` would answer."""
        return model in self.models or _DATED.sub("", model) in self.models


def load_prices() -> PriceList:
    """Read the price file of this package."""
    file = _PriceFile.model_validate_json(resources.files("pipeline.llm").joinpath("prices.json").read_bytes())
    return PriceList(as_of=file.as_of, models={line.model: line for line in file.models})


class _PriceFile(BaseModel):
    as_of: str
    models: list[ModelPrice]
