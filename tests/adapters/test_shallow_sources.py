"""Shallow clones as sources: what they lack comes from where they were cloned from, if that may be gone to and has it."""

from pathlib import Path

import pytest

from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.network.addresses import AddressPolicy
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, PersonNeeded, TransientError
from tests.adapters.git_world import ADA, Origin, git, make_origin, repository_of, to
from tests.git_server import Said, git_server

COMMITS = 6


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "origin")
    for number in range(COMMITS):
        made.commit({"a.txt": b"%d\n" % number, f"{number}.txt": b"x"})
    git(made.path, "tag", "v1", "main~4")
    return made


def cloned(tmp_path: Path, address: str, depth: int = 2) -> Path:
    git(tmp_path, "clone", "-q", f"--depth={depth}", address, "clone")
    git(tmp_path / "clone", "config", "user.name", "Person")
    return tmp_path / "clone"


async def test_a_change_lands_in_a_shallow_clone_with_the_whole_history_at_hand(origin: Origin, tmp_path: Path) -> None:
    clone = cloned(tmp_path, f"file://{origin.path}")
    facts = await inspect_remote(to(str(clone)))
    assert facts.warnings == (
        f"It is a shallow clone. The history that it lacks is fetched from its origin, {origin.path}.",
    )
    repository = await repository_of(clone, tmp_path / "cache")
    await repository.fetch()
    base, tree = str(await repository.branch_head("main")), tmp_path / "tree"
    await repository.add_worktree(tree, base)
    assert len(git(tree, "log", "--format=%H").splitlines()) == COMMITS
    assert await repository.merge_base(git(origin.path, "rev-parse", "main~5"), base)
    (tree / "new.txt").write_bytes(b"new")
    head = await repository.snapshot(tree, parent=base, message="change")
    (clone / "a.txt").write_bytes(b"theirs\n")
    git(clone, "commit", "-q", "-a", "-m", "theirs")
    await repository.fetch()
    target = str(await repository.branch_head("main"))
    replayed = await repository.rebase(
        commits_from=base, head=head, onto=target, worktree=tmp_path / "rebase", author=ADA
    )
    assert replayed.head is not None
    await repository.push(commit=replayed.head, ref="refs/heads/main", expected=target)
    assert (clone / "new.txt").read_bytes() == b"new" and git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-parse", "HEAD") == replayed.head
    assert git(clone, "rev-parse", "--is-shallow-repository") == "true", "the clone stays as its owner made it"
    git(clone, "fsck", "--full")
    (cache,) = (tmp_path / "cache").glob("*.git")
    assert not (cache / "shallow").exists()
    git(cache, "fsck", "--connectivity-only")


async def test_a_clone_that_is_cut_elsewhere_later_is_completed_again(origin: Origin, tmp_path: Path) -> None:
    clone = cloned(tmp_path, f"file://{origin.path}")
    repository = await repository_of(clone, tmp_path / "cache")
    await repository.fetch()
    head = ""
    for number in range(4):
        head = origin.commit({"b.txt": b"%d" % number})
    git(clone, "fetch", "-q", "--depth=1")
    git(clone, "reset", "-q", "--hard", "origin/main")
    await repository.fetch()
    assert await repository.branch_head("main") == head
    await repository.checkout(tmp_path / "tree", head)
    assert len(git(tmp_path / "tree", "log", "--format=%H").splitlines()) == COMMITS + 4


async def test_over_a_network_it_comes_from_where_the_policy_lets_it(origin: Origin, tmp_path: Path) -> None:
    with git_server(origin.path.parent) as served:
        clone = cloned(tmp_path, f"http://127.0.0.1:{served.port}/origin.git")
        with pytest.raises(CallerError, match=r"shallow clone.*not public") as refused:
            await inspect_remote(to(str(clone)))
        assert "--unshallow" in str(refused.value.remedy)
        asked = len(served.asked)
        repository = await repository_of(clone, tmp_path / "cache")
        with pytest.raises(PersonNeeded, match="not public") as paused:
            await repository.fetch()
        assert paused.value.reason is PauseReason.REMOTE_UNREACHABLE
        assert len(served.asked) == asked, "what may not be gone to is not"
        open_to = AddressPolicy([f"127.0.0.1:{served.port}"])
        assert len((await inspect_remote(to(str(clone), policy=open_to))).warnings) == 1
        allowed = await repository_of(clone, tmp_path / "other", policy=open_to)
        await allowed.fetch()
        await allowed.checkout(tmp_path / "tree", str(await allowed.branch_head("main")))
        assert len(git(tmp_path / "tree", "log", "--format=%H").splitlines()) == COMMITS
        served.mood = lambda _path: Said(503)
        await allowed.fetch()
        late = await repository_of(clone, tmp_path / "late", policy=open_to)
        with pytest.raises(TransientError, match="cannot be reached"):
            await late.fetch()
        with pytest.raises(CallerError, match=r"shallow clone.*cannot be reached"):
            await inspect_remote(to(str(clone), policy=open_to))


async def test_an_origin_that_has_no_more_itself_is_told_as_before(origin: Origin, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", "--depth=2", f"file://{origin.path}", "middle.git")
    clone = cloned(tmp_path, f"file://{tmp_path}/middle.git", depth=2)
    git(tmp_path / "middle.git", "remote", "remove", "origin")
    repository = await repository_of(clone, tmp_path / "cache")
    with pytest.raises(PersonNeeded, match=r"shallow clone.*does not give it either"):
        await repository.fetch()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "names no origin"),
        ("/etc", "may not name this path"),
        ("ext::sh -c true", "cannot be used"),
        ("https://name:secret@example.org/x.git", "cannot be used"),
        ("git@[::1]:x.git", "may not be reached"),
    ],
)
async def test_an_origin_that_may_not_be_named_leaves_a_refusal(
    origin: Origin, tmp_path: Path, address: str | None, said: str
) -> None:
    clone = cloned(tmp_path, f"file://{origin.path}")
    git(clone, "remote", "remove", "origin")
    if address is not None:
        git(clone, "config", "remote.origin.url", address)
    with pytest.raises(CallerError, match=f"shallow clone.*{said}") as refused:
        await inspect_remote(to(str(clone)))
    assert "--unshallow" in str(refused.value.remedy) and "secret" not in refused.value.message


@pytest.mark.parametrize("said", [b"--upload-pack=x\n", b"0" * 100_000, b"\xff\n"])
async def test_a_cut_that_is_no_list_of_commits_is_refused(origin: Origin, tmp_path: Path, said: bytes) -> None:
    clone = cloned(tmp_path, f"file://{origin.path}")
    (clone / ".git" / "shallow").write_bytes(said)
    with pytest.raises(CallerError, match="shallow clone"):
        await inspect_remote(to(str(clone)))
