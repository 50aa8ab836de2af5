"""Repositories on this machine with a person at work in them: nothing of theirs is lost, and nothing of ours."""

import asyncio
import contextlib
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.git import faces, local_refs
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.runner import GitCommands, Output
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, Conflict, PersonNeeded
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


@contextlib.contextmanager
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


@pytest.fixture
def strangers() -> Iterator[Path]:
    """A repository that belongs to another user, below a directory that every user can enter."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository to another user")
    with public_directory() as street:
        house = street / "house"
        house.mkdir()
        git(house, "init", "-q", "-b", "main")
        write(house, {"a.txt": b"a\n", "mine.log": b"log\n"})
        git(house, "add", "a.txt")
        git(house, "commit", "-qm", "one")
        write(house / ".git", {"info/exclude": b"*.log\n"})
        for each in (house, *house.rglob("*")):
            os.chown(each, NOBODY, NOBODY)
        yield house


async def lands_at_a_strangers(house: Path) -> None:
    assert (await inspect_remote(to(str(house)))).warnings == ()
    repository = await repository_of(house, house.parent / "cache")
    await repository.fetch()
    base = await repository.branch_head("main")
    assert base is not None
    head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (house / "new").stat().st_uid == NOBODY


async def test_root_with_the_umask_of_a_server_serves_the_repository_of_another_user(strangers: Path) -> None:
    before = os.umask(0o077)
    try:
        await lands_at_a_strangers(strangers)
    finally:
        os.umask(before)


async def test_root_whose_temporary_files_are_closed_to_others_serves_the_repository_of_another_user(
    strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await lands_at_a_strangers(strangers)


async def test_objects_that_cannot_be_written_are_for_a_person(strangers: Path) -> None:
    (strangers / ".git" / "objects" / "pack").chmod(0o555)
    with pytest.raises(PersonNeeded, match="Check the directory's permissions") as paused:
        await lands_at_a_strangers(strangers)
    assert paused.value.reason is PauseReason.DELIVERY_FAILED


@pytest.mark.parametrize("way", [{"new.env": b"SECRET\n"}, {"build/x": b"mine\n"}])
async def test_an_ignored_file_of_the_owner_is_named_and_never_overwritten(
    house: Path, repository: GitRepository, way: dict[str, bytes]
) -> None:
    write(house / ".git", {"info/exclude": b"*.env\n"})
    write(house, way)
    base, head = await ours(repository, house, newDOTenv=b"tracked\n", build=b"a file now\n")
    with pytest.raises(PersonNeeded, match="files in the way") as paused:
        await repository.push(commit=head, ref=MAIN, expected=base)
    assert paused.value.reason is PauseReason.TARGET_CHECKOUT_DIRTY
    assert paused.value.facts["files"] == [name.partition("/")[0] for name in way]
    assert {name: (house / name).read_bytes() for name in way} == way
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (base, "")


async def test_a_branch_in_the_middle_of_a_rebase_waits_for_its_end(house: Path, repository: GitRepository) -> None:
    git(house, "checkout", "-qb", "topic")
    write(house, {"a.txt": b"topic\n"})
    git(house, "commit", "-qam", "topic")
    git(house, "checkout", "-q", "main")
    write(house, {"a.txt": b"main\n"})
    git(house, "commit", "-qam", "main")
    await repository.fetch()
    base, head = await ours(repository, house, new=b"n\n")
    git(house, "rebase", "topic", code=1)
    with pytest.raises(PersonNeeded, match="in the middle of a rebase") as paused:
        await repository.push(commit=head, ref=MAIN, expected=base)
    assert paused.value.reason is PauseReason.TARGET_CHECKOUT_DIRTY
    git(house, "rebase", "--abort")
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (head, "")


@pytest.mark.parametrize(("pushed", "checked_out"), [("master", "main"), ("main", "master"), ("master", "master")])
async def test_a_checkout_moves_along_under_every_name_of_its_branch(
    house: Path, repository: GitRepository, pushed: str, checked_out: str
) -> None:
    git(house, "symbolic-ref", "refs/heads/master", MAIN)
    git(house, "symbolic-ref", "HEAD", f"refs/heads/{checked_out}")
    base, head = await ours(repository, house, new=b"n\n")
    await repository.push(commit=head, ref=f"refs/heads/{pushed}", expected=base)
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (head, "")
    with pytest.raises(PersonNeeded, match="checked out"):
        await repository.push(commit=None, ref=f"refs/heads/{pushed}", expected=head)


class Meanwhile(GitCommands):
    """Git, and a person who does something in the same checkout right before one of its commands."""

    def __init__(self, house: Path, before: str, *script: str) -> None:
        super().__init__(timeout_s=60)
        self._house, self._before, self._script = house, before, list(script)

    async def run(self, *arguments: str, **given: Any) -> Output:
        while arguments[0] == self._before and self._script:
            git(self._house, *self._script.pop(0).split())
        return await super().run(*arguments, **given)


@pytest.mark.parametrize("before", ["checkout", "update-ref"])
@pytest.mark.parametrize(
    ("script", "lands"),
    [
        (["add mine.txt", "commit -qm mine"], False),
        (["add mine.txt", "commit -qm mine mine.txt"], False),
        (["checkout -q other"], True),
        (["checkout -q --detach"], True),
    ],
)
async def test_what_a_person_does_at_that_very_moment_is_not_mixed_with_ours(
    house: Path, tmp_path: Path, script: list[str], before: str, *, lands: bool
) -> None:
    git(house, "checkout", "-qb", "other")
    write(house, {"d/b.txt": b"other\n"})
    git(house, "commit", "-qam", "other")
    git(house, "checkout", "-q", "main")
    repository = await repository_of(house, tmp_path / "cache", Meanwhile(house, before, *script))
    await repository.fetch()
    base, head = await ours(repository, house, aDOTtxt=b"ours\n", new=b"n\n")
    write(house, {"mine.txt": b"mine\n"})
    with contextlib.nullcontext() if lands else pytest.raises(Conflict):
        await repository.push(commit=head, ref=MAIN, expected=base)
    assert git(house, "status", "--porcelain") == ("?? mine.txt" if lands else "")
    assert (git(house, "rev-parse", "main") == head) is lands
    assert (house / "mine.txt").read_bytes() == b"mine\n"


@pytest.mark.parametrize("before", ["checkout", "update-ref"])
async def test_a_collection_of_garbage_takes_nothing_away_before_a_ref_holds_it(
    house: Path, tmp_path: Path, before: str
) -> None:
    repository = await repository_of(house, tmp_path / "cache", Meanwhile(house, before, "gc -q --prune=now"))
    await repository.fetch()
    base, head = await ours(repository, house, new=b"n\n")
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (head, "")
    assert list((house / ".git" / "objects" / "pack").glob("*.keep")) == []


async def test_of_two_merges_at_once_one_lands_and_the_other_is_told_that_the_branch_moved(
    house: Path, repository: GitRepository
) -> None:
    base, one = await ours(repository, house, one=b"1\n")
    _, two = await ours(repository, house, two=b"2\n")
    ended = await asyncio.gather(
        *(repository.push(commit=head, ref=MAIN, expected=base) for head in (one, two)), return_exceptions=True
    )
    assert {type(end) for end in ended} == {type(None), Conflict}, ended
    assert git(house, "rev-parse", "main") in {one, two}
    assert git(house, "status", "--porcelain") == ""


async def test_root_looks_for_objects_with_the_rights_of_the_owner(strangers: Path, tmp_path: Path) -> None:
    """A link that the owner puts there after the look leads to nothing that the owner may not read."""
    tmp_path.chmod(0o700)
    secret = git(strangers, "-c", "safe.directory=*", "rev-parse", "HEAD")
    (strangers / ".git" / "objects" / secret[:2]).rename(tmp_path / "closed")
    (strangers / ".git" / "objects" / secret[:2]).mkdir()

    class LinkedMeanwhile(GitCommands):
        async def run(self, *arguments: str, **given: Any) -> Output:
            place = strangers / ".git" / "objects" / secret[:2]
            if arguments[0] == "cat-file" and not place.is_symlink():
                place.rmdir()
                place.symlink_to(tmp_path / "closed")
            return await super().run(*arguments, **given)

    with pytest.raises(CallerError, match="object that the remote does not have"):
        await inspect_remote(to(str(strangers), commands=LinkedMeanwhile(timeout_s=60)))


async def test_a_repository_without_a_directory_for_packs_gets_one_of_its_owners(strangers: Path) -> None:
    (strangers / ".git" / "objects" / "pack").rmdir()
    await inspect_remote(to(str(strangers)))
    assert not (strangers / ".git" / "objects" / "pack").exists(), "a look writes nothing"
    await lands_at_a_strangers(strangers)
    assert (strangers / ".git" / "objects" / "pack").stat().st_uid == NOBODY


@pytest.mark.parametrize("place", ["at the end", "on the way", "beside it"])
async def test_a_link_by_which_one_user_names_the_repository_of_another_is_not_followed(
    strangers: Path, place: str
) -> None:
    """The registered path of one owner becomes a link to what only another owner, and root, may read."""
    street, mallory = strangers.parent, 1234
    link, target, named = {
        "at the end": (street / "mine", strangers, street / "mine"),
        "on the way": (street / "mine", street, street / "mine" / "house"),
        "beside it": (street / "mine.git", strangers, street / "mine"),
    }[place]
    link.symlink_to(target)
    assert (await inspect_remote(to(str(named)))).base_branch == "main", "root's own link is followed"
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    if place != "on the way":
        assert (await inspect_remote(to(str(named)))).base_branch == "main", "so is its owner's"
    os.chown(link, mallory, mallory, follow_symlinks=False)
    with pytest.raises(CallerError, match="belongs to another user"):
        await inspect_remote(to(str(named)))


async def test_a_branch_that_is_checked_out_in_a_work_tree_that_was_moved_waits_for_it(
    house: Path, repository: GitRepository, tmp_path: Path
) -> None:
    """Its next commit would take the change back."""
    git(house, "checkout", "-q", "--detach")
    git(house, "worktree", "add", "-q", str(tmp_path / "desk"), "main")
    (tmp_path / "desk").rename(tmp_path / "moved")
    base, head = await ours(repository, house, new=b"n\n")
    with pytest.raises(PersonNeeded, match="git worktree repair"):
        await repository.push(commit=head, ref=MAIN, expected=base)
    git(house, "worktree", "repair", str(tmp_path / "moved"))
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (git(house, "rev-parse", "main"), git(tmp_path / "moved", "status", "--porcelain")) == (head, "")


async def test_a_merge_that_is_cancelled_while_the_checkout_moves_leaves_it_as_it_was(
    house: Path, tmp_path: Path
) -> None:
    class CancelledThen(GitCommands):
        async def run(self, *arguments: str, **given: Any) -> Output:
            if arguments[0] == "checkout" and not cancelled:
                cancelled.append(arguments)
                pushing.cancel()
            return await super().run(*arguments, **given)

    cancelled: list[tuple[str, ...]] = []
    repository = await repository_of(house, tmp_path / "cache", CancelledThen(timeout_s=60))
    await repository.fetch()
    base, head = await ours(repository, house, aDOTtxt=b"2\n", new=b"n\n")
    pushing = asyncio.create_task(repository.push(commit=head, ref=MAIN, expected=base))
    with pytest.raises(asyncio.CancelledError):
        await pushing
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (base, "")
    assert list((house / ".git").rglob("*.lock")) == []
    await repository.push(commit=head, ref=MAIN, expected=base)
    assert (git(house, "rev-parse", "main"), git(house, "status", "--porcelain")) == (head, "")


def test_faces_that_a_killed_process_left_are_swept_and_those_of_living_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen(["true"])
    dead.wait()
    for number, age_s in ((dead.pid, 7 * 3600), (dead.pid, 60), (os.getpid(), 7 * 3600)):
        face = tmp_path / f"changeline-git-{number}-{age_s}"
        face.mkdir()
        (face / "config").touch()
        os.utime(face, (time.time() - age_s,) * 2)
    (tmp_path / "changeline-git-odd").mkdir()
    faces.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f"changeline-git-{dead.pid}-60", f"changeline-git-{os.getpid()}-25200", "changeline-git-odd"]
    )
