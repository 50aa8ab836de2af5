"""The verbs in this process, against the real controller on a real socket and a fresh database."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from cli.main import main
from tests.controller.conftest import Controller, Lent, database, lending, start, store
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestDatabase, TestServer

__all__ = ["database", "start", "store"]
"""Fixtures of the controller's suite that the tests here use too."""


@dataclass
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        return json.loads(self.out)


Verb = Callable[..., Ran]


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str]) -> Verb:
    """Run one command in this process."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def logs_apart() -> Iterator[None]:
    """What the lent controller logs from its thread is not what a verb prints."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.__stderr__))
    yield
    structlog.configure(**before)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory on which nothing runs."""
    path = tmp_path / "data"
    monkeypatch.setenv("CHANGELINE_DATA_DIR", str(path))
    return path


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


@pytest.fixture
def controller(database: TestDatabase, lent: Lent, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    """The command line finds it by its settings."""
    assert database is lent.slate.database
    with lent.out() as running:
        monkeypatch.setenv("CHANGELINE_URL", running.url)
        monkeypatch.setenv("CHANGELINE_TOKEN", running.token)
        yield running
