"""Receivers that take signed webhooks: today's one channel to people, and today's one tracker.

Problem: a message whose answer is lost must be neither forgotten nor told twice. Choice: the receiver gets the message's id as
its idempotency key and takes it once, so a lost answer is just another try. Invariant: both go through the one port for
signed deliveries, and so through the one address policy.
"""

from pipeline.ports import Delivery, Receipt, Webhooks
from pipeline.ports.telling import Message, Receiver


class _OverWebhooks:
    takes_a_key = True

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def check(self, receiver: Receiver) -> None:
        """See the port."""
        await self._webhooks.check(receiver.address, receiver.secret)

    async def _deliver(self, message: Message, receiver: Receiver) -> Receipt:
        return await self._webhooks.deliver(
            Delivery(id=message.id, url=receiver.address, secret=receiver.secret, body=message.body)
        )


class WebhookNotifier(_OverWebhooks):
    """Implements `pipeline.ports.Notifier`."""

    async def send(self, message: Message, receiver: Receiver) -> Receipt:
        """See the port."""
        return await self._deliver(message, receiver)


class WebhookTracker(_OverWebhooks):
    """Implements `pipeline.ports.Tracker`: whoever submitted a change request gave an address for reports."""

    async def report(self, message: Message, receiver: Receiver) -> Receipt:
        """See the port."""
        return await self._deliver(message, receiver)
