"""Real servers in directories that the servers' own user can reach."""

import os
import queue
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.local.servers import LocalServers
from pipeline.settings.process import ProcessSettings, RedisSettings

REPOSITORY = Path(__file__).parents[3]
NOBODY = 65_534
RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


class Said:
    """A `report` callback whose sentences a test can wait for."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()

    def __call__(self, sentence: str) -> None:
        self.all.append(sentence)
        self._queue.put(sentence)

    def wait_for(self, part: str) -> str:
        while part not in (sentence := self._queue.get(timeout=60)):
            pass
        return sentence


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def place() -> Iterator[Path]:
    """pytest's own temporary directories are closed to every other user."""
    path = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def settings(place: Path) -> ProcessSettings:
    return ProcessSettings(data_dir=place / "data", redis=RedisSettings(embedded=False))


@pytest.fixture(scope="module")
def servers() -> Iterator[LocalServers]:
    """One running installation for the tests that only look."""
    path = Path(tempfile.mkdtemp(prefix="changeline-test-"))
    path.chmod(0o755)
    with LocalServers(ProcessSettings(data_dir=path / "data"), report=Said(), durable=False) as running:
        yield running
    shutil.rmtree(path)


@pytest.fixture
def ordinary_python() -> RunPython:
    """Run a script as an ordinary user: as `nobody` when the tests run as root, else as whoever runs them."""

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        drop = f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})" if os.geteuid() == 0 else ""
        # Imports come first: the interpreter's own library may lie below a home that nobody can enter.
        head = f"import encodings.ascii, encodings.idna, os, sys, psycopg, cli.local.up, cli.local.backup\n{drop}\n"
        return subprocess.run(
            [sys.executable, "-c", head + textwrap.dedent(script), *arguments],
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def start_python() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a script that prints a line when it is ready; it is killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), *arguments],
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
