"""A Python test file as the frame of this package calls it: with a stand-in for its test library, and perhaps with other names."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.proof.neutral.renaming import WORD, renamed

_OF_THE_RUNNER = frozenset({"_pytest", "pluggy"})
_NAMES_IN_STRINGS = frozenset({"parametrize", "usefixtures"})


class NotPossible(Exception):
    """Why a file has no such form, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Under which names a file finds the stand-in for pytest, and unittest."""

    pytest: str
    unittest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The text, and by its new names the original ones."""

    text: str
    names: dict[str, str] = field(default_factory=dict)
    names_kept: bool = False
    """Whether the names stay as they are, because the file speaks of names."""
    words: frozenset[str] = frozenset()
    """What its strings are made of."""


def form_of(text: str, libraries: Libraries, new_name: Callable[[], str] | None) -> Form:
    """Return a file's form; without `new_name` all names stay. Raises `NotPossible`."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotPossible("it is no Python that is understood here") from error
    try:
        words = frozenset(_words(tree))
        _Importing(libraries).visit(tree)
        ast.fix_missing_locations(tree)
        if new_name is None:
            return Form(text=ast.unparse(tree), words=words)
        other = renamed(tree, new_name, spoken=set(_spoken(tree)))
    except RecursionError as error:
        raise NotPossible("it is nested too deeply") from error
    return Form(text=other.text, names=other.names, names_kept=other.kept, words=words)


def _words(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from WORD.findall(node.value)


def _spoken(tree: ast.Module) -> Iterator[str]:
    """Yield the strings that name arguments and fixtures; the frame reads them by the original names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _NAMES_IN_STRINGS:
            said = node.args[:1] if node.func.attr == "parametrize" else node.args
            for part in said:
                yield from (
                    one.value for one in ast.walk(part) if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )


class _Importing(ast.NodeTransformer):
    def __init__(self, libraries: Libraries) -> None:
        self._names = {"pytest": libraries.pytest, "unittest": libraries.unittest}

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.stmt]:
        made: list[ast.stmt] = []
        for one in node.names:
            first, _, rest = one.name.partition(".")
            _refuse(first)
            if first not in self._names:
                made.append(ast.Import(names=[one]))
                continue
            name = ".".join(filter(None, (self._names[first], rest)))
            if one.asname is None and rest:
                made.append(
                    ast.Import(names=[ast.alias(name=name, asname=f"{self._names[first]}_{rest}".replace(".", "_"))])
                )
                name = self._names[first]
            made.append(ast.Import(names=[ast.alias(name=name, asname=one.asname or first)]))
        return made

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.level == 0 and node.module is not None:
            first, _, rest = node.module.partition(".")
            _refuse(first)
            if first in self._names:
                node.module = ".".join(filter(None, (self._names[first], rest)))
        return node


def _refuse(first: str) -> None:
    if first in _OF_THE_RUNNER:
        raise NotPossible("it uses the test runner itself")
