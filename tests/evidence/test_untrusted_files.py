"""Trees that lead elsewhere: nothing is read or written outside the checkout."""

import os
from pathlib import Path

import pytest

from pipeline.errors import InvariantBroken
from pipeline.evidence.canary import plant
from pipeline.evidence.untrusted_files import ReportUnreadable, read_regular, read_source, walk_files, write_over
from tests.evidence.plain_sandbox import PYTEST


def test_a_linked_directory_is_replaced_before_anything_is_written_below_it(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    (outside / "unit").mkdir(parents=True)
    (tree / "tests").symlink_to(outside)
    (tree / "gone.py").symlink_to(outside / "unit")
    assert plant(PYTEST, tree, ["tests/unit/test_a.py"]) is None
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
