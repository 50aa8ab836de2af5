"""Large trees that are given back become later ones, which nothing tells from fresh ones."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.spare_trees import ENTRIES_MIN
from pipeline.adapters.sandbox.identity import give, identity_for, user_of_a_new_tree
from tests.adapters.git_world import Origin, content, git, make_origin, repository_of, write


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    made = make_origin(tmp_path / "origin")
    (made.desk / "link").symlink_to("a.py")
    write(made.desk, {"run.sh": b"#!/bin/sh\n"})
    (made.desk / "run.sh").chmod(0o755)
    files = {f"lib{number % 10}/f{number}": b"%d\n" % number for number in range(ENTRIES_MIN)}
    made.commit({"a.py": b"A = 1\n", "b.py": b"B = 1\n", "sub/c.py": b"C = 1\n", ".gitignore": b"*.log\n", **files})
    return made


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


def modes(tree: Path) -> dict[str, int]:
    paths = [path for path in tree.rglob("*") if ".git" not in path.relative_to(tree).parts]
    return {str(path.relative_to(tree)): stat.S_IMODE(path.lstat().st_mode) for path in paths}


def disturb(tree: Path) -> None:
    """Leave everything behind that a test run could, with forged times where that goes."""
    before = (tree / "a.py").stat()
    (tree / "a.py").write_bytes(b"A = 2\n")
    (tree / "lib1/f1").chmod(0o600)
    (tree / "lib2/f2").unlink()
    os.link(tree / "lib3/f3", tree / "lib2/f2")
    (tree / "lib4/f4").unlink()
    (tree / "lib4/f4").symlink_to("/etc/passwd")
    (tree / "link").unlink()
    (tree / "sub").rename(tree / "gone")
    (tree / "lib5").chmod(0o777)
    write(tree, {"new.py": b"n", "x.log": b"ignored", "run.sh": b"#!/bin/sh\nfalse\n", "lib6/deep/new": b""})
    (tree / "run.sh").chmod(0o644)
    os.mkfifo(tree / "pipe.log")
    git(tree, "init", "-q", "nested")
    git(tree, "config", "core.fsmonitor", f"touch {tree}/../sprung")
    for path in ("a.py", "new.py", "x.log", "pipe.log", "run.sh"):
        os.utime(tree / path, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_a_tree_made_of_another_is_as_a_fresh_one(
    repository: GitRepository, origin: Origin, tmp_path: Path
) -> None:
    base = str(await repository.branch_head("main"))
    head = origin.commit({"b.py": b"B = 2\n", "lib7/f7": None, "d/new.py": b"D = 1\n"})
    await repository.fetch()
    trees = tmp_path / "trees"
    await repository.checkout(trees / "one", base)
    kept = (trees / "one/lib0/f0").stat().st_ino
    disturb(trees / "one")
    await repository.give_back(trees / "one")
    assert not (trees / "one").exists()

    await repository.checkout(trees / "two", head)
    other = await repository_of(origin.path, tmp_path / "other")
    await other.fetch()
    await other.checkout(tmp_path / "fresh", head)
    assert content(trees / "two") == content(tmp_path / "fresh")
    assert modes(trees / "two") == modes(tmp_path / "fresh")
    assert git(trees / "two", "status", "--porcelain", "--ignored") == ""
    assert not list(tmp_path.rglob("sprung"))
    assert (trees / "two/lib0/f0").stat().st_ino == kept
    assert (trees / "two/a.py").stat().st_nlink == 1

    write(trees / "two", {"b.py": b"B = 3\n"})
    assert len(await repository.changed_files(head, await repository.snapshot(trees / "two", parent=head, message="x")))
    await repository.give_back(trees / "two")
    await repository.drop_spares()
    assert list(trees.iterdir()) == []
    await repository.give_back(trees / "two")


async def test_a_tree_that_an_agent_had_is_never_one_in_which_the_pipeline_tests(
    repository: GitRepository, tmp_path: Path
) -> None:
    base, trees = str(await repository.branch_head("main")), tmp_path / "trees"
    for make, of_tests, of_agents in ((repository.add_worktree, False, True), (repository.checkout, True, True)):
        await make(trees / "first", base)
        inode = (trees / "first").stat().st_ino
        await repository.give_back(trees / "first")
        for other, taken in ((repository.checkout, of_tests), (repository.add_worktree, of_agents)):
            await other(trees / "second", base)
            assert ((trees / "second").stat().st_ino == inode) is taken
            await repository.give_back(trees / "second") if taken else await repository.remove_worktree(
                trees / "second"
            )
        await repository.drop_spares()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands trees to users of their own")
async def test_a_tree_is_written_as_its_later_user_so_that_nothing_changes_hands(
    origin: Origin, tmp_path: Path
) -> None:
    repository = await repository_of(origin.path, tmp_path / "cache", new_user=user_of_a_new_tree)
    await repository.fetch()
    base, trees = str(await repository.branch_head("main")), tmp_path / "trees"
    await repository.checkout(trees / "one", base)
    given = {path: path.lstat().st_ctime_ns for path in files(trees / "one")}
    owners = {path.lstat().st_uid for path in given}
    assert len(owners) == 1
    assert 0 not in owners

    user = identity_for(trees / "one")
    assert {user.uid} == owners
    give(trees / "one", user)
    assert given == {path: path.lstat().st_ctime_ns for path in files(trees / "one")}

    (trees / "one/a.py").write_bytes(b"A = 2\n")
    before = (trees / "one/b.py").stat()
    (trees / "one/b.py").write_bytes(b"B = 3\n")
    os.utime(trees / "one/b.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    kept = (trees / "one/lib0/f0").stat().st_ino
    await repository.give_back(trees / "one")
    await repository.checkout(trees / "two", base)
    assert (trees / "two/lib0/f0").stat().st_ino == kept
    assert (trees / "two/b.py").read_bytes() == b"B = 1\n"
    assert {path.lstat().st_uid for path in files(trees / "two")} == owners == {identity_for(trees / "two").uid}
    await repository.checkout(trees / "three", base)
    assert owners.isdisjoint({path.lstat().st_uid for path in files(trees / "three")})
    await repository.restore_worktree(trees / "two", base)
    assert {path.lstat().st_uid for path in files(trees / "two")} == owners


def files(tree: Path) -> list[Path]:
    return [path for path in tree.rglob("*") if path.relative_to(tree).parts[0] != ".git"]
