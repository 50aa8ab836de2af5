"""Messages to other systems."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One signed message to another system. `id` is its idempotency key: the same at every try."""

    id: str
    url: str
    secret: str
    """The name of the secret that signs; only the adapter asks for its value."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receiver answered to a delivery that it took."""

    status: int


class Webhooks(Protocol):
    """Delivers to addresses that people named. An answer that got lost is followed by the same delivery again."""

    async def check(self, url: str, secret: str) -> None:
        """Raise `CallerError` when nothing could ever be delivered there: not HTTP, credentials, no such secret."""

    async def deliver(self, delivery: Delivery) -> Receipt:
        """Deliver once.

        Raises `Conflict` for a final refusal (with the receiver's own words, cut, untrusted) or an address that is not
        allowed, and `TransientError` with the receiver's wish for another try later.
        """
