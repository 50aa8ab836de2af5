"""Trees written by somebody who wants git to run a program, read a secret or lose the change."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.errors import ModelError
from tests.adapters.git_world import ADA, Origin, content, git, make_origin, repository_of, write


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": b"a\n"})


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin, base: str) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


@pytest.fixture
async def tree(tmp_path: Path, repository: GitRepository, base: str) -> Path:
    path = tmp_path / "tree"
    await repository.add_worktree(path, base)
    return path


def trap(tmp_path: Path) -> Path:
    """A program that leaves `sprung` behind when anything runs it."""
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    program.chmod(0o755)
    return program


def armed_config(program: Path) -> str:
    return (
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = {program}\n\thooksPath = {program.parent}\n"
        f"\tsshCommand = {program}\n\tpager = {program}\n\teditor = {program}\n\tworktree = /etc\n"
        f'[filter "evil"]\n\tclean = {program}\n\tsmudge = {program}\n\tprocess = {program}\n\trequired = true\n'
        f'[diff "evil"]\n\ttextconv = {program}\n\tcommand = {program}\n[merge "evil"]\n\tdriver = {program}\n'
        f"[include]\n\tpath = {program.parent}/more\n[uploadpack]\n\tpackObjectsHook = {program}\n"
    )


async def use_everything(repository: GitRepository, tree: Path, base: str, onto: str) -> str:
    """Do with a tree all that the pipeline ever does with one."""
    head = await repository.snapshot(tree, parent=base, message="x")
    await repository.diff(base, head)
    await repository.changed_files(base, head)
    await repository.restore_worktree(tree, head)
    await repository.checkout(tree.with_name("clean"), head)
    await repository.rebase(commits_from=base, head=head, onto=onto, worktree=tree, author=ADA)
    await repository.remove_worktree(tree)
    return head


ATTRIBUTES = b"* filter=evil diff=evil merge=evil text eol=crlf ident\n"


def test_the_trap_springs_for_whoever_discovers_git_from_the_tree(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", str(tmp_path / "naive"))
    (tmp_path / "naive/.git/config").write_text(armed_config(trap(tmp_path)).replace("worktree = /etc", ""))
    write(tmp_path / "naive", {"a": b"a"})
    git(tmp_path / "naive", "add", "a")
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("disguise", ["directory", "file", "symlink", "bare"])
async def test_a_replaced_git_directory_is_data(
    repository: GitRepository, origin: Origin, base: str, tree: Path, tmp_path: Path, disguise: str
) -> None:
    onto = origin.commit({"b.txt": b"b", "a.txt": b"their a\n"})
    await repository.fetch()
    program = trap(tmp_path)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "post-rewrite"):
        shutil.copy(program, tmp_path / hook)
    shutil.rmtree(tree / ".git")
    evil = tree / ".git" if disguise == "directory" else tmp_path / "evil.git"
    git(tmp_path, "init", "-q", "--bare", str(evil))
    (evil / "config").write_text(armed_config(program))
    (evil / "info").mkdir(exist_ok=True)
    (evil / "info" / "attributes").write_bytes(ATTRIBUTES)
    if disguise == "file":
        (tree / ".git").write_text(f"gitdir: {evil}\n")
    elif disguise == "symlink":
        (tree / ".git").symlink_to(evil)
    elif disguise == "bare":
        shutil.copytree(evil, tree, dirs_exist_ok=True)
        (tree / ".git").mkdir()
    write(tree, {".gitattributes": ATTRIBUTES, "a.txt": b"changed\n"})

    head = await use_everything(repository, tree, base, onto)
    assert not (tmp_path / "sprung").exists()
    assert await repository.read_file(head, "a.txt") == b"changed\n"
    assert not [path for path in await repository.list_files(head) if path.startswith(".git/")]


async def test_a_submodule_of_the_base_stays_and_cannot_be_armed(
    repository: GitRepository, origin: Origin, tree: Path, tmp_path: Path
) -> None:
    write(origin.desk, {".gitmodules": b'[submodule "sub"]\n\tpath = sub\n\turl = ../sub\n\tignore = none\n'})
    git(origin.desk, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    git(origin.desk, "add", ".gitmodules")
    git(origin.desk, "commit", "-q", "-m", "sub")
    git(origin.desk, "push", "-q", str(origin.path), "HEAD:refs/heads/with-sub")
    await repository.fetch()
    base = await repository.branch_head("with-sub")
    assert base is not None
    await repository.restore_worktree(tree, base)
    assert await repository.snapshot(tree, parent=base, message="x") == base
    write(tree, {"new": b"n"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert [file.path for file in await repository.changed_files(base, head)] == ["new"]

    git(tree / "sub", "init", "-q")
    (tree / "sub/.git/config").write_text(armed_config(trap(tmp_path)))
    write(tree, {".gitignore": b"sub/\n"})
    with pytest.raises(ModelError, match=r"sub/\.git"):
        await repository.snapshot(tree, parent=base, message="x")
    await repository.restore_worktree(tree, head)
    assert not (tree / "sub/.git").exists()
    assert await repository.snapshot(tree, parent=head, message="x") == head
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("kind", ["committed", "unborn", "file", "symlink", "spelled"])
async def test_every_kind_of_nested_repository_is_refused(
    repository: GitRepository, base: str, tree: Path, tmp_path: Path, kind: str
) -> None:
    inner = tree / "deep/inner"
    inner.mkdir(parents=True)
    write(inner, {"x": b"x"})
    if kind in {"committed", "unborn"}:
        git(inner, "init", "-q")
    if kind == "committed":
        git(inner, "add", "x")
        git(inner, "commit", "-q", "-m", "x")
    if kind == "file":
        (inner / ".git").write_text(f"gitdir: {tree}/.git\n")
    if kind == "symlink":
        (inner / ".git").symlink_to(tree / ".git")
    if kind == "spelled":
        write(inner, {".GIT/config": b"x"})
    with pytest.raises(ModelError, match=r"(?i)deep/inner/\.git") as refused:
        await repository.snapshot(tree, parent=base, message="x", edited=["deep/inner/x"])
    assert [path.lower() for path in refused.value.facts["paths"]] == ["deep/inner/.git"]  # type: ignore[union-attr]  # a list
    await repository.restore_worktree(tree, base)
    assert content(tree) == {"a.txt": b"a\n"}


async def test_repositories_that_a_suite_made_are_left_where_they_are(
    repository: GitRepository, base: str, tree: Path, tmp_path: Path
) -> None:
    for name in ("made", "odd [name]*", "tests/sand box"):
        (tree / name).mkdir(parents=True)
        git(tree / name, "init", "-q")
        write(tree / name, {"x": b"x", ".git/config": armed_config(trap(tmp_path)).encode()})
    write(tree, {"odd n": b"n", "tests/kept": b"k", "a.txt": b"changed\n"})
    head = await repository.snapshot(tree, parent=base, message="x", edited=["a.txt"])
    assert await repository.list_files(head) == ["a.txt", "odd n", "tests/kept"]
    assert (tree / "made/x").exists()

    fixture = await repository.commit_files(
        parent=base, files={"made/case/dot-git/HEAD": b"ref: x\n"}, message="x", author=ADA
    )
    await repository.restore_worktree(tree, fixture)
    assert (tree / "made/case/dot-git/HEAD").exists()
    git(tree / "made", "init", "-q")
    with pytest.raises(ModelError, match=r"made/\.git"):
        await repository.snapshot(tree, parent=fixture, message="it would hide files of the commit")
    write(tree, {"pipe/.git/x": b""})
    os.mkfifo(tree / "pipe/.git/HEAD")
    shutil.rmtree(tree / "made/.git")
    with pytest.raises(ModelError, match=r"pipe/\.git"):
        await repository.snapshot(tree, parent=fixture, message="git would wait for it")
    assert not (tmp_path / "sprung").exists()


async def test_nested_repositories_below_ignored_directories_are_not_our_business(
    repository: GitRepository, base: str, tree: Path
) -> None:
    write(tree, {".gitignore": b"/env/\n", "env/src/lib/.git/HEAD": b"ref: refs/heads/main\n", "env/src/lib/x": b"x"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert await repository.list_files(head) == [".gitignore", "a.txt"]
    await repository.restore_worktree(tree, head)
    assert (tree / "env/src/lib/.git/HEAD").exists()


async def test_committed_links_out_of_the_tree_stay_links_and_are_never_followed(
    repository: GitRepository, origin: Origin, tree: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"outside/precious": b"p"})
    (origin.desk / "way-out").symlink_to(tmp_path / "outside")
    base = origin.commit({"a.txt": b"a\n"})
    await repository.fetch()
    await repository.restore_worktree(tree, base)
    write(tree, {"b.txt": b"b"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert [file.path for file in await repository.changed_files(base, head)] == ["b.txt"]
    assert await repository.read_file(head, "way-out") is None
    files = await repository.commit_files(
        parent=base, files={"way-out/precious": b"inside", "way-out/.gitignore": b""}, message="x", author=ADA
    )
    await repository.restore_worktree(tree, files)
    assert (tree / "way-out/precious").read_bytes() == b"inside"
    assert not (tree / "way-out").is_symlink()
    (tree / "a.txt").unlink()
    (tree / "a.txt").symlink_to(tmp_path / "outside/precious")
    await repository.restore_worktree(tree, base)
    assert (tree / "a.txt").read_bytes() == b"a\n"
    await repository.remove_worktree(tree)
    assert content(tmp_path / "outside") == {"precious": b"p"}


async def test_a_tree_that_became_a_link_is_not_followed(
    repository: GitRepository, base: str, tree: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"outside/precious": b"p"})
    shutil.rmtree(tree)
    tree.symlink_to(tmp_path / "outside")
    with pytest.raises(ModelError, match="tree itself"):
        await repository.snapshot(tree, parent=base, message="x")
    await repository.restore_worktree(tree, base)
    assert content(tree) == {"a.txt": b"a\n"}
    shutil.rmtree(tree)
    tree.symlink_to(tmp_path / "outside")
    await repository.remove_worktree(tree)
    assert content(tmp_path / "outside") == {"precious": b"p"}
    assert not tree.is_symlink()


async def test_closed_and_very_deep_directories_hide_and_break_nothing(
    repository: GitRepository, base: str, tree: Path
) -> None:
    write(tree, {"closed/file": b"f"})
    head = await repository.snapshot(tree, parent=base, message="x")
    (tree / "closed").chmod(0)
    assert await repository.snapshot(tree, parent=head, message="x") == head

    descriptor = os.open(tree, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deeper", dir_fd=descriptor)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    with pytest.raises(ModelError, match="deeper"):
        await repository.snapshot(tree, parent=head, message="x")
    (tree / "closed").chmod(0)
    await repository.remove_worktree(tree)
    assert not tree.exists()


async def test_names_that_are_not_text_are_refused_when_new_and_survive_when_old(
    repository: GitRepository, origin: Origin, base: str, tree: Path
) -> None:
    raw = os.fsdecode(b"caf\xe9.txt")
    write(tree, {raw: b"x"})
    with pytest.raises(ModelError, match="UTF-8"):
        await repository.snapshot(tree, parent=base, message="x")
    old = origin.commit({raw: b"old"})
    await repository.fetch()
    await repository.restore_worktree(tree, old)
    assert raw in await repository.list_files(old)
    assert await repository.read_file(old, raw) == b"old"
    write(tree, {"a.txt": b"changed"})
    head = await repository.snapshot(tree, parent=old, message="x")
    assert await repository.read_file(head, raw) == b"old"


async def test_attributes_in_a_commit_cannot_hide_a_file_from_the_diff(
    repository: GitRepository, base: str, tree: Path
) -> None:
    write(tree, {".gitattributes": b"*.py binary -diff\n", "evil.py": b"import os\n"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert "+import os\n" in await repository.diff(base, head)
    assert not any(file.binary for file in await repository.changed_files(base, head))


async def test_pathspec_magic_in_names_means_nothing(repository: GitRepository, base: str, tree: Path) -> None:
    write(tree, {":(glob)*": b"odd", "*": b"star", "b.txt": b"b"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert await repository.read_file(head, ":(glob)*") == b"odd"
    assert await repository.read_file(head, "*") == b"star"
    assert "b.txt" not in await repository.diff(base, head, paths=["*"])
