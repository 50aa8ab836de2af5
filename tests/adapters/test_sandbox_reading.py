"""Commands and roles that only look see every file of a tree, whoever runs the pipeline and whatever wrote the tree."""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.git import tree_files
from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.sandbox import identity
from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.agents.tools import BASH, EDITOR, ToolBox, ToolOutcome, ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.limits import Limits
from pipeline.machine import tree_walk
from pipeline.ports import CommandResult, SandboxCommand
from tests.adapters.git_world import Origin, make_origin, repository_of

FILES = {"app.py": b"print('seen')\n", "deep/er/x.txt": b"deep\n", "run.sh": b"#!/bin/sh\n"}
EVERYTHING = (
    "find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 cat && ls -R > /dev/null && ls .git > /dev/null"
)
SEEN = "print('seen')\ndeep\n#!/bin/sh\n"


@pytest.fixture(autouse=True)
def _closed_to_others() -> Iterator[None]:
    """What the pipeline writes is its own: a server's umask."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def commit(origin: Origin) -> str:
    return origin.commit(dict(FILES))


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin, commit: str) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


async def _read(sandbox: Bubblewrap, tree: Path, script: str = EVERYTHING) -> CommandResult:
    return await sandbox.run(
        SandboxCommand(argv=("/bin/bash", "-c", script), cwd=tree, writable=(), read_only=(tree,), timeout_s=60)
    )


async def _write(sandbox: Bubblewrap, tree: Path, script: str) -> CommandResult:
    return await sandbox.run(SandboxCommand(argv=("/bin/bash", "-c", script), cwd=tree, writable=(tree,), timeout_s=60))


async def _sees_all(sandbox: Bubblewrap, tree: Path) -> None:
    """Look by a command and by the tools of a reading role."""
    result = await _read(sandbox, tree)
    assert (result.exit_code, result.output) == (0, SEEN)
    box = ToolBox(ToolScope(sandbox=sandbox, root=tree, limits=Limits()), ToolSet.READ_ONLY)
    asked = {
        "seen": (EDITOR, {"command": "view", "path": "app.py"}),
        "deep\n": (EDITOR, {"command": "view", "path": "deep/er/x.txt"}),
        "deep/er": (EDITOR, {"command": "view", "path": "."}),
        "print('seen')": (BASH, {"command": "cat app.py"}),
        "On branch work": (BASH, {"command": "git status"}),
    }
    for expected, (tool, given) in asked.items():
        outcome = await box.run("t", tool, given)
        assert expected in outcome.text
        assert "denied" not in outcome.text
    assert "Read-only file system" in (await box.run("t", BASH, {"command": "touch x; echo > app.py"})).text
    assert sorted(path.name for path in tree.iterdir()) == [".git", "app.py", "deep", "run.sh"]


async def test_a_fresh_a_restored_and_a_taken_over_tree_are_seen(
    bubblewrap: Bubblewrap, repository: GitRepository, commit: str, tree: Path
) -> None:
    fresh, later = tree / "1" / "review", tree / "2" / "review"
    await repository.add_worktree(fresh, commit)
    await _sees_all(bubblewrap, fresh)
    await _write(bubblewrap, fresh, "rm -r deep && echo broken > app.py && echo new > other")
    await repository.restore_worktree(fresh, commit)
    await _sees_all(bubblewrap, fresh)
    await repository.add_worktree(later, commit)
    await _sees_all(bubblewrap, later)
    await _sees_all(bubblewrap, fresh)


async def test_a_tree_that_came_from_another_machine_is_seen(
    bubblewrap: Bubblewrap, repository: GitRepository, commit: str, tree: Path
) -> None:
    there, here = tree / "there", tree / "here"
    await repository.add_worktree(there, commit)
    assert (await _read(bubblewrap, there)).exit_code == 0
    (there / "twin").hardlink_to(there / "app.py")
    shutil.move(there, here)
    result = await _read(bubblewrap, here, "cat app.py twin run.sh")
    assert (result.exit_code, result.output) == (0, "print('seen')\nprint('seen')\n#!/bin/sh\n")


async def test_what_modes_close_is_opened_to_those_who_look(
    bubblewrap: Bubblewrap, repository: GitRepository, commit: str, tree: Path
) -> None:
    closed = tree / "closed"
    await repository.add_worktree(closed, commit)
    for path in (closed / "app.py", closed / "deep" / "er" / "x.txt", closed / "deep" / "er", closed / "deep"):
        path.chmod(0)
    await _sees_all(bubblewrap, closed)
    assert stat.S_IMODE((closed / "app.py").stat().st_mode) == stat.S_IRUSR, "git must not see a changed mode"


async def test_several_look_at_one_tree_at_a_time(
    bubblewrap: Bubblewrap, repository: GitRepository, commit: str, tree: Path
) -> None:
    shared = tree / "shared"
    await repository.add_worktree(shared, commit)
    results = await asyncio.gather(*(_read(bubblewrap, shared) for _ in range(4)))
    assert {(result.exit_code, result.output) for result in results} == {(0, SEEN)}


async def test_looking_changes_nothing_outside_the_tree(bubblewrap: Bubblewrap, tree: Path, tmp_path: Path) -> None:
    outside, shared, tool = tmp_path / "outside", tmp_path / "shared", tmp_path / "tool"
    tool.mkdir()
    for path in (outside, shared, tool / "program"):
        path.write_text("kept")
        path.chmod(0o400)
    (tree / "link").symlink_to(outside)
    (tree / "folder").symlink_to(tool)
    (tree / "twin").hardlink_to(shared)
    command = SandboxCommand(argv=("true",), cwd=tree, writable=(), read_only=(tree, tool))
    assert (await bubblewrap.run(command)).exit_code == 0
    for path in (outside, shared, tool, tool / "program"):
        assert path.stat().st_uid == os.geteuid()
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path is tool else 0o400)


async def test_the_system_is_never_given_away(bubblewrap: Bubblewrap) -> None:
    command = SandboxCommand(argv=("true",), cwd=Path("/usr/share"), writable=(), read_only=(Path("/usr/share"),))
    owner = Path("/usr/share").stat().st_uid
    assert (await bubblewrap.run(command)).exit_code == 0
    assert Path("/usr/share").stat().st_uid == owner


@pytest.fixture
def deep(tree: Path) -> Iterator[int]:
    """The tree, deeper than Python's own functions go; deleted without them."""
    depth, fd = 3_000, os.open(tree, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", 0o700, dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    yield depth
    tree_files.delete(tree)


def test_a_tree_deeper_than_any_recursion_is_given_whole(tree: Path, deep: int) -> None:
    identity.give(tree, identity.identity_for(tree), to_read=True)
    seen: list[int] = []
    tree_walk.each_entry(tree, lambda _fd, _name, status: seen.append(status.st_uid))
    assert len(seen) == deep
    assert len(set(seen)) == 1
    assert (seen[0] == os.geteuid()) is (os.geteuid() != 0)


def test_a_directory_that_turns_into_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (tree / "a").mkdir()
    visited: list[str] = []

    def swap(_fd: int, name: str, _status: os.stat_result) -> None:
        visited.append(name)
        if name == "a":
            (tree / "a").rmdir()
            (tree / "a").symlink_to(outside)

    tree_walk.each_entry(tree, swap)
    assert visited == ["a"]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A directory that may be entered and holds two things that may not be read."""
    directory = tmp_path / "closed"
    (directory / "place" / "inner").mkdir(parents=True)
    (directory / "app.py").write_text("hidden\n")
    (directory / "app.py").chmod(0)
    (directory / "place").chmod(0)
    directory.chmod(0o111)
    yield directory
    directory.chmod(0o700)
    (directory / "place").chmod(0o700)


async def test_the_editor_says_what_it_may_not_read(bubblewrap: Bubblewrap, tree: Path, closed: Path) -> None:
    (tree / "place").mkdir()
    (tree / "kept.py").write_text("kept\n")
    blind = ToolScope(sandbox=bubblewrap, root=tree, limits=Limits(), mounts={tree: closed})
    partly = ToolScope(sandbox=bubblewrap, root=tree, limits=Limits(), mounts={tree / "place": closed})

    async def view(scope: ToolScope, path: str) -> ToolOutcome:
        return await ToolBox(scope, ToolSet.READ_ONLY).run("t", EDITOR, {"command": "view", "path": path})

    for scope, path in ((blind, "."), (blind, "app.py"), (blind, "place/inner"), (partly, "place")):
        outcome = await view(scope, path)
        assert (outcome.is_error, outcome.text) == (True, f"{path} cannot be read: Permission denied.")
    assert (await view(blind, "nothing")).text == "nothing does not exist."
    listed = await view(partly, ".")
    assert not listed.is_error
    assert "kept.py" in listed.text
    assert "Parts of it cannot be read" in listed.text
