"""A channel that remembers what it was given."""

from pipeline.errors import CallerError
from pipeline.ports import Receipt
from pipeline.ports.telling import AnswerLost, Message, Receiver


class MemoryChannel:
    """A `Notifier` and a `Tracker` whose receivers know no idempotency key, as those of chat and mail do."""

    takes_a_key = False

    def __init__(self) -> None:
        self.told: list[Message] = []
        self.outcomes: list[Exception] = []
        """Raised from the front, after the message arrived if it is `AnswerLost`."""
        self.receivers = {"people"}

    async def check(self, receiver: Receiver) -> None:
        """See `Notifier.check`."""
        if receiver.address not in self.receivers:
            raise CallerError(f"Nobody is at {receiver.address!r}.", field="address", remedy="Name a receiver.")

    async def send(self, message: Message, receiver: Receiver) -> Receipt:
        """See `Notifier.send`."""
        await self.check(receiver)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is None or isinstance(outcome, AnswerLost):
            self.told.append(message)
        if outcome is not None:
            raise outcome
        return Receipt(status=200)

    async def report(self, message: Message, receiver: Receiver) -> Receipt:
        """See `Tracker.report`."""
        return await self.send(message, receiver)
