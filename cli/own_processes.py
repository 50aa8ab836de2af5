"""How Changeline starts its own processes, and what they see of the surrounding environment.

Problem: `python -m cli` looks into the current directory first, which may be somebody's repository with a `cli` of its
own. Choice: the interpreter's safe path (`-P`), and a checkout names itself on `PYTHONPATH`. This is the one place of the
command line that reads the surrounding environment; everything else receives it from here.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from controller.launch.own_processes import OwnProcesses

ROOT = Path(__file__).resolve().parents[1]
"""Where the packages lie: a checkout, or the interpreter's site-packages."""

FORK_SERVER = ("worker", "--fork-server")
"""The command that starts workers by fork."""
_CONTROLLERS_OWN = "CHANGELINE_WEBHOOK__"


def command(*arguments: str) -> list[str]:
    """Return the argv of one of our own commands."""
    return [sys.executable, "-P", "-m", "cli", *arguments]


def module(name: str, *arguments: str) -> list[str]:
    """Return the argv of one of our own modules."""
    return [sys.executable, "-P", "-m", name, *arguments]


def environment() -> dict[str, str]:
    """Return a copy of the surrounding environment in which `command` works."""
    return with_own_path(os.environ)  # noqa: TID251 - the composition root is where the environment enters


def processes() -> OwnProcesses:
    """Return how a controller starts what belongs to it."""
    own = environment()
    of_workers = {name: value for name, value in own.items() if not name.upper().startswith(_CONTROLLERS_OWN)}
    return OwnProcesses(fork_server=command(*FORK_SERVER), environment=own, environment_of_workers=of_workers)


def with_own_path(surrounding: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a checkout finds its own packages; an installed copy needs nothing.

    Relative entries are dropped: the current directory may be somebody's repository.
    """
    found = dict(surrounding)
    if (ROOT / "pyproject.toml").exists():
        rest = [entry for entry in found.get("PYTHONPATH", "").split(os.pathsep) if entry.startswith("/")]
        found["PYTHONPATH"] = os.pathsep.join([str(ROOT), *rest])
    return found
