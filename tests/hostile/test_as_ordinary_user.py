"""The corpus once more where one unprivileged user runs it all, owns the repositories and owns what agents write."""

import os
import sys
from pathlib import Path

import pytest

from tests.hostile.unprivileged import NOBODY, SOURCES, run_as_nobody, unavailable

CORPUS = "tests/hostile"
LEFT_OUT = ("test_whole_line", "test_corpus", "test_every_door_is_known")
"""`test_commands` carries a change through a hostile repository with everything that one user starts; the others ask no user."""


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite itself runs as an ordinary user")
def test_the_corpus_holds_for_an_ordinary_user(place: Path) -> None:
    reason = unavailable()
    if reason is not None:
        pytest.skip(f"Only root was tried: {reason}.")
    home = place / "nobody"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    done = run_as_nobody(
        [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            CORPUS,
            "-q",
            "--tb=short",
            *(f"--ignore={CORPUS}/{name}.py" for name in LEFT_OUT),
            f"--basetemp={home}/pytest",
        ],
        environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"},
        cwd=SOURCES,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
