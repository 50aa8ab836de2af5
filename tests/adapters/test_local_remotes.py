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
from pipeline.adapters.git_remotes import inspect_remote
from pipeline.adapters.git_repository import GitRepository
from pipeline.change_request import PauseReason
from pipeline.errors import Conflict, PersonNeeded
from tests.adapters.git_world import ADA, PERSON, git, repository_of, to, write
from tests.unprivileged import NOBODY, public_directory

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


@pytest.fixture
def closed() -> Iterator[None]:
    """A server's umask, as `changeline up` gives it to its processes."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize(
    ("shared", "opened", "git_files", "files"),
    [
        (None, 0o755, 0o644, 0o644), (None, 0o700, 0o600, 0o600), ("group", 0o755, 0o664, 0o644),
        ("0660", 0o755, 0o660, 0o644), ("0640", 0o770, 0o640, 0o660),
    ],
)  # fmt: skip
async def test_what_is_written_is_as_open_as_where_it_lies_whatever_the_umask_of_the_server(
    house: Path, repository: GitRepository, shared: str | None, opened: int, git_files: int, files: int
) -> None:
    for directory in (house, house / ".git"):
        directory.chmod(opened)
    if shared is not None:
        git(house, "config", "core.sharedRepository", shared)
    base, head = await ours(repository, house, aDOTtxt=b"2\n", new=b"n\n")
    await repository.push(commit=head, ref=MAIN, expected=base)
    (pack,) = (house / ".git" / "objects" / "pack").glob("*.pack")
    assert [mode(house / ".git" / "index"), mode(house / ".git" / MAIN)] == [git_files] * 2
    assert mode(pack) == git_files & ~0o222
    assert [mode(house / name) for name in ("a.txt", "new")] == [files] * 2


@pytest.mark.usefixtures("closed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
async def test_root_with_the_umask_of_a_server_serves_the_repository_of_another_user() -> None:
    with public_directory() as street:
        house = street / "house"
        house.mkdir(mode=0o755)
        git(house, "init", "-q", "-b", "main")
        write(house, {"a.txt": b"a\n", "mine.log": b"log\n"})
        git(house, "add", "a.txt")
        git(house, "commit", "-qm", "one")
        write(house / ".git", {"info/exclude": b"*.log\n"})
        for each in (house, *house.rglob("*")):
            os.chown(each, NOBODY, NOBODY)
        for each in (house, house / ".git"):
            each.chmod(0o755)
        assert (await inspect_remote(to(str(house)))).warnings == ()
        repository = await repository_of(house, street / "cache")
        await repository.fetch()
        base = await repository.branch_head("main")
        assert base is not None
        head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
        await repository.push(commit=head, ref=MAIN, expected=base)
        assert (house / "new").stat().st_uid == NOBODY
