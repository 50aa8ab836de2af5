"""The git adapter keeps the contract of the port, and what only a real git can get wrong."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.runner import GitCommands, held
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, InvariantBroken, PersonNeeded, TransientError
from tests.adapters.git_world import ADA, Origin, content, git, make_origin, repository_of, to, write
from tests.adapters.repository_contract import TEN, RepositoryContract, changed


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def base(origin: Origin) -> str:
    (origin.desk / "run.sh").write_bytes(b"#!/bin/sh\n")
    (origin.desk / "run.sh").chmod(0o755)
    return origin.commit({"a.txt": TEN})


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin, base: str) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "tree"


class TestGitRepository(RepositoryContract):
    """The contract, held by git itself."""


async def test_a_clean_checkout_of_the_target_moves_along(tmp_path: Path, origin: Origin, base: str) -> None:
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
    await repository.push(commit=head, ref="refs/heads/main", expected=base)
    assert git(checkout, "rev-parse", "HEAD") == head
    assert (checkout / "new").read_bytes() == b"n"
    assert git(checkout, "status", "--porcelain") == ""


@pytest.mark.parametrize("dirt", [{"a.txt": b"mine"}, {"new": b"in the way"}])
async def test_a_dirty_checkout_of_the_target_pauses_instead_of_overwriting(
    tmp_path: Path, origin: Origin, base: str, dirt: dict[str, bytes]
) -> None:
    checkout = tmp_path / "check out"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
    write(checkout, dirt)
    with pytest.raises(PersonNeeded) as paused:
        await repository.push(commit=head, ref="refs/heads/main", expected=base)
    assert paused.value.reason is PauseReason.TARGET_CHECKOUT_DIRTY
    assert paused.value.facts["path"] == str(checkout)
    assert paused.value.facts["files"] == list(dirt)
    assert "Commit or stash" in paused.value.message
    assert git(checkout, "rev-parse", "HEAD") == base
    assert {name: (checkout / name).read_bytes() for name in dirt} == dirt


async def test_a_dirty_linked_worktree_is_named(tmp_path: Path, origin: Origin, base: str) -> None:
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    git(checkout, "checkout", "-q", "--detach")
    git(checkout, "worktree", "add", "-q", str(tmp_path / "linked"), "main")
    write(tmp_path / "linked", {"a.txt": b"mine"})
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
    with pytest.raises(PersonNeeded) as paused:
        await repository.push(commit=head, ref="refs/heads/main", expected=base)
    assert paused.value.facts["path"] == str(tmp_path / "linked")


async def test_a_push_cut_short_after_the_checkout_moved_is_simply_done_again(
    tmp_path: Path, origin: Origin, base: str
) -> None:
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    head = await repository.commit_files(parent=base, files={"new": b"n"}, message="x", author=ADA)
    await repository.push(commit=head, ref="refs/heads/main", expected=base)
    git(checkout, "update-ref", "refs/heads/main", base)
    await repository.push(commit=head, ref="refs/heads/main", expected=base)
    assert git(checkout, "rev-parse", "HEAD") == head
    assert git(checkout, "status", "--porcelain") == ""
    assert "changeline" in git(checkout, "reflog", "show", "main")


async def test_a_branch_that_is_checked_out_is_not_deleted(tmp_path: Path, origin: Origin, base: str) -> None:
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    repository = await repository_of(checkout, tmp_path / "cache")
    with pytest.raises(PersonNeeded, match="checked out"):
        await repository.push(commit=None, ref="refs/heads/main", expected=base)
    assert git(checkout, "rev-parse", "HEAD") == base


async def test_a_file_that_a_filter_of_the_owner_would_make_arrives_as_it_is_committed(
    tmp_path: Path, origin: Origin, base: str
) -> None:
    origin.commit({".gitattributes": b"*.bin filter=x\n", "x.bin": b"pointer"})
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "-q", str(origin.path), str(checkout))
    git(checkout, "config", "filter.x.smudge", f"touch {tmp_path}/sprung; tr a-z A-Z")
    git(checkout, "config", "filter.x.clean", f"touch {tmp_path}/sprung; tr A-Z a-z")
    (warning,) = (await inspect_remote(to(str(checkout)))).warnings
    assert "filters (x) are not run" in warning
    repository = await repository_of(checkout, tmp_path / "cache")
    await repository.fetch()
    tip = git(checkout, "rev-parse", "HEAD")
    head = await repository.commit_files(parent=tip, files={"x.bin": b"other"}, message="x", author=ADA)
    await repository.push(commit=head, ref="refs/heads/main", expected=tip)
    assert (checkout / "x.bin").read_bytes() == b"other"
    assert not (tmp_path / "sprung").exists()


async def test_concurrent_fetches_of_one_cache_all_succeed(tmp_path: Path, origin: Origin, base: str) -> None:
    repositories = await asyncio.gather(*(repository_of(origin.path, tmp_path / "cache") for _ in range(4)))
    newer = origin.commit({"b": b"b"})
    await asyncio.gather(*(repository.fetch() for repository in repositories))
    assert [await repository.branch_head("main") for repository in repositories] == [newer] * 4


async def test_locks_of_a_killed_fetch_do_not_stop_the_next(
    repository: GitRepository, origin: Origin, tmp_path: Path
) -> None:
    newer = origin.commit({"b": b"b"})
    (cache,) = (tmp_path / "cache").glob("*.git")
    for lock in ("refs/remotes/origin/main.lock", "packed-refs.lock", "refs/changeline/wip/x.lock"):
        (cache / lock).parent.mkdir(parents=True, exist_ok=True)
        (cache / lock).touch()
    await repository.fetch()
    assert await repository.branch_head("main") == newer
    await repository.update_ref("refs/changeline/wip/x", newer)
    assert git(cache, "rev-parse", "refs/changeline/wip/x") == newer


async def test_a_branch_deleted_at_the_remote_goes_and_private_refs_stay(
    repository: GitRepository, origin: Origin, base: str, tmp_path: Path
) -> None:
    origin.commit({"b": b"b"}, branch="topic")
    await repository.fetch()
    await repository.update_ref("refs/changeline/wip/x", base)
    git(origin.path, "update-ref", "-d", "refs/heads/topic")
    await repository.fetch()
    assert await repository.branch_head("topic") is None
    (cache,) = (tmp_path / "cache").glob("*.git")
    assert git(cache, "rev-parse", "refs/changeline/wip/x") == base


async def test_the_git_inside_a_tree_works_and_shares_nothing(repository: GitRepository, base: str, tree: Path) -> None:
    await repository.add_worktree(tree, base)
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "rev-list", "HEAD") == base
    assert not (tree / ".git/objects/info/alternates").exists()
    write(tree, {"a.txt": b"changed\n"})
    head = await repository.snapshot(tree, parent=base, message="x")
    await repository.restore_worktree(tree, head)
    assert git(tree, "diff", "--name-only") == "a.txt"
    git(tree, "fsck")
    git(tree, "config", "--get", "remote.origin.url", code=1)


async def test_adding_a_tree_again_starts_over_but_spares_other_directories(
    repository: GitRepository, base: str, tree: Path
) -> None:
    await repository.add_worktree(tree, base)
    write(tree, {"a.txt": b"half", "stray": b"s"})
    await repository.add_worktree(tree, base)
    assert content(tree) == {"a.txt": TEN, "run.sh": b"#!/bin/sh\n"}
    foreign = tree.with_name("foreign")
    write(foreign, {"precious": b"p"})
    for refused in (
        repository.add_worktree(foreign, base),
        repository.checkout(foreign, base),
        repository.restore_worktree(foreign, base),
        repository.remove_worktree(foreign),
        repository.snapshot(foreign, parent=base, message="x"),
        repository.rebase(commits_from=base, head=base, onto=base, worktree=foreign, author=ADA),
    ):
        with pytest.raises(CallerError):
            await refused
    assert content(foreign) == {"precious": b"p"}


async def test_a_change_of_type_is_counted_like_any_other(repository: GitRepository, base: str, tree: Path) -> None:
    await repository.add_worktree(tree, base)
    (tree / "a.txt").unlink()
    (tree / "a.txt").symlink_to("run.sh")
    (tree / "run.sh").chmod(0o644)
    head = await repository.snapshot(tree, parent=base, message="x")
    files = {file.path: file for file in await repository.changed_files(base, head)}
    assert (files["a.txt"].status, files["a.txt"].mode, files["a.txt"].removed) == ("T", "120000", 10)
    assert (files["run.sh"].status, files["run.sh"].mode, files["run.sh"].added) == ("M", "100644", 0)


async def test_a_rebase_gives_way_to_nothing_ignored(
    repository: GitRepository, origin: Origin, base: str, tree: Path
) -> None:
    ours = await repository.commit_files(parent=base, files={".gitignore": b"gen\n"}, message="1", author=ADA)
    two = await repository.commit_files(parent=ours, files={"gen/tracked": b"t"}, message="2", author=ADA)
    onto = origin.commit({"b": b"b"})
    await repository.fetch()
    await repository.add_worktree(tree, ours)
    write(tree, {"gen": b"ignored, where the change has a directory"})
    result = await repository.rebase(commits_from=base, head=two, onto=onto, worktree=tree, author=ADA)
    assert result.head is not None
    assert await repository.read_file(result.head, "gen/tracked") == b"t"


async def test_a_stopped_rebase_survives_a_restart(tmp_path: Path, origin: Origin, base: str, tree: Path) -> None:
    first = await repository_of(origin.path, tmp_path / "cache")
    await first.fetch()
    ours = await first.commit_files(parent=base, files={"a.txt": changed(5, b"ours")}, message="1", author=ADA)
    onto = origin.commit({"a.txt": changed(5, b"theirs")})
    await first.fetch()
    await first.rebase(commits_from=base, head=ours, onto=onto, worktree=tree, author=ADA)
    (tree / "a.txt").write_bytes(changed(5, b"both"))
    saved = await first.snapshot(tree, parent=onto, message="half way")

    second = await repository_of(origin.path, tmp_path / "cache")
    write(tree, {"a.txt": b"lost in the crash"})
    await second.restore_worktree(tree, saved)
    done = await second.continue_rebase(worktree=tree, author=ADA)
    assert done.head is not None
    assert await second.read_file(done.head, "a.txt") == changed(5, b"both")
    with pytest.raises(InvariantBroken):
        await second.continue_rebase(worktree=tree.with_name("never"), author=ADA)


async def test_markers_that_the_file_always_had_do_not_count(
    repository: GitRepository, origin: Origin, base: str, tree: Path
) -> None:
    start = origin.commit({"doc": b"<<<<<<< sample\n" + TEN})
    await repository.fetch()
    ours = await repository.commit_files(
        parent=start, files={"doc": b"<<<<<<< sample\n" + changed(5, b"ours")}, message="1", author=ADA
    )
    onto = origin.commit({"doc": b"<<<<<<< sample\n" + changed(5, b"theirs")})
    await repository.fetch()
    await repository.rebase(commits_from=start, head=ours, onto=onto, worktree=tree, author=ADA)
    (tree / "doc").write_bytes(b"<<<<<<< sample\n" + changed(5, b"both"))
    assert (await repository.continue_rebase(worktree=tree, author=ADA)).head is not None


KILLED_IN_A_SNAPSHOT = """
import asyncio, pathlib, sys
from tests.adapters.git_world import repository_of
async def main():
    repository = await repository_of(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    print("ready", flush=True)
    print(await repository.snapshot(pathlib.Path(sys.argv[3]), parent=sys.argv[4], message="x"), flush=True)
asyncio.run(main())
"""


async def test_a_killed_snapshot_is_simply_taken_again(
    repository: GitRepository, origin: Origin, base: str, tree: Path, tmp_path: Path
) -> None:
    await repository.add_worktree(tree, base)
    for number in range(400):
        (tree / f"file-{number}").write_bytes(os.urandom(20_000))
    victim = subprocess.Popen(
        [sys.executable, "-c", KILLED_IN_A_SNAPSHOT, str(origin.path), str(tmp_path / "cache"), str(tree), base],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"ready\n"
    await asyncio.to_thread(_wait_for, tmp_path / "cache", "*/*/index.lock")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    head = await repository.snapshot(tree, parent=base, message="x")
    assert len(await repository.changed_files(base, head)) == 400


def _wait_for(directory: Path, pattern: str) -> None:
    while not any(directory.glob(pattern)):
        os.sched_yield()


async def test_a_left_over_index_lock_or_a_broken_index_is_replaced(
    repository: GitRepository, base: str, tree: Path, tmp_path: Path
) -> None:
    await repository.add_worktree(tree, base)
    (index,) = (tmp_path / "cache").glob("*.trees/*/index")
    index.with_name("index.lock").touch()
    write(tree, {"new": b"n"})
    head = await repository.snapshot(tree, parent=base, message="x")
    index.write_bytes(b"DIRC broken")
    assert await repository.snapshot(tree, parent=base, message="x") == head
    index.write_bytes(b"DIRC broken")
    write(tree, {"new": b"other"})
    await repository.restore_worktree(tree, head)
    assert (tree / "new").read_bytes() == b"n"


async def test_cancelling_kills_git_and_frees_its_lock(tmp_path: Path) -> None:
    commands = GitCommands(timeout_s=60)
    git(tmp_path, "init", "-q", "--bare", "r.git")
    async with asyncio.timeout(30), held(tmp_path / "lock", wait_s=1) as lock:
        running = asyncio.ensure_future(
            commands.run(
                "-c", f"alias.slow=!touch {tmp_path}/on; sleep 600", "slow", git_dir=tmp_path / "r.git", lock=lock
            )
        )
        await asyncio.to_thread(_wait_for, tmp_path, "on")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    async with held(tmp_path / "lock", wait_s=5):
        pass


async def test_a_command_that_takes_too_long_is_killed_and_worth_another_try(tmp_path: Path) -> None:
    commands = GitCommands(timeout_s=0.3)
    git(tmp_path, "init", "-q", "--bare", "r.git")
    with pytest.raises(TransientError, match="did not finish"):
        await commands.run("-c", "alias.slow=!sleep 600", "slow", git_dir=tmp_path / "r.git")
    async with held(tmp_path / "lock", wait_s=1):
        with pytest.raises(TransientError, match="lock"):
            async with held(tmp_path / "lock", wait_s=0.1):
                pass


async def test_git_sees_only_the_allowed_part_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "secret")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    commands = GitCommands(
        environment={
            "CANARY": "secret",
            "GIT_CONFIG_GLOBAL": "/evil",
            "HOME": "/home/x",
            "HTTPS_PROXY": "http://ada:secret@proxy",
        }
    )
    git(tmp_path, "init", "-q", "--bare", "r.git")
    seen = await commands.run("-c", "alias.see=!env", "see", git_dir=tmp_path / "r.git")
    assert "secret" not in seen.text
    assert "/elsewhere" not in seen.text
    assert "GIT_CONFIG_GLOBAL=/dev/null" in seen.text.splitlines()
    assert "HOME=/home/x" in seen.text.splitlines()


async def test_options_and_expressions_are_not_commits_or_refs(repository: GitRepository, base: str) -> None:
    for refused in (
        repository.read_file("--output=/tmp/x", "a"),
        repository.is_ancestor("HEAD~1", base),
        repository.push(commit=base, ref="--mirror", expected=None),
        repository.update_ref("refs/../config", base),
        repository.branch_head("main^{/x}"),
        repository.commit_files(parent=base, files={".git/config": b"x"}, message="x", author=ADA),
    ):
        with pytest.raises(CallerError):
            await refused
