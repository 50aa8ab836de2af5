"""Looking at a repository before a change request takes it."""

import os
import shutil
from pathlib import Path

from controller.git_work import GitInspector, OpenRepository
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.git import GitCommands
from pipeline.adapters.git_remotes import inspect_remote
from pipeline.adapters.git_repository import open_repository
from pipeline.ports import Author, RemoteFacts, Repository
from tests.line.repositories import SampleRepository

FILES = {"calc.py": "x = 1\n", "tests/test_calc.py": "def test_x():\n    pass\n"}


def opener(cache: Path) -> OpenRepository:
    """Open repositories on a cache of the test's own."""
    commands = GitCommands(environment=os.environ)
    author = Author(name="Changeline", email="changeline@localhost")

    async def opened(name: str, remote: str) -> Repository:
        return await open_repository(
            name=name, remote=remote, cache_dir=cache, commands=commands, author=author, clock=SystemClock()
        )

    return opened


def real_inspector(cache: Path) -> GitInspector:
    commands = GitCommands(environment=os.environ)

    async def look(remote: str, base_branch: str | None) -> RemoteFacts:
        return await inspect_remote(commands, remote, base_branch=base_branch)

    return GitInspector(opener(cache), look)


async def test_a_commit_that_was_read_is_not_read_again_but_a_new_one_is(tmp_path: Path) -> None:
    sample, cache = SampleRepository.create(tmp_path / "sums", FILES), tmp_path / "cache"
    inspector = real_inspector(cache)
    first = await inspector.inspect(str(sample.path), None, None)
    shutil.rmtree(cache)
    again = await inspector.inspect(str(sample.path), None, None)
    assert again == first
    assert not cache.exists()
    moved = sample.commit({"calc.py": "x = 2\n"})
    assert (await inspector.inspect(str(sample.path), None, None)).base_commit == moved
    assert cache.exists()


async def test_another_test_command_is_not_answered_from_memory(tmp_path: Path) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    inspector = real_inspector(tmp_path / "cache")
    plain = await inspector.inspect(str(sample.path), None, None)
    own = await inspector.inspect(str(sample.path), None, "python -m pytest -x tests")
    assert plain.test_command != own.test_command
