"""The corpus once more where one unprivileged user runs it all, owns the repositories and owns what agents write.

The short form looks at the repository that holds every configured trap, through every door, and lets a person stand in it and
carry a change through it; the whole corpus is a thorough test.
"""

import os
from pathlib import Path

import pytest

from tests.unprivileged import run_tests_as_nobody, unavailable

CORPUS = "tests/hostile"
LEFT_OUT = ("test_whole_line", "test_corpus", "test_every_door_is_known")
"""`test_commands` carries a change through a hostile repository with everything that one user starts; the others ask no user."""
SHORT = (f"{CORPUS}/test_doors.py", f"{CORPUS}/test_commands.py", "-k", "everything or stands_in")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")


def _hold(place: Path, *selection: str) -> None:
    if (reason := unavailable()) is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    done = run_tests_as_nobody(place, *selection)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]


@pytest.mark.thorough
@AS_ROOT
def test_the_doors_and_a_whole_run_hold_for_an_ordinary_user(place: Path) -> None:
    _hold(place, *SHORT)


@AS_ROOT
@pytest.mark.thorough
def test_the_corpus_holds_for_an_ordinary_user(place: Path) -> None:
    _hold(place, CORPUS, *(f"--ignore={CORPUS}/{name}.py" for name in LEFT_OUT))
