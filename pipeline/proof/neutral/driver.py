"""The program that calls the tests: the frame and the stand-in with a plan in it, under other names in each run."""

import ast
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files

from pipeline.proof.neutral.renaming import renamed

_PARTS = ("standin.py", "cases.py", "frame.py")
_SEEN_BY_OTHERS = frozenset({"get_code", "exec_module", "find_spec", "addfinalizer", "getfixturevalue"})
_BEGINNING = "alone"
_FIRST_OF_FRAME = "Borrowed"
DISCLOSED_MODULE = "changeline_frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One file of a plan. `told` is its path in the report, `shown` the one that it believes to have."""

    told: str
    shown: str
    module: str
    package: str
    """What its relative imports start from; empty where its folder is no package."""
    registered: bool
    """Whether it is a module that others can import; a real runner has one of its own by that name."""
    text: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the program does: which files, in which order, after which others (`around`: those that provide fixtures)."""

    library: str
    """The module that stands in for pytest."""
    classes: str
    """The module that stands in for unittest, which may be itself."""
    shown: str
    path: Sequence[str]
    tools: str
    """Where the program lies, to be looked into for no module."""
    packages: Mapping[str, str]
    """Folders by the other names under which they are packages."""
    around: Sequence[PlannedFile]
    files: Sequence[PlannedFile]
    results: str


def neutral_program(plan: Plan, new_name: Callable[[], str]) -> str:
    """Return the program that calls the tests alone."""
    tree = ast.parse(_frame())
    alone = new_name()
    names = {name: new_name() for name in sorted(_methods(tree))} | {_BEGINNING: alone}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name = names.get(node.name, node.name)
        elif isinstance(node, ast.Attribute):
            node.attr = names.get(node.attr, node.attr)
    offered = {
        one.arg for part in tree.body[: _beginning_of_frame(tree)] for one in ast.walk(part) if isinstance(one, ast.arg)
    }
    text = renamed(tree, new_name, kept=offered, ours=True)
    prepare, play = (next(new for new, old in text.names.items() if old == name) for name in ("prepare", "Play"))
    return (
        f"{text.text}\n{prepare}({_loaded(plan)})\nif __name__ == '__main__':\n    {play}({_loaded(plan)}).{alone}()\n"
    )


def disclosed_module(plan: Plan) -> str:
    """Return the module through which a real runner calls the tests."""
    return f"{_frame()}\nprepare({_loaded(plan)})\nPLAY = Play({_loaded(plan)})\n"


def disclosed_file(place: str, told: str) -> str:
    """Return what stands in a test file's place for a real runner; `place` is where the module lies."""
    return (
        "import importlib.util\nimport sys\n"
        f"frame = sys.modules.get({DISCLOSED_MODULE!r})\n"
        "if frame is None:\n"
        f"    spec = importlib.util.spec_from_file_location({DISCLOSED_MODULE!r}, {place!r})\n"
        f"    frame = sys.modules[{DISCLOSED_MODULE!r}] = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(frame)\n"
        f"globals().update(frame.PLAY.from_a_runner({told!r}))\n"
    )


def _loaded(plan: Plan) -> str:
    return f"json.loads({json.dumps(asdict(plan))!r}, object_hook=lambda known: types.SimpleNamespace(**known))"


@functools.cache
def _frame() -> str:
    """Return the parts as one module."""
    body: list[ast.stmt] = []
    for part in _PARTS:
        text = files("pipeline.proof.neutral").joinpath("inside", part).read_text("utf-8")
        body += [one for one in ast.parse(text).body[1:] if not _of_the_package(one)]
    return "from __future__ import annotations\n" + ast.unparse(ast.Module(body=body, type_ignores=[]))


def _of_the_package(one: ast.stmt) -> bool:
    """Whether it is an import that one text does not need."""
    return isinstance(one, ast.ImportFrom) and (one.module or "").startswith(("__future__", "pipeline."))


def _methods(tree: ast.Module) -> set[str]:
    """Return the methods of the frame's own classes; tests see those of the stand-in by their names."""
    first_of_frame = _beginning_of_frame(tree)
    offered, own = (
        {
            inner.name
            for one in part
            for inner in ast.walk(one)
            if isinstance(one, ast.ClassDef) and isinstance(inner, ast.FunctionDef)
        }
        for part in (tree.body[:first_of_frame], tree.body[first_of_frame:])
    )
    return {name for name in own - offered - _SEEN_BY_OTHERS if not name.startswith("__")}


def _beginning_of_frame(tree: ast.Module) -> int:
    return next(at for at, one in enumerate(tree.body) if isinstance(one, ast.ClassDef) and one.name == _FIRST_OF_FRAME)
