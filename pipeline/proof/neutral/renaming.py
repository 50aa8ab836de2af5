"""Other names for everything that a Python file calls its own, with the same meaning.

Problem: code that wants to know whether a test calls it finds out by the names around it. Choice: every identifier that a file
binds gets a random one, the same everywhere in the file, so that scopes need no analysis. What somebody else sees by its name
keeps it: attributes, keywords, builtins, and whatever a string of the file speaks of. Docstrings go. Pure. Invariant: two
identifiers never become one.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

WORD = re.compile(r"[^\W\d]\w*")
_SPEAKS_OF_NAMES = frozenset(
    {
        "__name__",
        "__qualname__",
        "locals",
        "globals",
        "vars",
        "eval",
        "exec",
        "inspect",
        "getsource",
        "traceback",
        "__doc__",
        "getdoc",
    }
)
"""Whoever uses one of these may show any name to a test, so all of them stay."""
TEST_PREFIX = "test"
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
SHOWN_MIN_CHARS = 4
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A file with other names. `names` leads from the new to the original ones."""

    text: str
    names: dict[str, str] = field(default_factory=dict)
    kept: bool = False
    """Whether the names stay, because the file speaks of names."""


def renamed(
    tree: ast.Module,
    new_name: Callable[[], str],
    *,
    spoken: Collection[str] = (),
    kept: Collection[str] = (),
    ours: bool = False,
) -> Renamed:
    """Rename what a parsed file binds; the tree is changed. `spoken` are strings that may be words of it all the same.

    `new_name` gives an identifier that it never gave before. `kept` are names that others know. A file that is `ours` shows no
    name to anybody, whatever its strings are.
    """
    _leave_out_docstrings(list(ast.walk(tree)) if ours else _tests(tree))
    if not ours and _speaks_of_names(tree):
        return Renamed(text=ast.unparse(tree), kept=True)
    names = {
        name: new_name() for name in sorted(_own(tree) - _seen_by_others(tree, spoken, fully=not ours) - set(kept))
    }
    ast.fix_missing_locations(_Renaming(names).visit(tree))
    return Renamed(text=ast.unparse(tree), names={new: old for old, new in names.items()})


def _speaks_of_names(tree: ast.Module) -> bool:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    guard = any(isinstance(node, ast.If) and _is_main(node.test) for node in tree.body)
    return bool((found - {"__name__"} if guard else found) & _SPEAKS_OF_NAMES)


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _tests(tree: ast.Module) -> list[ast.AST]:
    """Return the tests of the module and of its classes; what else is said may be shown by the code under test."""
    every = [*tree.body, *(one for node in tree.body if isinstance(node, ast.ClassDef) for one in node.body)]
    return [one for one in every if isinstance(one, _FUNCTION) and one.name.startswith(TEST_PREFIX)]


def _leave_out_docstrings(nodes: Iterable[ast.AST]) -> None:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]


def _own(tree: ast.Module) -> set[str]:
    """Return what the file binds outside of the bodies of classes, and the tests in those."""
    return {name for name in _bound(tree.body, within_class=False) if not name.startswith("__")}


def _bound(body: list[ast.stmt], *, within_class: bool) -> Iterator[str]:
    for node in _without_classes(body):
        match node:
            case ast.ClassDef():
                if not within_class:
                    yield node.name
                yield from _bound(node.body, within_class=True)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not within_class or node.name.startswith(TEST_PREFIX):
                    yield node.name
                if _is_called_by_the_frame(node):
                    yield from _arguments(node.args)
                yield from _bound(node.body, within_class=False)
            case ast.Name(ctx=ast.Store()) if not within_class:
                yield node.id
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.alias(asname=str(name)) if not within_class:
                yield name


def _without_classes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Walk over statements, and not into classes and functions that begin there: those are walked by whoever meets them."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += [*node.decorator_list, *node.args.defaults, *(one for one in node.args.kw_defaults if one)]
        elif isinstance(node, ast.ClassDef):
            todo += [*node.decorator_list, *node.bases]
        else:
            todo += ast.iter_child_nodes(node)


def _is_called_by_the_frame(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is a test or a fixture; the code under test may call any other by the names of its arguments."""
    decorators = {name for one in node.decorator_list for part in ast.walk(one) for name in _name_of(part)}
    return node.name.startswith(TEST_PREFIX) or bool(decorators & {"fixture", "yield_fixture"})


def _name_of(node: ast.AST) -> tuple[str, ...]:
    return (node.attr,) if isinstance(node, ast.Attribute) else (node.id,) if isinstance(node, ast.Name) else ()


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    yield from (one.arg for one in listed if one is not None)


def _seen_by_others(tree: ast.Module, spoken: Collection[str], *, fully: bool) -> set[str]:
    said: list[str] = []
    words: set[str] = set()
    seen = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "_", "self", "cls"}
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name)):
                seen.add(name)
            case ast.Constant(value=str(text)) if text not in spoken:
                words |= {word.lower() if fully else word for word in WORD.findall(text)}
                said.append(_plain(text))
            case ast.MatchMapping(rest=str(name)):
                seen.add(name)
            case ast.Lambda(args=arguments) if fully:
                seen.update(_arguments(arguments))
            case ast.FunctionDef() | ast.AsyncFunctionDef() if fully and not _is_called_by_the_frame(node):
                seen.update(_arguments(node.args))
            case ast.Attribute(value=value, attr=name) if not _is_self(value) and name.startswith(TEST_PREFIX):
                seen.add(name)
            case ast.Import():
                seen.update(one.name.partition(".")[0] for one in node.names if one.asname is None and "." in one.name)
    every = "\n".join(said)
    own = _own(tree)
    shown = {name for name in own if fully and len(name) >= SHOWN_MIN_CHARS and _plain(name) in every}
    return seen | shown | {name for name in own if (name.lower() if fully else name) in words} | _of_class_bodies(tree)


def _plain(text: str) -> str:
    """Return a text without what tells `add_all`, `add-all` and `AddAll` apart."""
    return _BETWEEN.sub("", text).lower()


def _of_class_bodies(tree: ast.Module) -> set[str]:
    """Return what the bodies of classes bind: attributes, which are reached by names that stay."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for inner in _without_classes(node.body):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    found.add(inner.id)
                elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    found |= set() if inner.name.startswith(TEST_PREFIX) else {inner.name}
    return found


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def _new(self, name: str) -> str:
        return self._names.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._new(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._new(node.arg)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr.startswith(TEST_PREFIX) and _is_self(node.value):
            node.attr = self._new(node.attr)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._new(node.name)
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.name = self._new(node.name)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._new(node.name)
        return self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> ast.AST:
        if node.asname is not None:
            node.asname = self._new(node.asname)
        elif (new := self._names.get(node.name)) is not None:
            node.asname = new
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = None if node.name is None else self._new(node.name)
        return self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        node.name = None if node.name is None else self._new(node.name)
        return self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        node.name = None if node.name is None else self._new(node.name)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._new(name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self._new(name) for name in node.names]
        return node
