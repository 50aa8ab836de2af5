"""Git directories of trees: copies of a seed that nothing done to them reaches, also where the history is too large."""

from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.git.seeds import Seeds
from tests.adapters.git_world import ADA, Origin, git, make_origin, repository_of


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin) -> GitRepository:
    first = origin.commit({"a.txt": b"1"})
    git(origin.path, "tag", "v1", first)
    git(origin.path, "tag", "changeline-odd/v2", origin.commit({"a.txt": b"2"}))
    git(origin.path, "branch", "secret-plans", origin.commit({"plan": b"p"}, branch="plans"))
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


def inodes(directory: Path) -> set[int]:
    return {file.lstat().st_ino for file in directory.rglob("*") if file.is_file()}


async def test_a_tree_shares_no_file_with_the_cache_or_another_tree(repository: GitRepository, tmp_path: Path) -> None:
    base = str(await repository.branch_head("main"))
    head = await repository.commit_files(parent=base, files={"a.txt": b"3"}, message="x", author=ADA)
    trees = {tmp_path / "one": base, tmp_path / "two": base, tmp_path / "three": head}
    for tree, commit in trees.items():
        await repository.checkout(tree, commit)
        assert git(tree, "describe", "--tags") == (
            "changeline-odd/v2" if commit == base else f"changeline-odd/v2-1-g{head[:7]}"
        )
        assert git(tree, "branch", "-a", "--format=%(refname)") == "refs/heads/work"
        assert "plan" not in git(tree, "log", "--all", "--name-only", "--format=")
    places = [inodes(tmp_path / "cache"), *(inodes(tree) for tree in trees)]
    assert sum(map(len, places)) == len(set().union(*places))
    for file in (tmp_path / "one" / ".git").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.write_bytes(b"broken")
    await repository.checkout(tmp_path / "four", base)
    assert git(tmp_path / "four", "fsck", "--full") == ""


async def test_of_a_large_history_a_tree_has_one_commit(repository: GitRepository, tmp_path: Path) -> None:
    (git_dir,), (private,) = ((tmp_path / "cache").glob(name) for name in ("*.git", "*.trees"))
    commands = GitCommands(timeout_s=60)
    small = Seeds(git_dir, private, commands, history_max_bytes=0)
    base = str(await repository.branch_head("main"))
    head = await repository.commit_files(parent=base, files={"a.txt": b"3"}, message="x", author=ADA)
    for name, commit in (("one", base), ("two", head)):
        (tree := tmp_path / name).mkdir()
        await commands.run(
            "read-tree", "-u", "--reset", commit, git_dir=git_dir, work_tree=tree, index=tmp_path / "index"
        )
        await small.plant(tree / ".git", commit, index=tmp_path / "index")
        assert git(tmp_path / name, "status", "--porcelain") == ""
        assert git(tmp_path / name, "log", "-1", "--format=%H") == commit
        assert git(tmp_path / name, "describe", "--tags", "--abbrev=0") == "changeline-odd/v2"
        assert len(git(tmp_path / name, "log", "--format=%H").splitlines()) == (1 if commit == base else 2)


async def test_pruning_takes_the_seeds_of_work_that_is_over(repository: GitRepository, tmp_path: Path) -> None:
    await repository.checkout(tmp_path / "one", str(await repository.branch_head("main")))
    (place,) = (tmp_path / "cache").glob("*.trees/seeds")
    assert list(place.iterdir())
    await repository.remove_worktree(tmp_path / "one")
    assert await repository.prune() is None
    assert not place.exists()


async def test_tags_come_and_go_with_the_remote(repository: GitRepository, origin: Origin) -> None:
    assert set(await repository.refs("refs/tags/")) == {"refs/tags/v1", "refs/tags/changeline-odd/v2"}
    git(origin.path, "tag", "-d", "v1")
    git(origin.path, "tag", "-f", "changeline-odd/v2", "main~1")
    git(origin.path, "tag", "v1/below", "main")
    await repository.fetch()
    kept = await repository.refs("refs/tags/")
    assert set(kept) == {"refs/tags/v1/below", "refs/tags/changeline-odd/v2"}
    assert kept["refs/tags/changeline-odd/v2"] == git(origin.path, "rev-parse", "main~1")
