"""Long histories over a network: contents come when they are read, all at once, and nothing else ever asks for them."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.adapters.git import pruning
from pipeline.adapters.git.repository import GitRepository
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded, TransientError
from pipeline.ports import History
from tests.adapters.git_world import ADA, PERSON, Origin, content, git, make_origin, repository_of
from tests.git_server import GitServer, Said, git_server

VERSIONS = 8
LARGE = 60_000
LIMIT = 150_000
OLD = Said(503)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """Make a remote with one large file that every commit replaced, in a few small files' company."""
    made = make_origin(tmp_path / "served")
    chance, orders = random.Random(7), []
    for number in range(1, VERSIONS + 1):
        files = {
            "data.bin": chance.randbytes(LARGE),
            "calc/sums.py": b"".join(
                b"value_%d = %d\n" % (line, line + (line // 39) * (number // VERSIONS)) for line in range(40)
            ),
            "calc/other.py": b"kept = True\n",
            f"notes/{number}.txt": b"note %d\n" % number,
        }
        orders.append(b"commit refs/heads/main\ncommitter P <p@example.org> %d +0000\ndata 1\nx\n" % (10**9 + number))
        orders += [b"M 100644 inline %s\ndata %d\n%s\n" % (n.encode(), len(c), c) for n, c in files.items()]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=made.path, input=b"".join(orders), env=PERSON, check=True)
    git(made.path, "tag", "v1", "main~2")
    git(made.path, "config", "uploadpack.allowFilter", "true")
    git(made.desk, "fetch", "-q", str(made.path), "main")
    git(made.desk, "reset", "-q", "--hard", "FETCH_HEAD")
    return made


@pytest.fixture
def served(origin: Origin) -> Iterator[GitServer]:
    with git_server(origin.path.parent) as server:
        yield server


async def opened(served: GitServer, tmp_path: Path, *, limit: int = LIMIT) -> GitRepository:
    address = f"http://127.0.0.1:{served.port}/origin.git"
    repository = await repository_of(address, tmp_path / "cache", whole_history_max_bytes=limit)
    await repository.fetch()
    return repository


def cache_of(tmp_path: Path) -> Path:
    (found,) = (tmp_path / "cache").glob("*.git")
    return found


def missing(tmp_path: Path, *revisions: str) -> list[str]:
    """Return the contents that the cache lacks."""
    asked = ("rev-list", "--objects", "--missing=print", *(revisions or ("--all",)))
    return [line for line in git(cache_of(tmp_path), *asked).splitlines() if line.startswith("?")]


def at(origin: Origin, revision: str) -> str:
    return git(origin.path, "rev-parse", revision)


def away(served: GitServer) -> None:
    served.mood = lambda _path: OLD


async def test_a_long_history_comes_without_the_versions_that_nobody_reads(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    repository = await opened(served, tmp_path)
    assert await repository.history() is History.PARTIAL
    asked, sent = len(served.asked), served.sent_bytes
    base = at(origin, "main")
    await repository.absent(base)
    assert served.sent_bytes - sent < LARGE + 5_000 and len(served.asked) - asked == 2, "everything in one request"
    assert content_at(origin, base) == await repository.read_files(base, await repository.list_files(base))
    assert len(missing(tmp_path)) == VERSIONS - 1 + 1, "old versions of the large file, and the other one of the sums"
    packs = sum(file.stat().st_size for file in cache_of(tmp_path).glob("objects/pack/*.pack"))
    assert LARGE < packs < LARGE + 10_000
    assert not list(cache_of(tmp_path).glob("objects/pack/tmp_*"))


def content_at(origin: Origin, commit: str) -> dict[str, bytes]:
    git(origin.desk, "checkout", "-q", "-f", "--detach", commit)
    return content(origin.desk)


async def test_a_short_history_comes_as_a_whole(served: GitServer, tmp_path: Path) -> None:
    repository = await opened(served, tmp_path, limit=LARGE * VERSIONS * 2)
    assert await repository.history() is History.WHOLE
    assert missing(tmp_path) == []


async def test_a_change_goes_through_while_its_target_moves(served: GitServer, origin: Origin, tmp_path: Path) -> None:
    repository = await opened(served, tmp_path)
    base, tree = at(origin, "main~3"), tmp_path / "tree"
    await repository.add_worktree(tree, base)
    (tree / "calc/sums.py").write_bytes((tree / "calc/sums.py").read_bytes().replace(b"value_3 = 3", b"value_3 = 33"))
    (tree / "data.bin").write_bytes(b"small now")
    head = await repository.snapshot(tree, parent=base, message="change")
    assert {one.path for one in await repository.changed_files(base, head)} == {"calc/sums.py", "data.bin"}
    assert "+value_3 = 33" in await repository.diff(base, head)
    assert await repository.added_sizes(head) == {"calc/sums.py": 541, "data.bin": 9}
    await repository.push(commit=head, ref="refs/heads/topic", expected=None)
    await repository.restore_worktree(tree, base)

    target = origin.commit({"calc/other.py": b"kept = False\n", "data.bin": None})
    await repository.fetch()
    assert await repository.branch_head("main") == target
    assert await repository.merge_base(head, target) == base
    replayed = await repository.rebase(
        commits_from=base, head=head, onto=target, worktree=tmp_path / "rebase", author=ADA
    )
    assert replayed.conflicts == ("data.bin",)
    replayed = await repository.continue_rebase(worktree=tmp_path / "rebase", author=ADA)
    assert replayed.head is not None
    assert b"value_3 = 33\n" in (sums := await repository.read_file(replayed.head, "calc/sums.py") or b"")
    assert b"value_39 = 40\n" in sums, "what the target made of the other lines meanwhile"
    await repository.push(commit=replayed.head, ref="refs/heads/main", expected=target)
    assert at(origin, "main") == replayed.head
    git(origin.path, "fsck", "--connectivity-only")
    assert len(missing(tmp_path)) >= VERSIONS - 4


async def test_a_remote_that_goes_away_disturbs_nothing_that_is_there(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    repository = await opened(served, tmp_path)
    base, older = at(origin, "main"), at(origin, "main~4")
    await repository.absent(base)
    away(served)
    await repository.checkout(tmp_path / "tests", base)
    assert content(tmp_path / "tests") == content_at(origin, base)
    await repository.add_worktree(tmp_path / "agent", base)
    (tmp_path / "agent" / "new.py").write_bytes(b"x = 1\n")
    head = await repository.snapshot(tmp_path / "agent", parent=base, message="one")
    await repository.checkout(tmp_path / "head", head)
    assert "+x = 1" in await repository.diff(base, head)
    made = await repository.commit_files(parent=head, files={"y.py": b"y"}, message="two", author=ADA)
    replayed = await repository.rebase(
        commits_from=head, head=made, onto=base, worktree=tmp_path / "rebase", author=ADA
    )
    assert replayed.head and await repository.read_file(replayed.head, "y.py") == b"y"
    await repository.update_ref("refs/changeline/keep/x", made)
    with pytest.raises(TransientError, match="cannot be reached"):
        await repository.read_file(older, "data.bin")
    with pytest.raises(TransientError, match="cannot be reached"):
        await repository.diff(older, head)
    for work in (repository.checkout(tmp_path / "no", older), repository.commit_files(
        parent=older, files={"y": b"y"}, message="x", author=ADA
    )):  # fmt: skip
        with pytest.raises(TransientError, match="cannot be reached"):
            await work
    served.mood = lambda _path: None
    assert len(await repository.read_file(older, "data.bin") or b"") == LARGE
    assert await repository.prune() is None
    later = await opened(served, tmp_path)
    away(served)
    assert await later.read_file(made, "new.py") == b"x = 1\n"
    await later.checkout(tmp_path / "again", base)


async def test_what_a_branch_that_is_gone_had_is_brought_before_it_leaves(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    head = ""
    for number in range(2):
        head = origin.commit({"theirs.bin": random.Random(number).randbytes(9_000)}, branch="topic")
    repository = await opened(served, tmp_path)
    assert len(missing(tmp_path, head, f"^{at(origin, 'main')}")) == 2
    git(origin.path, "update-ref", "-d", "refs/heads/topic")
    await repository.push(commit=head, ref="refs/heads/again", expected=None)
    assert origin.head("refs/heads/again") == head and not missing(tmp_path, head, f"^{at(origin, 'main')}")


async def test_many_small_packs_become_one_at_the_end(
    served: GitServer, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PACKS_MAX", 4)
    repository, packs = await opened(served, tmp_path), cache_of(tmp_path) / "objects" / "pack"
    for number in range(4):
        await repository.absent(at(origin, f"main~{number}"))
    assert len(list(packs.glob("*.pack"))) >= 4
    lacking = missing(tmp_path)
    assert await repository.prune() is None
    assert sorted(file.suffix for file in packs.iterdir()) == [".idx", ".pack", ".promisor"]
    assert missing(tmp_path) == lacking
    origin.commit({"new": b"new"})
    later = await opened(served, tmp_path)
    away(served)
    await later.checkout(tmp_path / "tree", at(origin, "main~2"))


async def test_a_submodule_with_a_long_history_is_laid_from_what_was_brought(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    parent = make_origin(tmp_path / "served" / "parent")
    parent.commit({"a": b"a", ".gitmodules": b'[submodule "lib"]\n\tpath = lib\n\turl = ../../origin.git\n'})
    git(parent.desk, "update-index", "--add", "--cacheinfo", f"160000,{at(origin, 'main~2')},lib")
    git(parent.desk, "commit", "-q", "-m", "lib")
    git(parent.desk, "push", "-q", str(parent.path), "HEAD:refs/heads/main")
    git(parent.path, "config", "uploadpack.allowFilter", "true")
    address, head = f"http://127.0.0.1:{served.port}/parent/origin.git", at(parent, "main")
    repository = await repository_of(address, tmp_path / "cache", whole_history_max_bytes=1)
    await repository.fetch()
    assert (await repository.absent(head)).submodules == ()
    away(served)
    await repository.checkout(tmp_path / "tree", head)
    assert content(tmp_path / "tree" / "lib") | {".git": b""} == content_at(origin, at(origin, "main~2")) | {
        ".git": b""
    }
    assert git(tmp_path / "tree" / "lib", "describe", "--tags") == "v1"


async def test_no_command_but_ours_asks_the_remote(served: GitServer, origin: Origin, tmp_path: Path) -> None:
    await opened(served, tmp_path)
    cache, blob, asked = cache_of(tmp_path), at(origin, "main~4:data.bin"), len(served.asked)
    for command in (("cat-file", "blob", blob), ("log", "-p", "--all"), ("archive", "--output=/dev/null", "v1")):
        done = subprocess.run(["git", *command], cwd=cache, env=PERSON, capture_output=True, timeout=20, check=False)
        assert done.returncode
    assert git(cache, "remote") == ""
    assert len(served.asked) == asked


async def test_a_tree_answers_as_a_partial_clone_does(served: GitServer, origin: Origin, tmp_path: Path) -> None:
    repository = await opened(served, tmp_path)
    tree, base, asked = tmp_path / "tree", at(origin, "main"), len(served.asked)
    await repository.checkout(tmp_path / "older", at(origin, "main~1"))
    await repository.checkout(tree, base)
    asked = len(served.asked)
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "describe", "--tags") == f"v1-2-g{base[:7]}"
    assert len(git(tree, "log", "--format=%H").splitlines()) == VERSIONS
    assert git(tree, "show", "HEAD:calc/other.py") == "kept = True"
    (tree / "calc/other.py").write_bytes(b"kept = 1\n")
    assert "+kept = 1" in git(tree, "diff")
    git(tree, "commit", "-q", "-a", "-m", "mine")
    git(tree, "gc", "-q")
    git(tree, "fsck", "--full")
    told = subprocess.run(["git", "log", "-p"], cwd=tree, env=PERSON, capture_output=True, timeout=20, check=False)
    assert told.returncode == 128 and b"/older-versions-of-files-are-not-in-this-tree" in told.stderr
    assert len(served.asked) == asked


async def test_a_merge_that_took_an_old_version_back_has_it_in_its_tree(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    git(origin.desk, "checkout", "-q", "--detach", at(origin, "main~4"))
    (origin.desk / "side.txt").write_bytes(b"side")
    git(origin.desk, "add", "-A")
    git(origin.desk, "commit", "-q", "-m", "side")
    git(origin.desk, "merge", "-q", "-s", "ours", "-m", "theirs is gone", at(origin, "main"))
    git(origin.desk, "push", "-q", str(origin.path), "HEAD:refs/heads/main")
    repository = await opened(served, tmp_path)
    for number, revision in enumerate(("main^2", "main")):
        await repository.checkout(tree := tmp_path / str(number), at(origin, revision))
        assert git(tree, "status", "--porcelain") == ""
        git(tree, "checkout-index", "-f", "-a", f"--prefix={tmp_path}/out-{number}/")
        assert content(tmp_path / f"out-{number}") == content_at(origin, at(origin, revision))


@pytest.mark.parametrize("why", ["no filter", "old protocol"])
async def test_from_a_server_without_partial_clone_comes_everything(
    served: GitServer, origin: Origin, tmp_path: Path, why: str
) -> None:
    if why == "no filter":
        git(origin.path, "config", "uploadpack.allowFilter", "false")
    served.old = why == "old protocol"
    repository = await opened(served, tmp_path)
    assert await repository.history() is History.REFUSED
    assert missing(tmp_path) == []
    away(served)
    assert len(await repository.read_file(at(origin, "main~4"), "data.bin") or b"") == LARGE


async def test_a_server_that_takes_partial_clone_back_gives_everything(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    repository = await opened(served, tmp_path)
    assert missing(tmp_path)
    git(origin.path, "config", "uploadpack.allowFilter", "false")
    origin.commit({"data.bin": random.Random(8).randbytes(LARGE), "new": b"new"})
    await repository.fetch()
    assert await repository.history() is History.REFUSED
    assert missing(tmp_path) == []


async def test_a_base_that_the_remote_has_no_more_is_told_as_such(
    served: GitServer, origin: Origin, tmp_path: Path
) -> None:
    repository = await opened(served, tmp_path)
    base = at(origin, "main")
    git(origin.path, "update-ref", "refs/heads/main", at(origin, "main~2"))
    git(origin.path, "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
    with pytest.raises(PersonNeeded, match="rewritten") as paused:
        await repository.checkout(tmp_path / "tree", base)
    assert paused.value.reason is PauseReason.REMOTE_UNREACHABLE
