"""What every test gets: a scrubbed environment, a temporary HOME, loopback only, real PostgreSQL when asked for."""

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests import compiled_statements
from tests.database import TestDatabase, TestServer, server

pytest_plugins = ("tests.installation", "tests.shared")
SCRUBBED = ("ANTHROPIC_", "OPENAI_", "GITHUB_", "LANGSMITH_", "LANGCHAIN_", "OTEL_", "AWS_", "GIT_", "CHANGELINE_")
_NUMBERS = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Scrub before anything is imported that might read it."""
    for name in list(os.environ):
        if name.startswith(SCRUBBED) or name.upper().endswith("_PROXY"):
            del os.environ[name]
    _log_plainly()
    compiled_statements.share()
    # Five thousand modules are loaded once and stay: looking through them for garbage, again and again, finds none.
    gc.disable()


def _log_plainly() -> None:
    """Print the traceback of a logged exception as Python does; drawing it with all local values takes many seconds."""
    *before, _drawn = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])


def pytest_collection_finish() -> None:
    """From here on garbage is collected, except among what collecting has loaded."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, so that no user configuration reaches it."""
    directory = tmp_path_factory.mktemp("home")
    # Programs of rustup find their toolchain below the home of whoever installed them.
    toolchains = Path.home() / ".rustup"
    if toolchains.is_dir() and "RUSTUP_HOME" not in os.environ:
        monkeypatch.setenv("RUSTUP_HOME", str(toolchains))
    monkeypatch.setenv("HOME", str(directory))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return directory


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestServer]:
    """The test process's own server, with the migrated template."""
    with server() as running:
        yield running


@pytest.fixture
def database(fresh_database: TestDatabase) -> TestDatabase:
    """What a test works on; a suite may give it another than a fresh one."""
    return fresh_database


@pytest.fixture
def fresh_database(postgres: TestServer) -> Iterator[TestDatabase]:
    """A fresh, migrated database: commits, locks and notifications are real."""
    created = postgres.create(f"test_{next(_NUMBERS)}", template="template_changeline")
    yield created
    postgres.drop(created.name)
