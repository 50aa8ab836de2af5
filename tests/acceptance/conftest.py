"""Real processes in a place that the servers' own user can reach."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import EXAMPLES, Changeline, commands, git, reachable


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


@pytest.fixture
def sample(place: Path) -> Path:
    """The sample repository with one commit on `main`, checked out."""
    path = place / "parcel-rates"
    shutil.copytree(EXAMPLES / "parcel-rates", path)
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Parcel rates"]):
        git(path, *arguments)
    return path
