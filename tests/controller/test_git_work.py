"""Looking at a repository before a change request takes it."""

import os
import shutil
from pathlib import Path

import pytest

from controller.git_work import GitInspector, OpenRepository
from controller.wiring import Place
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.change_request import Reach
from pipeline.errors import CallerError
from pipeline.ports import Author, RemoteFacts, Repository
from tests.adapters.git_world import to
from tests.line.repositories import SampleRepository

FILES = {"calc.py": "x = 1\n", "tests/test_calc.py": "def test_x():\n    pass\n"}


def at(path: Path) -> Place:
    return Place(tenant="default", remote=str(path), reach=Reach.PRIVATE)


def opener(cache: Path) -> OpenRepository:
    """Open repositories on a cache of the test's own."""
    commands = GitCommands(environment=os.environ)
    author = Author(name="Changeline", email="changeline@localhost")

    async def opened(name: str, place: Place) -> Repository:
        return await open_repository(
            name=name,
            remote=to(place.remote, commands=commands),
            cache_dir=cache,
            commands=commands,
            author=author,
            clock=SystemClock(),
        )

    return opened


def real_inspector(cache: Path) -> GitInspector:
    commands = GitCommands(environment=os.environ)

    async def look(place: Place, base_branch: str | None) -> RemoteFacts:
        return await inspect_remote(to(place.remote, commands=commands), base_branch=base_branch)

    return GitInspector(opener(cache), look)


async def test_a_commit_that_was_read_is_not_read_again_but_a_new_one_is(tmp_path: Path) -> None:
    sample, cache = SampleRepository.create(tmp_path / "sums", FILES), tmp_path / "cache"
    inspector = real_inspector(cache)
    first = await inspector.inspect(at(sample.path), None, None)
    shutil.rmtree(cache)
    again = await inspector.inspect(at(sample.path), None, None)
    assert again == first
    assert not cache.exists()
    moved = sample.commit({"calc.py": "x = 2\n"})
    assert (await inspector.inspect(at(sample.path), None, None)).base_commit == moved
    assert cache.exists()


async def test_another_test_command_is_not_answered_from_memory(tmp_path: Path) -> None:
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    inspector = real_inspector(tmp_path / "cache")
    plain = await inspector.inspect(at(sample.path), None, None)
    own = await inspector.inspect(at(sample.path), None, "python -m pytest -x tests")
    assert plain.test_command != own.test_command


async def test_what_cannot_be_protected_of_the_test_command_is_said(tmp_path: Path) -> None:
    made = {**FILES, "Makefile": "test:\n\t$(RUNNER) tests\n"}
    sample = SampleRepository.create(tmp_path / "sums", made)
    found = await real_inspector(tmp_path / "cache").inspect(at(sample.path), None, "make test")
    assert len(found.unprotected) == 1 and "$(RUNNER)" in found.unprotected[0]
    plain = await real_inspector(tmp_path / "cache").inspect(at(sample.path), None, None)
    assert plain.unprotected == ()
    sample.commit({".changeline/repository.yaml": "protected: [tools/runner]\n"})
    said = await real_inspector(tmp_path / "cache").inspect(at(sample.path), None, "make test")
    assert said.unprotected == (), "its owners have taken that on"


async def test_a_behaviour_path_that_no_directory_can_have_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    sample = SampleRepository.create(tmp_path / "sums", FILES)
    (sample.path / "specs").symlink_to(tmp_path / "outside")
    sample.commit({"docs/behaviour/a.feature": "Feature: a\n"})
    inspector = real_inspector(tmp_path / "cache")
    for taken, by in (("specs/behaviour", "specs"), ("specs", "specs"), ("calc.py/specs", "calc.py")):
        with pytest.raises(CallerError, match=f"{by} is a file or a link on main") as refused:
            await inspector.inspect(at(sample.path), None, None, taken)
        assert refused.value.field == "behaviour_path" and refused.value.remedy
    for free in ("docs/behaviour", "new/place", "docs"):
        assert (await inspector.inspect(at(sample.path), None, None, free)).base_branch == "main"
