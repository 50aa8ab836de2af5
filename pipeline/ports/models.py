"""Model providers and what their calls cost."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeAlias

from pipeline.ports.messages import AnswerBlock, Message, TextBlock, Tool

DeltaListener: TypeAlias = Callable[[str], None]
"""Called with each piece of text as it streams; must return at once."""

TurnListener: TypeAlias = Callable[[int], DeltaListener]
"""Opens an ear for one try of one turn, counted from 1; a further try of the same turn starts its text anew."""


class ModelClass(StrEnum):
    """How capable a role's model has to be; settings map each class to a provider chain."""

    PREMIUM = "premium"
    DEFAULT = "default"
    CHEAP = "cheap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as billed. `estimated` marks a cut call whose output was never reported."""

    input_tokens: int
    """Fresh input, neither read from nor written to the cache."""
    cache_write_tokens: int
    cache_read_tokens: int
    output_tokens: int
    estimated: bool = False


UsageListener: TypeAlias = Callable[[Usage], None]
"""Called when the provider states the input of a call, and again as output streams; must return at once.

What it saw last is what a cut call is settled by; `estimated` is always set.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call in the canonical dialect (`messages.py`); an adapter whose provider speaks it sends the lists as they are."""

    model: str
    system: tuple[TextBlock, ...]
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]
    max_tokens: int
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """A complete answer. `stop_reason` is never None: an answer without one is a broken stream and raises instead."""

    model: str
    content: tuple[AnswerBlock, ...]
    stop_reason: str
    """A `StopReason`, or a word that the product does not know yet."""
    usage: Usage
    request_id: str | None = None


class ModelProvider(Protocol):
    """One provider behind its official SDK, streaming. Translates between its own dialect and `messages.py`."""

    name: str
    """What routes of the settings call it."""

    async def ask(
        self,
        request: ModelRequest,
        on_text: DeltaListener | None = None,
        on_usage: UsageListener | None = None,
    ) -> ModelAnswer:
        """Return the whole answer. Cancelling closes the stream at once.

        Every tool call of the answer has an id, a name and an object for input. Raises `TransientError` for 429, 5xx,
        529, timeouts, dropped and truncated streams and malformed answers (with what is known of the usage in `facts`
        and the provider's own wish in `retry_after_s`), and `PersonNeeded(providers_down)`, which names the setting to
        look at and never the key, for authentication and invalid requests.
        """

    async def aclose(self) -> None:
        """Give back what is held open; nothing is asked afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Money set aside before a call; `reservation_id` is stable over a resume."""

    reservation_id: str
    worst_case_usd: Decimal


class Ledger(Protocol):
    """The per-call record of money. Reserves worst cases against call, stage, CR and tenant budgets."""

    async def reserve(
        self, *, key: str, role: str, stage: str, repository: str | None, model: str, worst_case_usd: Decimal
    ) -> Reservation:
        """Set money aside; repeating with the same key returns the same reservation. Raises `PersonNeeded(budget)`."""

    async def settle(self, reservation: Reservation, *, usage: Usage, cost_usd: Decimal, latency_s: float) -> None:
        """Replace the reservation by what was used. The first settlement wins; repeating is a no-op."""

    async def spent_usd(self) -> Decimal:
        """Return what this change request has settled and still has reserved."""
