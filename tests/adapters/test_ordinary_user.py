"""What the sandbox promises, it promises to an ordinary user as well as to root: the same tests, run again as `nobody`."""

import os
import shutil

import pytest

from tests.unprivileged import public_directory, run_tests_as_nobody, unavailable

WALLS = (
    "tests/adapters/test_sandbox_walls.py",
    "--deselect=tests/adapters/test_sandbox_walls.py::test_a_fork_bomb_stays_within_its_limit",
)
MODULES = (
    "tests/adapters/test_sandbox_contract.py",
    "tests/adapters/test_sandbox_reading.py",
    "tests/adapters/test_sandbox_walls.py",
    "tests/pipeline/agents/test_tools_contained.py",
)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already; the modules ran as it"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: apt-get install bubblewrap"),
]


def _hold(*selection: str) -> None:
    if (reason := unavailable()) is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    with public_directory() as place:
        done = run_tests_as_nobody(place, *selection)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "skipped" not in done.stdout, done.stdout


@pytest.mark.thorough
def test_the_walls_hold_for_an_ordinary_user_too() -> None:
    _hold(*WALLS)


@pytest.mark.thorough
def test_everything_that_the_sandbox_promises_holds_for_an_ordinary_user_too() -> None:
    _hold(*MODULES)
