"""What the architecture tests look at: the files that git would commit, read once and parsed once."""

import ast
import functools
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("pipeline", "controller", "worker", "cli", "prompts")
PRODUCT = (*ROOMS, "bench", "chaos", "alembic", "scripts")
"""Directories whose Python we ship or run; tests and examples are apart."""
TOGETHER = pytest.mark.xdist_group("source tree")
"""For files whose tests parse everything: one test process does so, for all of them."""


@functools.cache
def tracked_files() -> tuple[str, ...]:
    """Paths below the root, tracked or new, without what is ignored, in order."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file()))


@functools.cache
def python_files(*tops: str) -> tuple[str, ...]:
    """Python files below the named top-level directories; fixtures under `tests/data` are data."""
    return tuple(
        path
        for path in tracked_files()
        if path.endswith(".py") and path.split("/")[0] in tops and not path.startswith("tests/data/")
    )


@functools.cache
def text_of(path: str) -> str:
    """The file's text; undecodable bytes are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@functools.cache
def tree_of(path: str) -> ast.Module:
    """The parsed module."""
    return ast.parse(text_of(path), path)


def module_name(path: str) -> str:
    """`pipeline/store/__init__.py` is `pipeline.store`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def imported_modules(path: str) -> frozenset[str]:
    """Full names of everything a file imports, wherever in the file; `from a import b` names `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def within(name: str, room: str) -> bool:
    """Whether a dotted name is a package or module, or something inside it."""
    return name == room or name.startswith(room + ".")
