"""What the sandbox promises, it promises to an ordinary user as well as to root: the same tests, run again as `nobody`."""

import os
import shutil

import pytest

from tests.unprivileged import public_directory, run_tests_as_nobody, unavailable

MODULES = (
    "tests/adapters/test_sandbox_contract.py",
    "tests/adapters/test_sandbox_reading.py",
    "tests/adapters/test_sandbox_walls.py",
    "tests/pipeline/agents/test_tools_contained.py",
)


@pytest.mark.xdist_group("processes by name")
@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already; the modules ran as it")
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: apt-get install bubblewrap")
def test_the_walls_and_the_view_of_a_tree_hold_for_an_ordinary_user_too() -> None:
    if (reason := unavailable()) is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    with public_directory() as place:
        done = run_tests_as_nobody(place, *MODULES)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "skipped" not in done.stdout, done.stdout
