"""Real processes in a place that the servers' own user can reach."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
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
    path = Path(tempfile.mkdtemp(prefix="changeline-acceptance-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def changeline(place: Path) -> Iterator[Changeline]:
    """Run the real command on a data directory of the test's own; whatever is left running is stopped."""
    environment = {**os.environ, "CHANGELINE_DATA_DIR": str(place / "data"), "PYTHONPATH": str(REPOSITORY)}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-P", "-m", "cli", *arguments]
        return subprocess.run(argv, env=environment, cwd=place, capture_output=True, text=True, check=False)

    yield run
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
