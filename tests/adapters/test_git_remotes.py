"""Registering a remote: every problem is named with its field and what to do about it."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.runner import GitCommands
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, PersonNeeded
from pipeline.repositories.remote_address import RemoteAddress
from tests.adapters.git_world import ADA, Origin, git, make_origin, repository_of, to, write
from tests.unprivileged import NOBODY, SOURCES, public_directory, run_as_nobody, unavailable


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def commands() -> GitCommands:
    return GitCommands(timeout_s=30)


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "relative/path",
        "-oProxyCommand=x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "fd::3",
        "ftp://host/x",
        "/path\nwith newline",
        "https://ada:hunter2@host/x",
        "https://hunter2@host/x",
        "ssh://ada:hunter2@host/x",
    ],
)
def test_addresses_that_are_dangerous_or_hold_secrets_are_refused_unseen(remote: str) -> None:
    with pytest.raises(CallerError) as refused:
        RemoteAddress.parse(remote)
    assert refused.value.field == "remote"
    assert refused.value.remedy
    assert "hunter2" not in repr((refused.value.message, dict(refused.value.facts), refused.value.remedy))


@pytest.mark.parametrize(
    "remote", ["/srv/x.git", "/srv/a b:c", "file:///srv/x", "https://host/x", "ssh://git@host:22/x", "git@host:x/y.git"]
)
def test_usual_addresses_are_accepted(remote: str) -> None:
    RemoteAddress.parse(remote)


async def test_a_good_remote_is_described(commands: GitCommands, origin: Origin) -> None:
    base = origin.commit({"a": b"a"})
    origin.commit({"b": b"b"}, branch="topic")
    facts = await inspect_remote(to(str(origin.path), commands=commands))
    assert (facts.base_branch, facts.base_commit, facts.default_branch) == ("main", base, "main")
    assert facts.branches == ("main", "topic")
    assert facts.warnings == ()
    assert (
        await inspect_remote(to(f"file://{origin.path}", commands=commands), base_branch="topic")
    ).base_branch == "topic"


async def test_what_is_not_there_or_empty_is_refused(commands: GitCommands, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for remote in (tmp_path / "nothing", tmp_path / "plain", tmp_path):
        with pytest.raises(CallerError, match="no readable git repository") as refused:
            await inspect_remote(to(str(remote), commands=commands))
        assert refused.value.field == "remote"
    with pytest.raises(CallerError, match="no commits"):
        await inspect_remote(to(str(origin.path), commands=commands))


async def test_a_closed_port_is_refused_and_a_bundle_cannot_be_a_remote(
    commands: GitCommands, origin: Origin, tmp_path: Path
) -> None:
    with pytest.raises(CallerError, match="no readable git repository"):
        await inspect_remote(to("http://127.0.0.1:1/x.git", commands=commands))
    origin.commit({"a": b"a"})
    git(origin.path, "bundle", "create", "-q", str(tmp_path / "bundle"), "--all")
    with pytest.raises(CallerError, match="not a repository"):
        await inspect_remote(to(str(tmp_path / "bundle"), commands=commands), base_branch="main")


async def test_a_missing_base_branch_lists_the_existing_ones(commands: GitCommands, origin: Origin) -> None:
    origin.commit({"a": b"a"})
    origin.commit({"b": b"b"}, branch="topic")
    with pytest.raises(CallerError) as refused:
        await inspect_remote(to(str(origin.path), commands=commands), base_branch="develop")
    assert refused.value.field == "base_branch"
    assert refused.value.remedy == "Name one of: main, topic."
    assert refused.value.facts["default"] == "main"


async def test_a_detached_head_needs_a_named_branch_unless_there_is_one_only(
    commands: GitCommands, origin: Origin, tmp_path: Path
) -> None:
    origin.commit({"a": b"a"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(origin.path), str(clone))
    git(clone, "checkout", "-q", "--detach")
    facts = await inspect_remote(to(str(clone), commands=commands))
    assert (facts.default_branch, facts.base_branch) == (None, "main")
    git(clone, "branch", "topic")
    with pytest.raises(CallerError, match="no default branch"):
        await inspect_remote(to(str(clone), commands=commands))


async def test_uncommitted_changes_are_a_warning_with_their_number(
    commands: GitCommands, origin: Origin, tmp_path: Path
) -> None:
    origin.commit({"a": b"a", "b": b"b"})
    git(tmp_path, "clone", "-q", str(origin.path), "clone")
    assert (await inspect_remote(to(str(tmp_path / "clone"), commands=commands))).warnings == ()
    write(tmp_path / "clone", {"a": b"changed", "b": None, "c": b"new"})
    (warning,) = (await inspect_remote(to(str(tmp_path / "clone"), commands=commands))).warnings
    assert warning.startswith("3 files have uncommitted changes")


async def test_looking_at_a_checkout_runs_nothing_of_its_configuration(
    commands: GitCommands, origin: Origin, tmp_path: Path
) -> None:
    origin.commit({"a": b"a"})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(origin.path), str(clone))
    git(clone, "config", "core.fsmonitor", f"touch {tmp_path}/sprung; false")
    git(clone, "config", "uploadpack.packObjectsHook", f"touch {tmp_path}/sprung; false")
    await inspect_remote(to(str(clone), commands=commands))
    await (await repository_of(clone, tmp_path / "cache")).fetch()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", [".gitignore", "deep/er/.gitattributes"])
async def test_a_checkout_in_which_git_would_wait_for_ever_is_refused_at_once_and_left_alone(
    origin: Origin, tmp_path: Path, name: str
) -> None:
    base = origin.commit({"a": b"a"})
    checkout = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(origin.path), "clone")
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"a": b"b"}, message="x", author=ADA)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(checkout / name)
    with pytest.raises(CallerError, match=f"{name} in .* is not a small regular file"):
        await inspect_remote(to(str(checkout)))
    with pytest.raises(PersonNeeded, match=name) as paused:
        await repository.push(commit=head, ref="refs/heads/main", expected=base)
    assert paused.value.reason is PauseReason.TARGET_CHECKOUT_DIRTY
    assert git(checkout, "rev-parse", "HEAD") == base


@pytest.fixture
def street() -> Iterator[Path]:
    """A place that every user of the machine can enter."""
    with public_directory() as directory:
        yield directory


def give(path: Path, owner: int) -> None:
    for each in [path, *path.rglob("*")]:
        os.chown(each, owner, owner, follow_symlinks=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
async def test_root_works_on_the_repository_of_another_user_as_that_user(
    commands: GitCommands, street: Path, tmp_path: Path
) -> None:
    base = make_origin(street / "origin").commit({"a": b"a"})
    home = street / "home"
    git(street, "clone", "-q", str(street / "origin" / "origin.git"), str(home))
    give(home, NOBODY)
    assert (await inspect_remote(to(str(home), commands=commands))).warnings == ()
    repository = await repository_of(home, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"a": b"b", "new": b"n"}, message="x", author=ADA)
    await repository.push(commit=head, ref="refs/heads/main", expected=base)
    await repository.push(commit=head, ref="refs/heads/topic/x", expected=None)
    await repository.push(commit=None, ref="refs/heads/topic/x", expected=head)
    assert (home / "new").read_bytes() == b"n"
    assert {path.lstat().st_uid for path in [home, *home.rglob("*")]} == {NOBODY}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
async def test_root_reads_what_its_owner_cannot_reach_but_does_not_push_into_it(
    commands: GitCommands, origin: Origin, tmp_path: Path
) -> None:
    base = origin.commit({"a": b"a"})
    give(origin.path, NOBODY)
    tmp_path.chmod(0o700)
    assert "belongs to another user" in (await inspect_remote(to(str(origin.path), commands=commands))).warnings[0]
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    with pytest.raises(PersonNeeded, match="another user") as paused:
        await repository.push(commit=base, ref="refs/heads/x", expected=None)
    assert paused.value.reason is PauseReason.DELIVERY_FAILED


async def test_an_ordinary_user_reads_the_repository_of_another_but_does_not_push_into_it(street: Path) -> None:
    make_origin(street / "origin").commit({"a": b"a"})
    (street / "mine").mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory to another user")
    give(street / "mine", NOBODY)
    if (reason := unavailable()) is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    argv = [sys.executable, "-c", TRYING_TO_PUSH, str(street / "origin" / "origin.git"), str(street / "mine")]
    done = await asyncio.to_thread(run_as_nobody, argv, environment={"PATH": "/usr/bin:/bin"}, cwd=SOURCES)
    assert done.stdout.splitlines() == [
        (
            "It can be read, but nothing is pushed into it. The repository belongs to another user, who could not change what this "
            "account writes into it. Run Changeline as that user, or use a repository that this account owns."
        ),
        "delivery_failed",
    ], done.stderr


TRYING_TO_PUSH = """
import asyncio, pathlib, sys
from pipeline.adapters.git.remotes import inspect_remote
from pipeline.errors import PersonNeeded
from tests.adapters.git_world import ADA, repository_of, to
async def main():
    remote, cache = sys.argv[1], pathlib.Path(sys.argv[2])
    print((await inspect_remote(to(remote))).warnings[0])
    repository = await repository_of(pathlib.Path(remote), cache)
    await repository.fetch()
    base = await repository.branch_head("main")
    head = await repository.commit_files(parent=base, files={"a": b"b"}, message="x", author=ADA)
    try:
        await repository.push(commit=head, ref="refs/heads/x", expected=None)
    except PersonNeeded as paused:
        print(paused.reason.value)
asyncio.run(main())
"""
