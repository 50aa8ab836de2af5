"""Trees are refused before git touches them; what a repository has always had keeps working."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.adapters.git import trees
from pipeline.adapters.git.repository import GitRepository
from pipeline.adapters.git.runner import GitCommands
from pipeline.adapters.git.tree_scan import Fault, TreeLimits, scan
from pipeline.errors import ModelError
from tests.adapters import hostile_trees
from tests.adapters.git_world import Origin, make_origin, repository_of, write
from tests.adapters.hostile_trees import HOSTILE, link, nested, sparse

NOBODY = 65_534


@pytest.mark.thorough
async def test_each_hostile_tree_is_refused_by_name_and_restored(tmp_path: Path) -> None:
    assert await hostile_trees.play(tmp_path) == len(HOSTILE)


@pytest.mark.thorough
def test_an_ordinary_user_refuses_and_restores_the_same() -> None:
    if os.geteuid() != 0:
        pytest.skip("the test above is an ordinary user's already")
    place = Path(tempfile.mkdtemp(prefix="changeline-test-trees-"))
    os.chown(place, NOBODY, NOBODY)
    drop = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
    script = f"import concurrent.futures.thread, encodings.ascii, encodings.idna, os, sys\nfrom tests.adapters.hostile_trees import main\n{drop}\nmain(sys.argv[1])"
    try:
        played = subprocess.run(
            [sys.executable, "-c", script, str(place)],
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)
    assert played.stdout.strip() == str(len(HOSTILE)), played.stderr[-3_000:]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


async def opened(tmp_path: Path, origin: Origin, base: str) -> tuple[GitRepository, Path]:
    repository = await repository_of(origin.path, tmp_path / "cache")
    await repository.fetch()
    await repository.add_worktree(tmp_path / "tree", base)
    return repository, tmp_path / "tree"


async def test_what_the_repository_has_always_had_keeps_working_and_may_not_be_made_worse(
    tmp_path: Path, origin: Origin
) -> None:
    link(origin.desk / "out", "/etc/hostname")
    link(origin.desk / "up", "way/../../x")
    link(origin.desk / "venv-of-ours", "shared/venv")
    link(origin.desk / "in", "folder/../src")
    link(origin.desk / ".gitattributes", "attributes")
    base = origin.commit({
        "README": b"1", "readme": b"2", "way/x": b"", "folder/sub/x": b"", "unit\\x2dname": b"", "src/x": b"",
        "attributes": b"", "big/.gitignore": b"# long\n" * 200_000, ".gitignore": b"/.venv/\n*.sock\n",
        "node/x": b"", "nested\x07bell": b"",
    })  # fmt: skip
    repository, tree = await opened(tmp_path, origin, base)
    write(tree, {"src/x": b"changed", ".venv/lib/A": b"", ".venv/lib/a": b"", ".venv/bin/x\\y": b""})
    link(tree / ".venv/bin/python", "/usr/bin/python3")
    sparse(tree / ".venv/cache", 2**40)
    head = await repository.snapshot(tree, parent=base, message="x")
    assert [file.path for file in await repository.changed_files(base, head)] == ["src/x"]

    async def refused(words: str) -> None:
        with pytest.raises(ModelError, match=words):
            await repository.snapshot(tree, parent=head, message="x")
        await repository.restore_worktree(tree, head)
        assert await repository.snapshot(tree, parent=head, message="x") == head

    (tree / "out").unlink()
    link(tree / "out", "/etc/passwd")
    await refused("Found: out$")
    shutil.rmtree(tree / "folder")
    link(tree / "folder", ".")
    await refused("Found: in$")
    write(tree, {"Readme": b"3"})
    await refused("Readme")
    write(tree, {"big/.gitignore": b"# long\n" * 500_000})
    await refused("big/.gitignore")
    (tree / ".gitattributes").unlink()
    link(tree / ".gitattributes", "/dev/zero")
    await refused("gitattributes")
    (tree / "README").unlink()
    assert await repository.snapshot(tree, parent=head, message="x") != head


async def test_sizes_and_numbers_count_what_is_new_or_changed_not_what_was_there(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = origin.commit(
        {f"old/{number}": b"x" * 100 for number in range(30)} | {".gitignore": b"/out/\n", "big": b"b" * 900}
    )
    limits = TreeLimits(changed_max=10, changed_max_bytes=800, file_max_bytes=500)
    monkeypatch.setattr(trees, "_LIMITS", limits)
    repository, tree = await opened(tmp_path, origin, base)
    write(tree, {f"out/{number}": b"x" * 900 for number in range(30)} | {"new": b"n"})
    head = await repository.snapshot(tree, parent=base, message="x")
    assert {file.path for file in await repository.changed_files(base, head)} == {"new"}
    write(tree, {"big": b"B" * 790})
    head = await repository.snapshot(tree, parent=head, message="it was as large before")
    for files in (
        {f"many/{number}": b"" for number in range(11)},
        {f"old/{number}": b"y" * 200 for number in range(5)},
    ):
        write(tree, files)
        with pytest.raises(ModelError, match="more than 10, or 800 bytes"):
            await repository.snapshot(tree, parent=head, message="x")
        await repository.restore_worktree(tree, head)
    write(tree, {"big": b"B" * 2_000})
    with pytest.raises(ModelError, match=r"larger than 500 bytes.* Found: big"):
        await repository.snapshot(tree, parent=head, message="x")


def test_a_walk_ends_at_its_limit_and_sees_every_kind_of_fault_at_once(tmp_path: Path) -> None:
    write(tmp_path, {f"d{number}/{name}": b"" for number in range(20) for name in "abcdefghij"})
    found = scan(tmp_path, TreeLimits(entries_max=50))
    assert Fault.ENTRIES in found.never
    assert found.entries < 100
    for kind in ("links", "pipes", "names"):
        (tmp_path / kind).mkdir()
        for number in range(100):
            match kind:
                case "links":
                    link(tmp_path / kind / str(number), "x" * 100)
                case "pipes":
                    os.mkfifo(tmp_path / kind / str(number))
                case _:
                    write(tmp_path, {f"{kind}/n{number}": b"", f"{kind}/N{number}": b""})
        found = scan(tmp_path, TreeLimits(told_max_bytes=500))
        assert Fault.TOLD in found.never
        kept = [*found.links, *found.links.values(), *(path for group in found.collisions for path in group)]
        assert sum(map(len, [*kept, *found.never.get(Fault.SPECIAL, [])])) < 1_000
        shutil.rmtree(tmp_path / kind)
    os.mkfifo(tmp_path / "pipe")
    nested(tmp_path / "deep", 300)
    found = scan(tmp_path, TreeLimits())
    assert set(found.never) == {Fault.SPECIAL, Fault.DEPTH}


async def test_a_git_command_that_finds_no_end_in_a_tree_is_the_agents_to_mend(tmp_path: Path, origin: Origin) -> None:
    base = origin.commit({"a": b"a"})
    _, tree = await opened(tmp_path, origin, base)
    hurried = await repository_of(origin.path, tmp_path / "cache", GitCommands(timeout_s=0.001))
    write(tree, {"b": b"b"})
    with pytest.raises(ModelError, match="did not finish") as told:
        await hurried.snapshot(tree, parent=base, message="x")
    assert told.value.facts["timeout_s"] == 0.001


async def test_restoring_over_a_giant_costs_nothing_and_ignored_files_survive_a_harmless_tree(
    tmp_path: Path, origin: Origin
) -> None:
    base = origin.commit({"a.txt": b"a", ".gitignore": b"/out/\n"})
    repository, tree = await opened(tmp_path, origin, base)
    write(tree, {"out/built": b"b"})
    sparse(tree / "a.txt", 2**40)
    sparse(tree / "new", 2**40)
    await repository.restore_worktree(tree, base)
    assert (tree / "a.txt").read_bytes() == b"a"
    assert not (tree / "new").exists()
    assert (tree / "out/built").read_bytes() == b"b"
