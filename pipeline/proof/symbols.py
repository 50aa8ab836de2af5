"""The names that a repository defines at one commit, read from its sources without running them.

Problem: a red test only proves something when what it misses belongs to *this* repository and exists after the change.
Choice: Python by its syntax tree (modules, classes with their attributes, functions with their parameters); other
languages as the set of identifiers that their files declare by their grammars, because their compilers name missing
things by bare identifier. A name made at run time is not seen; then the witness asks for an assertion instead.

A file is parsed when something is asked that its text could answer, and once: a repository of thirty thousand files is
asked for two or three names, which stand in few of them.
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from pipeline.ports import Language
from pipeline.proof.grammars import declared_names, has_grammar

_KOTLIN = re.compile(
    r"\b(?:class|interface|object|fun|val|var|typealias)\s+(?:<[^>]*>\s*)?(?:[\w.<>?]+\.)?(?P<name>[A-Za-z_]\w*)"
)
"""Kotlin stands beside Java, and its grammar is not among those that are installed."""
_SOURCE_SUFFIXES: Mapping[Language, tuple[str, ...]] = {
    Language.PYTHON: (".py",),
    Language.NODE: (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"),
    Language.GO: (".go",),
    Language.RUST: (".rs",),
    Language.JAVA: (".java", ".kt"),
    Language.C: (".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSymbols:
    """A class as written: its own attributes, and the bare names of its bases."""

    attributes: frozenset[str]
    bases: tuple[str, ...] = ()


class RepositorySymbols(Protocol):
    """What one commit defines."""

    @property
    def modules(self) -> Collection[str]:
        """Python: dotted modules. Other languages: paths."""
        ...

    def has_module(self, name: str) -> bool:
        """Whether a dotted Python module exists, package directories without files of their own included."""
        ...

    def declares(self, identifier: str) -> bool:
        """Whether any file declares the identifier; for Python, at the top level of a module."""
        ...

    def module_has(self, module: str, name: str) -> bool:
        """Whether `from module import name` would find something."""
        ...

    def has_class(self, name: str) -> bool:
        """Whether a class of this bare name is defined anywhere. Python only."""
        ...

    def class_has(self, name: str, attribute: str) -> bool:
        """Whether a class of the repository, or a base of it that the repository defines, has the attribute."""
        ...

    def parameters(self, function: str) -> frozenset[str] | None:
        """Return the parameters of a qualified function (`Cart.add`), `**` for any keyword; None when there is none."""
        ...


def is_source(language: Language, path: str) -> bool:
    """Whether a path is a source file of the language."""
    return path.endswith(_SOURCE_SUFFIXES[language])


def read_symbols(language: Language, sources: Mapping[str, str], source_roots: Iterable[str] = ()) -> RepositorySymbols:
    """Return the symbols of source files (path to text). Give the sources without the test files."""
    if language is not Language.PYTHON:
        return _Identifiers(sources)
    return _PythonSymbols(sources, tuple(source_roots))


class _Identifiers:
    """Languages whose compilers name what is missing by its bare identifier."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._declared: dict[str, frozenset[str]] = {}

    @property
    def modules(self) -> Collection[str]:
        return self._sources.keys()

    def has_module(self, name: str) -> bool:
        return name in self._sources

    def declares(self, identifier: str) -> bool:
        return any(identifier in text and identifier in self._of(path) for path, text in self._sources.items())

    def module_has(self, module: str, name: str) -> bool:
        return module in self._sources and name in self._of(module)

    def has_class(self, name: str) -> bool:
        return self.declares(name)

    def class_has(self, name: str, attribute: str) -> bool:
        return self.declares(name) and self.declares(attribute)

    def parameters(self, function: str) -> frozenset[str] | None:
        del function
        return None

    def _of(self, path: str) -> frozenset[str]:
        if path not in self._declared:
            self._declared[path] = _identifiers(path, self._sources[path])
        return self._declared[path]


def _identifiers(path: str, text: str) -> frozenset[str]:
    suffix = PurePosixPath(path).suffix
    if has_grammar(suffix):
        return declared_names(suffix, text)
    return frozenset(found.group("name") for found in _KOTLIN.finditer(text))


def _module_names(path: str, source_roots: tuple[str, ...]) -> set[str]:
    """A file's dotted names as seen from each source root and from the repository's root."""
    names = set()
    for root in {"", *(entry.strip("/.") for entry in source_roots)}:
        prefix = f"{root}/" if root else ""
        if path.startswith(prefix) and path.endswith(".py"):
            parts = PurePosixPath(path[len(prefix) : -3]).parts
            parts = parts[:-1] if parts and parts[-1] == "__init__" else parts
            names.add(".".join(parts))
    return {name for name in names if name}


class _PythonSymbols:
    def __init__(self, sources: Mapping[str, str], source_roots: tuple[str, ...]) -> None:
        self._sources = sources
        # Of a module and a package of one name, the interpreter takes the package, which sorts last.
        self._paths = {name: path for path in sorted(sources) for name in _module_names(path, source_roots)}
        self._files: dict[str, _PythonFile] = {}

    @property
    def modules(self) -> Collection[str]:
        return self._paths.keys()

    def has_module(self, name: str) -> bool:
        return name in self._paths or any(module.startswith(f"{name}.") for module in self._paths)

    def declares(self, identifier: str) -> bool:
        return any(identifier in file.names for file in self._mentioning(identifier))

    def module_has(self, module: str, name: str) -> bool:
        return self._binds(module, name, frozenset()) or self.has_module(f"{module}.{name}")

    def has_class(self, name: str) -> bool:
        return any(name in file.classes for file in self._mentioning(name))

    def class_has(self, name: str, attribute: str) -> bool:
        waiting, seen = [name], set[str]()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            written = [one for file in self._mentioning(current) for one in file.classes.get(current, ())]
            if any(attribute in one.attributes for one in written):
                return True
            waiting.extend(base for one in written for base in one.bases)
        return False

    def parameters(self, function: str) -> frozenset[str] | None:
        files = self._mentioning(function.partition(".")[0])
        found = [file.parameters[function] for file in files if function in file.parameters]
        return frozenset[str]().union(*found) if found else None

    def _mentioning(self, name: str) -> Iterable["_PythonFile"]:
        return (self._file(path) for path, text in self._sources.items() if name in text)

    def _file(self, path: str) -> "_PythonFile":
        if path not in self._files:
            self._files[path] = _PythonFile(self._sources[path])
        return self._files[path]

    def _binds(self, module: str, name: str, above: frozenset[str]) -> bool:
        """Follow `from x import *` through this repository; modules that star each other end the walk."""
        path = self._paths.get(module)
        if path is None:
            return False
        file = self._file(path)
        if name in file.names:
            return True
        package = path.endswith("__init__.py")
        others = {starred.resolved(module, package=package) for starred in file.starred} - above - {module}
        return any(self._gives(other, name, above | {module}) for other in sorted(others))

    def _gives(self, module: str, name: str, above: frozenset[str]) -> bool:
        """Whether `from module import *` brings the name."""
        path = self._paths.get(module)
        listed = self._file(path).exported if path is not None else frozenset()
        if listed:
            return name in listed
        return not name.startswith("_") and self._binds(module, name, above)


@dataclass(frozen=True, slots=True)
class _Starred:
    """`from module import *`, as written: `level` dots before it."""

    level: int
    module: str | None

    def resolved(self, importer: str, *, package: bool) -> str:
        parts = importer.split(".")
        up = self.level - 1 if package else self.level
        above = parts[: len(parts) - up] if self.level else []
        return ".".join([*above, *([self.module] if self.module else [])])


class _PythonFile:
    """What one file defines. One that does not parse defines what its grammar still shows at the top level."""

    def __init__(self, text: str) -> None:
        self.names: frozenset[str] = frozenset()
        self.exported: frozenset[str] = frozenset()
        self.starred: list[_Starred] = []
        self.classes: dict[str, list[ClassSymbols]] = {}
        self.parameters: dict[str, frozenset[str]] = {}
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            # Written for a newer Python than the one that reads it.
            self.names = declared_names(".py", text)
            return
        self.names = frozenset(_bound_names(tree.body)) - {"*"}
        self.exported = _listed_in_all(tree.body)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self._read_class(node)
            elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                self.starred.append(_Starred(node.level, node.module))
        self._read_functions(tree.body, "")

    def _read_class(self, node: ast.ClassDef) -> None:
        attributes = set(_bound_names(node.body))
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                attributes.add(part.attr)
        bases = tuple(ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases)
        self.classes.setdefault(node.name, []).append(ClassSymbols(attributes=frozenset(attributes), bases=bases))
        constructor = next(
            (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None
        )
        if constructor is None:
            self.parameters[f"{node.name}.__init__"] = frozenset(_annotated(node.body))

    def _read_functions(self, body: Iterable[ast.stmt], scope: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                self._read_functions(node.body, f"{scope}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{scope}{node.name}"
                self.parameters[name] = self.parameters.get(name, frozenset()) | _parameters(node.args)


def _parameters(arguments: ast.arguments) -> frozenset[str]:
    names = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
    return frozenset(names | {"**"} if arguments.kwarg else names)


def _annotated(body: Iterable[ast.stmt]) -> Iterable[str]:
    """Fields of a class without a constructor of its own (a dataclass, a model): its keyword arguments."""
    return (node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))


def _bound_names(body: Iterable[ast.stmt]) -> Iterable[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _nested_names(node)
        else:
            yield from (
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            )


def _listed_in_all(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names of a literal `__all__`; one that is computed in any part counts as absent."""
    listed: set[object] = set()
    for node in body:
        if not (isinstance(node, ast.Assign | ast.AugAssign) and _assigns(node, "__all__")):
            continue
        try:
            listed |= set(ast.literal_eval(node.value))
        except (ValueError, TypeError):
            return frozenset()
    return frozenset(name for name in listed if isinstance(name, str))


def _assigns(node: ast.Assign | ast.AugAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _nested_names(node: ast.If | ast.Try | ast.With) -> Iterable[str]:
    yield from _bound_names(node.body)
    if isinstance(node, ast.If | ast.Try):
        yield from _bound_names(node.orelse)
    if isinstance(node, ast.Try):
        yield from _bound_names(node.finalbody)
        for handler in node.handlers:
            yield from _bound_names(handler.body)
