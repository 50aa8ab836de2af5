"""Telling people and trackers: what a tenant wants to hear, and what the source of a change request is told.

Both are effects with an outbox of their own, so nothing in the line waits for a receiver. An adapter sends once; whether and
when to try again is the outbox's decision, by the error that it gets.
"""

from dataclasses import dataclass
from typing import Protocol

from pipeline.errors import Conflict
from pipeline.ports.webhooks import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, the same bytes at every try. `id` is its idempotency key."""

    id: str
    body: bytes
    """JSON text, as `pipeline/effects/notifications.py` words it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where messages go: an address in the adapter's own terms, and the name of the secret that opens it."""

    address: str
    secret: str


class AnswerLost(Conflict):
    """It may have arrived, and sending it again would tell the same thing twice: a person looks, nothing tries again."""


class Notifier(Protocol):
    """One channel to people."""

    takes_a_key: bool
    """Whether receivers take the same `Message.id` once. Then a lost answer is `TransientError`, otherwise `AnswerLost`."""

    async def check(self, receiver: Receiver) -> None:
        """Raise `CallerError` when nothing could ever be sent there; nothing is sent."""

    async def send(self, message: Message, receiver: Receiver) -> Receipt:
        """Send once.

        Raises `Conflict` for a final refusal, `TransientError` (with the receiver's wish) when another try may succeed and
        cannot tell anything twice, and `AnswerLost`.
        """


class Tracker(Protocol):
    """The system that a change request came from. Today it is told how the change request gets on, and no more."""

    takes_a_key: bool
    """As of a `Notifier`."""

    async def check(self, receiver: Receiver) -> None:
        """Raise `CallerError` when the source could never be told anything there."""

    async def report(self, message: Message, receiver: Receiver) -> Receipt:
        """Tell the source once; raises what `Notifier.send` raises. Reports of one change request come in their order."""
