"""Real processes in a place that the servers' own user can reach."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
Changeline = Callable[..., "subprocess.CompletedProcess[str]"]
Git = Callable[..., str]


@pytest.fixture
def place() -> Iterator[Path]:
    """pytest's own temporary directories are closed to every other user."""
    with reachable() as path:
        yield path


@pytest.fixture
def changeline(place: Path) -> Iterator[Changeline]:
    """Run the real command on a data directory of the test's own; whatever is left running is stopped."""
    with commands(place) as run:
        yield run


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation that plays the sample's scenario, shared by the tests of one module."""

    changeline: Changeline
    data: Path
    up: dict[str, Any]
    """What `up --json` said."""


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    """Start one for tests to which it does not matter who started it; each brings a repository of its own."""
    with reachable() as place, commands(place) as run:
        scenario = str(EXAMPLES / "parcel-rates.scenario.yaml")
        started = run("up", "--detach", "--port", "0", "--scenario", scenario, "--json")
        assert started.returncode == 0, started.stderr
        yield Installation(run, place / "data", value_of(started))


@contextmanager
def reachable() -> Iterator[Path]:
    """A temporary directory through which the servers' own user can pass."""
    path = Path(tempfile.mkdtemp(prefix="changeline-acceptance-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def commands(place: Path) -> Iterator[Changeline]:
    """The real command on a data directory below `place`; whatever is left running is stopped."""
    environment = {**os.environ, "CHANGELINE_DATA_DIR": str(place / "data"), "PYTHONPATH": str(REPOSITORY)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-P", "-m", "cli", *arguments]
        return subprocess.run(argv, env=environment, cwd=place, capture_output=True, text=True, check=False)

    try:
        yield run
    finally:
        run("down")


@pytest.fixture
def sample(place: Path) -> Path:
    """The sample repository with one commit on `main`, checked out."""
    path = place / "parcel-rates"
    shutil.copytree(EXAMPLES / "parcel-rates", path)
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Parcel rates"]):
        git(path, *arguments)
    return path


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A person", "-c", "user.email=person@localhost"]
    argv = ["git", "-C", str(repository), *identity, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def value_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
