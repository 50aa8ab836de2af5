"""What the controller's process is told: this run's addresses, and nothing that it must not know."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.servers import LocalServers
from cli.one_machine import Model, controller_environment, model_of
from pipeline.errors import CallerError
from pipeline.settings.process import ControllerSettings, ProcessSettings, RedisSettings
from tests.installation import EXAMPLES, reachable

SCENARIO = EXAMPLES / "parcel-rates.scenario.yaml"
SURROUNDING = {
    "PATH": "/usr/bin",
    "NO_PROXY": "intranet",
    "ANTHROPIC_API_KEY": "sk-ant-real",
    "ANTHROPIC_AUTH_TOKEN": "real",
    "ANTHROPIC_BASE_URL": "https://example.com",
    "CHANGELINE_ANTHROPIC__MAX_RETRIES": "9",
    "OPENAI_API_KEY": "sk-real",
    "LANGSMITH_TRACING": "true",
    "LANGCHAIN_API_KEY": "real",
    "CHANGELINE_URL": "https://elsewhere",
    "CHANGELINE_TOKEN": "elsewhere",
    "CHANGELINE_DATABASE__OWNER_URL": "postgresql://owner:secret@example.com/x",
    "CHANGELINE_GIT__AUTHOR_NAME": "Ours",
}


@pytest.fixture(scope="module")
def servers() -> Iterator[LocalServers]:
    with reachable() as place:
        settings = ProcessSettings(data_dir=place / "data", redis=RedisSettings(embedded=False))
        with LocalServers(settings, report=lambda _text: None, durable=False) as running:
            yield running


def test_a_scenario_keeps_every_real_key_out_of_the_controller(servers: LocalServers) -> None:
    settings = ProcessSettings(controller=ControllerSettings(host="127.0.0.1"))
    model = model_of(settings, SCENARIO)
    told = controller_environment(
        SURROUNDING, servers, settings, port=4000, model=model, model_url="http://127.0.0.1:5000"
    )
    assert not [
        name for name, value in told.items() if "real" in value or "example.com" in value or "elsewhere" in value
    ]
    assert told["CHANGELINE_ANTHROPIC__BASE_URL"] == "http://127.0.0.1:5000"
    assert (told["CHANGELINE_SCENARIO"], told["NO_PROXY"]) == (str(SCENARIO), "intranet,127.0.0.1,localhost")
    assert told["CHANGELINE_DATABASE__URL"] == servers.app_url
    assert (told["CHANGELINE_CONTROLLER__PORT"], told["CHANGELINE_GIT__AUTHOR_NAME"]) == ("4000", "Ours")
    assert "CHANGELINE_REDIS__URL" not in told


def test_without_a_scenario_the_operators_key_is_used_and_nothing_traces(servers: LocalServers) -> None:
    settings = ProcessSettings()
    told = controller_environment(
        SURROUNDING, servers, settings, port=4000, model=Model(words="Claude"), model_url=None
    )
    assert told["ANTHROPIC_API_KEY"] == "sk-ant-real"
    hidden = (
        "LANGSMITH_TRACING",
        "LANGCHAIN_API_KEY",
        "CHANGELINE_URL",
        "CHANGELINE_TOKEN",
        "CHANGELINE_DATABASE__OWNER_URL",
    )
    assert not [name for name in hidden if name in told]


def test_the_model_is_named_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_of(ProcessSettings(), None).words is None
    assert model_of(ProcessSettings(), SCENARIO).words == "scripted model (scenario 'parcel-rates')"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    monkeypatch.setenv("CHANGELINE_ANTHROPIC__BASE_URL", "http://127.0.0.1:9")
    assert model_of(ProcessSettings(), None).words == "Claude by the Messages API at http://127.0.0.1:9"
    with pytest.raises(CallerError, match="cannot be played"):
        model_of(ProcessSettings(), Path(os.devnull))
