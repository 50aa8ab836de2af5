"""Starts pytest with everything of its own imported before the tree is on the path.

Problem: `python -m pytest` looks for every module in the tree first, so a file there can stand in for the runner, a plugin or
the standard library. Choice: while pytest, its own parts and the installed plugins are imported, the tree comes last on the
path; then the path is as `-m` would have it. A tree that brings a part of the runner itself (pytest's own repository, or
pluggy's) is started by `-m`. Copied beside the checkout and executed there, so it uses the standard library alone and keeps
to syntax that Python 3.8 understands. Usage: `python pytest_first.py CHECKOUT ARGUMENT...`.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

PARTS = ("_pytest", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli", "py", "attr", "attrs")
"""What pytest is made of and asks for, over its versions."""


def lies_in(place: str, checkout: str) -> bool:
    """Whether a place is the checkout or lies in it, by whichever name: a tree may stand at two places at once."""
    top = os.stat(checkout)  # noqa: PTH116 - pathlib is not to be looked for yet
    while True:
        if os.path.exists(place) and os.path.samestat(os.stat(place), top):  # noqa: PTH110, PTH116 - as above
            return True
        above = os.path.dirname(place)  # noqa: PTH120 - as above
        if above == place:
            return False
        place = above


def brings_parts(places: list[str]) -> bool:
    """Whether a part of the runner lies in one of these places."""
    return any(
        os.path.isfile(os.path.join(place, *form))  # noqa: PTH113, PTH118 - as above
        for place in places
        for name in PARTS
        for form in ((name, "__init__.py"), (f"{name}.py",))[: 1 if name == "_pytest" else 2]
    )


def import_the_runner() -> Any:
    """Import pytest, and what it imports by itself once it is configured."""
    pytest = importlib.import_module("pytest")
    configuration = importlib.import_module("_pytest.config")
    for name in getattr(configuration, "default_plugins", ()):
        importlib.import_module(f"_pytest.{name}")
    return pytest


class Path:
    """The search path as `-m` would have it, and the same with the tree last."""

    def __init__(self, checkout: str) -> None:
        tools = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as above
        others = [place for place in sys.path if place and place != tools]
        self.usual = [os.getcwd(), *others]  # noqa: PTH109 - as above
        self.within = [place for place in self.usual if lies_in(os.path.abspath(place), checkout)]  # noqa: PTH100 - as above

    def tree_last(self, places: list[str]) -> list[str]:
        """Return a path with what lies in the tree at its end."""
        outside = [place for place in places if place not in self.within]
        return outside + [place for place in places if place in self.within]


def find_plugins_outside_first(manager: Any, path: Path) -> None:
    """Let installed plugins be found before anything in the tree; what they put on the path stays there."""
    original = manager.load_setuptools_entrypoints

    def load(self: Any, *arguments: Any, **named: Any) -> Any:
        usual = list(sys.path)
        sys.path[:] = path.tree_last(usual)
        try:
            return original(self, *arguments, **named)
        finally:
            sys.path[:] = [place for place in sys.path if place not in usual] + usual

    manager.load_setuptools_entrypoints = load


def main(argv: list[str]) -> Any:
    """Start pytest; the arguments after the checkout are its own."""
    path = Path(argv[1])
    if brings_parts(path.within):
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *argv[2:]])  # noqa: S606 - itself, without a shell
    sys.path[:] = path.tree_last(path.usual)
    pytest = import_the_runner()
    find_plugins_outside_first(pytest.PytestPluginManager, path)
    sys.path[:] = path.usual
    sys.argv = ["pytest", *argv[2:]]
    return pytest.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
