"""Which model serves which class of roles, and how patiently a provider is asked.

The defaults are current model ids of the first provider and the retry numbers of the functional specification
(section 5.2). A change request carries a frozen copy in its settings snapshot.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from pipeline.concurrency.back_off import BackOff
from pipeline.ports import ModelClass


class Route(BaseModel):
    """One provider and one of its models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str


class RetrySettings(BaseModel):
    """Back-off within one provider, before the next one of the chain is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retries_max: int = Field(3, ge=0, le=10)
    initial_backoff_s: float = Field(5.0, ge=0)
    backoff_factor: float = Field(2.0, ge=1)
    backoff_max_s: float = Field(60.0, ge=0)
    retry_after_max_s: float = Field(300.0, ge=0)
    """A provider that asks for more than this counts as down."""
    call_timeout_s: float = Field(600.0, gt=0)
    """One call from request to last byte; a stream that stalls is cut earlier by the adapter."""

    def delay_s(self, retry: int, retry_after_s: float | None) -> float:
        """Return the wait before retry number `retry` (from 1): the provider's wish, or the growing back-off."""
        if retry_after_s is not None:
            return retry_after_s
        pauses = BackOff(first_s=self.initial_backoff_s, longest_s=self.backoff_max_s, factor=self.backoff_factor)
        return pauses.pause_s(retry)


class ModelSettings(BaseModel):
    """Provider chains by class: the first is asked, the others take over when it is down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    premium: tuple[Route, ...] = Field((Route(provider="anthropic", model="claude-opus-5-5"),), min_length=1)
    default: tuple[Route, ...] = Field((Route(provider="anthropic", model="claude-sonnet-5-5"),), min_length=1)
    cheap: tuple[Route, ...] = Field((Route(provider="anthropic", model="claude-haiku-5-5"),), min_length=1)
    retry: RetrySettings = RetrySettings()

    def chain(self, model_class: ModelClass) -> tuple[Route, ...]:
        """Return the routes of one class, in the order in which they are tried."""
        match model_class:
            case ModelClass.PREMIUM:
                return self.premium
            case ModelClass.DEFAULT:
                return self.default
            case ModelClass.CHEAP:
                return self.cheap


def scripted_models() -> ModelSettings:
    """Return settings that send every class to the scripted model behind the Messages adapter."""
    route = (Route(provider="anthropic", model="scripted"),)
    return ModelSettings(premium=route, default=route, cheap=route, retry=RetrySettings(initial_backoff_s=0.05))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPurpose:
    """What a call is made for, as the ledger records it."""

    role: str
    stage: str
    repository: str | None
