"""First contact of a repository: from its registration to what its check found, beside the same work done by hand.

The repositories are small shapes of `first_contact/cases`, each of another language or runner, and each is met once: nothing of
it is known, no environment is there. By hand is a clone, an empty environment where the language has them, and its own suite
twice. What is left is Changeline's: the look, the fetch, the process, detection, trees, the sandbox, and what it reads.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import uv

from bench.door import WAIT_S, NothingHappened, door
from bench.figures import Figure, Floor, figure, unmeasured
from bench.installation import Installation
from cli import own_processes
from first_contact import cases
from first_contact.cases import Case, Prepared

GROUP = "first contact"
_BEYOND_S = 20.0
_POLL_S = 0.05
_UNDER_WAY = "running"
_DONE = "done"


@dataclass(frozen=True, slots=True)
class _Shape:
    """A case, and the commands that a person would type in a clone of it: once to install, twice to test."""

    case: str
    tests: tuple[str, ...]
    installs: bool = True


_PYTEST = ("python", "-m", "pytest", "-q")
_SHAPES = (
    _Shape("plain", _PYTEST),
    _Shape("unittest-only", ("python", "-m", "unittest", "-q")),
    _Shape("make-test", ("make", "test")),
    _Shape("failing-main", _PYTEST),
    _Shape("node-cjs", ("npm", "test"), installs=False),
    _Shape("node-esm", ("npm", "test"), installs=False),
    _Shape("go-plain", ("go", "test", "./..."), installs=False),
)
_QUICK = 3


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure each shape once; those that this machine has no program for say so."""
    known = {one.name: one for one in cases.known()}
    rows: list[Figure] = []
    beyond: list[float] = []
    with tempfile.TemporaryDirectory(dir=installation.root, prefix="contact-") as directory:
        # Tools run as other users, who have to be able to pass through.
        Path(directory).chmod(0o755)
        for shape in _SHAPES[: _QUICK if quick else None]:
            case = known[shape.case]
            name = f"{shape.case}: registered to checked"
            if case.needs and which(case.needs) is None:
                rows.append(unmeasured(GROUP, name, f"there is no {case.needs} on this machine"))
                continue
            prepared = cases.prepare(case, Path(directory) / shape.case)
            by_hand = _by_hand(shape, prepared, Path(directory) / f"{shape.case}-clone")
            took = _checked(installation, case, prepared)
            beyond.append(took - by_hand)
            floor = Floor("clone, environment, its suite twice", by_hand)
            rows.append(figure(GROUP, name, [took], "s", floor=floor, aim=by_hand + _BEYOND_S))
    total = "beyond its own install and tests"
    return [
        *rows,
        figure(GROUP, total, beyond, "s", aim=_BEYOND_S) if beyond else unmeasured(GROUP, total, "nothing ran"),
    ]


def _checked(installation: Installation, case: Case, prepared: Prepared) -> float:
    """Register a repository, and wait for what its check found."""
    asked = {"remote": prepared.remote, "name": case.registered_as, "test_command": case.test_command}
    with door(installation) as opened:
        started = time.perf_counter()
        opened.http.post("/api/v1/repositories", json=asked).raise_for_status()
        while True:
            seen = opened.http.get(f"/api/v1/repositories/{case.registered_as}/check").raise_for_status().json()
            took = time.perf_counter() - started
            if seen["state"] == _DONE:
                return took
            if seen["state"] != _UNDER_WAY or took > WAIT_S:
                raise NothingHappened(f"The check of {case.name} is {seen['state']}: {seen['message']}")
            time.sleep(_POLL_S)


def _by_hand(shape: _Shape, prepared: Prepared, clone: Path) -> float:
    """Do the same as barely as possible; whether its tests pass is not the point."""
    venv = clone.with_name(f"{clone.name}-venv")
    environment = {
        **own_processes.environment(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Plugins of the interpreter that measures are none of the repository's.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "GOCACHE": str(clone.with_name(f"{clone.name}-go")),
    }
    install = [[uv.find_uv_bin(), "venv", "-q", "--no-project", "--python", sys.executable, str(venv)]]
    started = time.perf_counter()
    subprocess.run(["git", "clone", "-q", prepared.remote, str(clone)], check=True, capture_output=True)
    for command in install if shape.installs else []:
        subprocess.run(command, check=True, capture_output=True, env=environment)
    for _ in range(2):
        subprocess.run(shape.tests, cwd=clone, env=environment, capture_output=True, check=False)
    return time.perf_counter() - started
