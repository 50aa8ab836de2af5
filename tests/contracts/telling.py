"""What every `Notifier` and every `Tracker` must do; bound by `channel`, `receiver`, `nowhere` and `far`.

`far` is the other end: it says what arrived, and acts a scene at the next message.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import pytest

from pipeline.errors import CallerError, Conflict, TransientError
from pipeline.ports import Notifier, Tracker
from pipeline.ports.telling import AnswerLost, Message, Receiver

MESSAGE = Message(id="eff-1", body='{"type":"needs_you.paused","message":"é"}'.encode())
WISH_S = 120.0


class Scene(StrEnum):
    """What the other end does."""

    REFUSES = "refuses"
    IS_BUSY = "is_busy"
    """Asks for `WISH_S`, and has not taken the message."""
    LOSES_ITS_ANSWER = "loses_its_answer"
    """Has taken the message, and nobody hears so."""


class FarEnd(Protocol):
    def arrived(self) -> Sequence[str]:
        """Ids of messages, each as often as it came."""

    def act(self, scene: Scene) -> None: ...


class NotifierContract:
    """Once, or with a word about why not."""

    async def test_a_message_arrives(self, channel: Notifier, receiver: Receiver, far: FarEnd) -> None:
        await channel.check(receiver)

        await channel.send(MESSAGE, receiver)

        assert far.arrived() == [MESSAGE.id]

    async def test_where_nothing_can_arrive_is_refused_before_anything_is_sent(
        self, channel: Notifier, nowhere: Receiver, far: FarEnd
    ) -> None:
        with pytest.raises(CallerError):
            await channel.check(nowhere)

        assert far.arrived() == []

    async def test_a_final_refusal_is_no_reason_to_try_again(
        self, channel: Notifier, receiver: Receiver, far: FarEnd
    ) -> None:
        far.act(Scene.REFUSES)

        with pytest.raises(Conflict) as refused:
            await channel.send(MESSAGE, receiver)

        assert not isinstance(refused.value, AnswerLost)

    async def test_a_busy_receiver_is_tried_again_when_it_wishes(
        self, channel: Notifier, receiver: Receiver, far: FarEnd
    ) -> None:
        far.act(Scene.IS_BUSY)

        with pytest.raises(TransientError) as later:
            await channel.send(MESSAGE, receiver)

        assert later.value.retry_after_s == WISH_S

    async def test_a_lost_answer_leads_to_another_try_only_where_that_tells_nothing_twice(
        self, channel: Notifier, receiver: Receiver, far: FarEnd
    ) -> None:
        far.act(Scene.LOSES_ITS_ANSWER)

        with pytest.raises(TransientError if channel.takes_a_key else AnswerLost):
            await channel.send(MESSAGE, receiver)

        assert far.arrived() == [MESSAGE.id]
        if channel.takes_a_key:
            await channel.send(MESSAGE, receiver)
            assert far.arrived() == [MESSAGE.id] * 2, "the same key, so the receiver takes it once"


class TrackerContract:
    """Likewise for reports to a source."""

    async def test_a_report_arrives(self, tracker: Tracker, receiver: Receiver, far: FarEnd) -> None:
        await tracker.check(receiver)

        await tracker.report(MESSAGE, receiver)

        assert far.arrived() == [MESSAGE.id]

    async def test_a_lost_answer_leads_to_another_try_only_where_that_tells_nothing_twice(
        self, tracker: Tracker, receiver: Receiver, far: FarEnd
    ) -> None:
        far.act(Scene.LOSES_ITS_ANSWER)

        with pytest.raises(TransientError if tracker.takes_a_key else AnswerLost):
            await tracker.report(MESSAGE, receiver)

        assert far.arrived() == [MESSAGE.id]
