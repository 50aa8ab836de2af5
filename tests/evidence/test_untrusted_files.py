"""Trees that lead elsewhere: nothing is read or written outside the checkout."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import InvariantBroken
from pipeline.machine.tree_walk import discard
from pipeline.ports import CommandResult
from pipeline.proof.canary import plant
from pipeline.proof.results.test_results import read_results
from pipeline.proof.test_commands import Places, plan_command
from pipeline.proof.untrusted_files import ReportUnreadable, inside, read_regular, read_source, walk_files, write_over
from tests.adapters.hostile_trees import nested
from tests.evidence.plain_sandbox import PYTEST


def test_a_linked_directory_is_replaced_before_anything_is_written_below_it(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    (outside / "unit").mkdir(parents=True)
    (tree / "tests").symlink_to(outside)
    (tree / "gone.py").symlink_to(outside / "unit")
    assert plant(PYTEST, tree, ["tests/unit/test_a.py"], variables={})[0] is None
    write_over(tree, {"tests/unit/test_a.py": b"restored", "gone.py": None, "new/x.py": b"x"})
    assert sorted(walk_files(tree)) == ["new/x.py", "tests/unit/test_a.py"]
    assert [path for path in outside.rglob("*") if path.is_file()] == []
    with pytest.raises(InvariantBroken):
        write_over(tree, {"../escape.py": b"x"})


def test_links_pipes_and_large_files_are_not_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "secret.toml").write_text("--cov")
    (tree / "pyproject.toml").symlink_to(tmp_path / "secret.toml")
    os.mkfifo(tree / "setup.cfg")
    (tree / "big.ini").write_text("x" * 100)
    assert [read_source(tree, name) for name in ("pyproject.toml", "setup.cfg", "../secret.toml", "none")] == [""] * 4
    with pytest.raises(ReportUnreadable, match="larger than 10 bytes"):
        read_regular(tree / "big.ini", max_bytes=10)


def test_what_a_test_process_made_of_its_tree_is_read_and_removed_without_following_or_breaking(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "tests").mkdir(parents=True)
    (tree / "tests/test_a.py").write_text("def test_a(): pass\n")
    outside.mkdir()
    canary, _ = plant(PYTEST, tree, ["tests/test_a.py"], variables={})
    assert canary is not None
    command = plan_command(
        replace(PYTEST, runner="make", test_command="make t --junitxml=out/r.xml"), places(tree), None
    )
    (tree / "tests").rename(tree / "moved")
    for name in (canary.file.removeprefix("tests/"), "r.xml"):
        (outside / name).write_text("<testsuite><testcase name='forged'/></testsuite>")
    (tree / "tests").symlink_to(outside)
    (tree / "out").symlink_to(outside)
    (tree / "loop").symlink_to("loop")
    canary.remove()
    results = read_results(command, CommandResult(exit_code=0, output=""), tree)
    assert (results.cases, len(results.complaints)) == ([], 1)
    assert sorted(path.name for path in outside.iterdir()) == sorted((canary.file.removeprefix("tests/"), "r.xml"))
    assert inside(tree, "loop/x") is None
    (tree / "tests").unlink()
    (tree / "tests").write_text("a file where the directory was")
    canary.remove()
    nested(tree / "deep", 3_000)
    assert "moved/test_a.py" in set(walk_files(tree))
    discard(tree)
    assert not tree.exists()


def places(tree: Path) -> Places:
    return Places(tree=tree, tools=tree.parent, results=tree.parent)


def test_a_file_that_was_executable_stays_so_when_it_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(b"changed")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("/bin/sh")
    write_over(tmp_path, {"run.sh": b"#!/bin/sh\n", "link": b"plain", "new": b"n"})
    modes = {name: (tmp_path / name).lstat().st_mode & 0o777 for name in ("run.sh", "link", "new")}
    assert modes["run.sh"] == 0o755
    assert not modes["link"] & 0o111 and not modes["new"] & 0o111
