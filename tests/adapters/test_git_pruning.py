"""What no ref keeps leaves the cache when nobody uses it, and never while somebody does."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.runner import GitCommands
from pipeline.errors import TransientError
from tests.adapters.git_world import ADA, Origin, git, make_origin, repository_of, write

ROUNDS = 12
WORKING = """
import asyncio, os, sys
from pathlib import Path
from tests.adapters.git_world import ADA, repository_of

async def work(remote, cache, base, name):
    # As change requests do: open, write what no ref keeps yet, keep it, leave; the next one builds on what was kept.
    parent = base
    for number in range(int(sys.argv[5])):
        repository = await repository_of(remote, cache)
        made = await repository.commit_files(
            parent=parent, files={f"{name}/{number}": os.urandom(2000)}, message="x", author=ADA)
        lost = await repository.commit_files(parent=made, files={"lost": os.urandom(2000)}, message="x", author=ADA)
        assert await repository.has_commit(made) and await repository.has_commit(lost)
        await repository.update_ref(f"refs/changeline/keep/{name}/1/head", made)
        parent = made
        repository.close()
        if number == int(sys.argv[5]) // 2:
            (cache / f"{name}.closed").touch()
            sys.stdin.readline()
    print(parent)

asyncio.run(work(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
"""
HOLDING = """
import asyncio, sys
from pathlib import Path
from tests.adapters.git_world import repository_of

async def hold(remote, cache):
    repository = await repository_of(remote, cache)
    print("open", flush=True)
    sys.stdin.read()

asyncio.run(hold(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": b"a"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


async def opened(origin: Origin, cache: Path) -> GitRepository:
    repository = await repository_of(origin.path, cache)
    await repository.fetch()
    return repository


async def garbage(repository: GitRepository, base: str) -> str:
    return await repository.commit_files(parent=base, files={"g": os.urandom(100)}, message="x", author=ADA)


async def test_what_no_ref_keeps_goes_and_the_rest_stays(
    origin: Origin, cache: Path, base: str, tmp_path: Path
) -> None:
    repository = await opened(origin, cache)
    await repository.add_worktree(tmp_path / "tree", base)
    write(tmp_path / "tree", {"big": os.urandom(100_000)})
    large = await repository.snapshot(tmp_path / "tree", parent=base, message="x")
    write(tmp_path / "tree", {"big": None, "kept": b"k"})
    kept = await repository.snapshot(tmp_path / "tree", parent=base, message="x")
    await repository.update_ref("refs/changeline/keep/cr/1/x", kept)
    assert await repository.prune() is None
    again = await repository_of(origin.path, cache)
    assert [await again.has_commit(one) for one in (large, kept, base)] == [False, True, True]
    assert await again.read_file(kept, "kept") == b"k"
    write(tmp_path / "tree", {"more": b"m"})
    head = await again.snapshot(tmp_path / "tree", parent=kept, message="the tree still works")
    assert {file.path for file in await again.changed_files(kept, head)} == {"more"}


async def test_nothing_goes_while_another_process_or_object_has_the_cache_open_and_the_dead_hold_nothing(
    origin: Origin, cache: Path, base: str
) -> None:
    repository = await opened(origin, cache)
    lost = await garbage(repository, base)
    other = started(HOLDING, origin.path, cache)
    assert other.stdout is not None and other.stdout.readline() == "open\n"
    assert await repository.prune() == "the cache is in use"
    other.kill()
    other.communicate()
    third, second = await repository_of(origin.path, cache), await repository_of(origin.path, cache)
    assert await second.has_commit(lost)
    assert await second.prune() == "the cache is in use"
    del second
    assert await third.prune() is None
    assert await third.prune() == "the cache is in use", "it gave up its share; nothing is pruned by one who has none"
    assert not await (await repository_of(origin.path, cache)).has_commit(lost)


async def test_whoever_opens_a_cache_that_is_being_pruned_waits_and_is_told_when_it_takes_too_long(
    origin: Origin, cache: Path
) -> None:
    pruning = await opened(origin, cache)
    assert pruning._share.alone()  # as it is for the length of a prune
    with pytest.raises(TransientError, match="pruning"):
        await repository_of(origin.path, cache, GitCommands(timeout_s=0.1))
    waiting = asyncio.create_task(repository_of(origin.path, cache))
    await asyncio.sleep(0)
    pruning.close()
    assert (await waiting).name == "sample"


async def test_change_requests_on_one_cache_lose_nothing_to_the_ends_of_others(
    origin: Origin, cache: Path, base: str
) -> None:
    (await opened(origin, cache)).close()
    workers = [started(WORKING, origin.path, cache, base, name, ROUNDS) for name in ("one", "two")]
    both_wait = False
    while any(worker.poll() is None for worker in workers) and not any(worker.poll() for worker in workers):
        ending = await repository_of(origin.path, cache)
        await garbage(ending, base)
        why_not = await ending.prune()
        if both_wait:
            assert why_not is None
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write("go on\n")
                worker.stdin.flush()
        both_wait = not both_wait and len(list(cache.glob("*.closed"))) == len(workers)
        for closed in cache.glob("*.closed") if both_wait else ():
            closed.unlink()
    told = [worker.communicate() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    last = await repository_of(origin.path, cache)
    assert await last.prune() is None
    (git_dir,) = cache.glob("*.git")
    assert "missing" not in git(git_dir, "fsck", "--full", "--no-dangling")
    looking = await repository_of(origin.path, cache)
    for name, (heads, _) in zip(("one", "two"), told, strict=True):
        head = heads.strip()
        assert {path for path in await looking.list_files(head) if path.startswith(name)} == {
            f"{name}/{number}" for number in range(ROUNDS)
        }
