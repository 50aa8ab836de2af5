"""What the sandbox promises, it promises to an ordinary user as well as to root: the same tests, run again as `nobody`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.demoted import NOBODY

REPOSITORY = Path(__file__).parents[2]
MODULES = (
    "tests/adapters/test_sandbox_contract.py",
    "tests/adapters/test_sandbox_reading.py",
    "tests/adapters/test_sandbox_walls.py",
    "tests/pipeline/agents/test_tools_contained.py",
)


@pytest.fixture
def place() -> Iterator[Path]:
    """pytest's own temporary directories are closed to every other user."""
    path = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already; the modules ran as it")
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: apt-get install bubblewrap")
def test_the_walls_and_the_view_of_a_tree_hold_for_an_ordinary_user_too(place: Path) -> None:
    if not os.access(REPOSITORY, os.R_OK) or not _enterable_by_others(REPOSITORY):
        pytest.skip(f"nobody cannot be an ordinary user here: {REPOSITORY} lies below a directory closed to others")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.adapters.demoted", str(place), *MODULES],
        cwd=REPOSITORY, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (place / "told.json").exists(), ran.stdout[-3_000:] + ran.stderr[-3_000:]
    told = json.loads((place / "told.json").read_text())
    assert told["user"] == NOBODY
    assert told["reasons"] == {}, "\n".join(f"{name}:\n{why}" for name, why in told["reasons"].items())
    assert told["code"] == 0
    assert {name.partition("::")[0] for name in told["outcomes"]} == set(MODULES)
    assert set(told["outcomes"].values()) == {"passed"}


def _enterable_by_others(path: Path) -> bool:
    return all(directory.stat().st_mode & 0o001 for directory in (path, *path.parents))
