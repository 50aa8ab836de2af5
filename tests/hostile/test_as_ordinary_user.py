"""The corpus once more where one unprivileged user runs it all, owns the repositories and owns what agents write."""

import os
from pathlib import Path

import pytest

from tests.unprivileged import run_tests_as_nobody, unavailable

CORPUS = "tests/hostile"
LEFT_OUT = ("test_whole_line", "test_corpus", "test_every_door_is_known")
"""`test_commands` carries a change through a hostile repository with everything that one user starts; the others ask no user."""


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")
def test_the_corpus_holds_for_an_ordinary_user(place: Path) -> None:
    if (reason := unavailable()) is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    done = run_tests_as_nobody(place, CORPUS, *(f"--ignore={CORPUS}/{name}.py" for name in LEFT_OUT))
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
