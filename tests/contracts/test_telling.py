"""Channels to people and trackers: the fake without keys and the signed webhook with them keep one contract."""

from collections.abc import Iterator, Sequence

import pytest
from pydantic import SecretStr

from pipeline.adapters.network.webhook_receivers import WebhookNotifier, WebhookTracker
from pipeline.adapters.network.webhooks import HttpWebhooks
from pipeline.adapters.settings_secrets import SettingsSecrets
from pipeline.errors import Conflict, TransientError
from pipeline.ports.telling import AnswerLost, Receiver
from pipeline.testing import MemoryChannel
from tests import receiver as http
from tests.contracts.telling import WISH_S, FarEnd, NotifierContract, Scene, TrackerContract


class Remembered:
    """The far end of the fake."""

    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    def arrived(self) -> Sequence[str]:
        return [one.id for one in self._channel.told]

    def act(self, scene: Scene) -> None:
        errors = {
            Scene.REFUSES: Conflict("No."),
            Scene.IS_BUSY: TransientError("Later.", retry_after_s=WISH_S),
            Scene.LOSES_ITS_ANSWER: AnswerLost("It may have arrived."),
        }
        self._channel.outcomes.append(errors[scene])


class Served:
    """The far end of signed webhooks: a real server."""

    def __init__(self, served: http.Receiver) -> None:
        self._served = served

    def arrived(self) -> Sequence[str]:
        return [one.delivery for one in self._served.received]

    def act(self, scene: Scene) -> None:
        answers = {
            Scene.REFUSES: http.Answer(410),
            Scene.IS_BUSY: http.Answer(503, headers={"Retry-After": f"{WISH_S:g}"}),
            Scene.LOSES_ITS_ANSWER: http.Answer(cut=True),
        }
        self._served.answers.append(answers[scene])


@pytest.fixture
def channel() -> MemoryChannel:
    return MemoryChannel()


@pytest.fixture
def served() -> Iterator[http.Receiver]:
    with http.receiver() as running:
        yield running


@pytest.fixture
def webhooks() -> HttpWebhooks:
    secrets = SettingsSecrets({"reports": SecretStr(http.SECRET)}, setting="EXAMPLE__")
    return HttpWebhooks(secrets=secrets, private_hosts=("127.0.0.1",))


class _InMemory:
    @pytest.fixture
    def tracker(self, channel: MemoryChannel) -> MemoryChannel:
        return channel

    @pytest.fixture
    def receiver(self) -> Receiver:
        return Receiver(address="people", secret="none")

    @pytest.fixture
    def nowhere(self) -> Receiver:
        return Receiver(address="nobody", secret="none")

    @pytest.fixture
    def far(self, channel: MemoryChannel) -> FarEnd:
        return Remembered(channel)


class _OverHttp:
    @pytest.fixture
    def channel(self, webhooks: HttpWebhooks) -> WebhookNotifier:
        return WebhookNotifier(webhooks)

    @pytest.fixture
    def tracker(self, webhooks: HttpWebhooks) -> WebhookTracker:
        return WebhookTracker(webhooks)

    @pytest.fixture
    def receiver(self, served: http.Receiver) -> Receiver:
        return Receiver(address=served.url, secret="reports")

    @pytest.fixture
    def nowhere(self) -> Receiver:
        return Receiver(address="ftp://a.example/x", secret="reports")

    @pytest.fixture
    def far(self, served: http.Receiver) -> FarEnd:
        return Served(served)


class TestMemoryNotifier(_InMemory, NotifierContract):
    pass


class TestMemoryTracker(_InMemory, TrackerContract):
    pass


class TestWebhookNotifier(_OverHttp, NotifierContract):
    pass


class TestWebhookTracker(_OverHttp, TrackerContract):
    pass
