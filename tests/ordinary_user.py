"""Scripts that run as an ordinary user, also where the tests run as root."""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

NOBODY = 65534
_REPOSITORY = Path(__file__).parents[1]


def run_as_nobody(script: str, *arguments: str, imports: str) -> list[str]:
    """Run a script to its end as `nobody` (when this is root, else as this user) and return the lines it printed.

    `imports` are done before the user changes: the interpreter's own library may lie below a home that nobody enters.
    """
    drop = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})" if os.geteuid() == 0 else ""
    head = f"import concurrent.futures.thread, encodings.ascii, encodings.idna, os, sys, {imports}\n{drop}\n"
    done = subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(script), *arguments],
        env={"PYTHONPATH": str(_REPOSITORY), "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
        cwd="/", capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def public_directory(owner: int | None = None) -> Iterator[Path]:
    """Make a directory that every user can enter; it belongs to `owner` where this is root."""
    directory = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    directory.chmod(0o755)
    if owner is not None and os.geteuid() == 0:
        os.chown(directory, owner, owner)
    try:
        yield directory
    finally:
        rmtree(directory)
