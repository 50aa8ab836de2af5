"""Repositories on this machine with a person at work in them: nothing of theirs is lost, and nothing of ours."""

import asyncio
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.adapters import local_refs
from pipeline.adapters.git_repository import GitRepository
from pipeline.change_request import PauseReason
from pipeline.errors import Conflict, PersonNeeded
from tests.adapters.git_world import ADA, PERSON, git, repository_of, write

MAIN = "refs/heads/main"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A person's own repository, with a checkout."""
    house = tmp_path / "house"
    house.mkdir()
    git(house, "init", "-q", "-b", "main")
    write(house, {"a.txt": b"a\n", "d/b.txt": b"b\n", ".gitignore": b".env\nbuild/\n"})
    git(house, "add", "-A")
    git(house, "commit", "-qm", "one")
    return house


@pytest.fixture
async def repository(house: Path, tmp_path: Path) -> GitRepository:
    opened = await repository_of(house, tmp_path / "cache")
    await opened.fetch()
    return opened


async def ours(repository: GitRepository, house: Path, **files: bytes | None) -> tuple[str, str]:
    """Return where main is, and a commit on top of it."""
    base = git(house, "rev-parse", "main")
    changes = {name.replace("__", "/").replace("DOT", "."): data for name, data in files.items()}
    return base, await repository.commit_files(parent=base, files=changes, message="x", author=ADA)


@contextmanager
def at_work(house: Path, script: str) -> Iterator[None]:
    """A person's shell that does the same over and over."""
    shell = subprocess.Popen(
        ["sh", "-c", f"while :; do {script}; done"], cwd=house, env=PERSON, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        shell.kill()
        shell.wait()


def test_refs_are_seen_whole_while_their_owner_packs_them(house: Path) -> None:
    git(house, "update-ref", "refs/heads/topic/deep/er", "main")
    with at_work(
        house,
        "git pack-refs --all --prune;"
        " for name in main topic/deep/er; do git rev-parse $name > .git/refs/heads/$name.lock;"
        " mv .git/refs/heads/$name.lock .git/refs/heads/$name; mkdir -p .git/refs/heads/topic/deep; done",
    ):
        seen = [set(local_refs.read(house / ".git")) for _ in range(3000)]
    assert [found for found in seen if found != {MAIN, "refs/heads/topic/deep/er"}] == []
