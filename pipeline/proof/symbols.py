"""The names that a repository defines at one commit, read from its sources without running them.

Problem: a red test only proves something when what it misses belongs to *this* repository and exists after the change.
Choice: Python by its syntax tree (modules, classes with their attributes, functions with their parameters); other
languages as the set of identifiers that their files declare by their grammars, because their compilers name missing
things by bare identifier. A name made at run time is not seen; then the witness asks for an assertion instead.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySymbols:
    """What one commit defines."""

    modules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Python: dotted module to the names at its top level. Other languages: path to the identifiers it declares."""
    classes: Mapping[str, ClassSymbols] = field(default_factory=dict)
    """Python only: by bare class name; classes of one name are joined."""
    parameters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Python only: qualified function name (`Cart.add`) to its parameters; `**` stands for any keyword."""

    def has_module(self, name: str) -> bool:
        """Whether a dotted Python module exists, package directories without files of their own included."""
        return name in self.modules or any(module.startswith(f"{name}.") for module in self.modules)

    def declares(self, identifier: str) -> bool:
        """Whether any file declares the identifier."""
        return any(identifier in names for names in self.modules.values())

    def module_has(self, module: str, name: str) -> bool:
        """Whether `from module import name` would find something."""
        return name in self.modules.get(module, frozenset()) or self.has_module(f"{module}.{name}")

    def class_has(self, name: str, attribute: str) -> bool:
        """Whether a class of the repository, or a base of it that the repository defines, has the attribute."""
        waiting, seen = [name], set[str]()
        while waiting:
            known = self.classes.get(current := waiting.pop())
            if known is None or current in seen:
                continue
            if attribute in known.attributes:
                return True
            seen.add(current)
            waiting.extend(known.bases)
        return False


def is_source(language: Language, path: str) -> bool:
    """Whether a path is a source file of the language."""
    return path.endswith(_SOURCE_SUFFIXES[language])


def read_symbols(language: Language, sources: Mapping[str, str], source_roots: Iterable[str] = ()) -> RepositorySymbols:
    """Read the symbols of source files (path to text). Give the sources without the test files."""
    if language is not Language.PYTHON:
        return RepositorySymbols(modules={path: _identifiers(path, text) for path, text in sorted(sources.items())})
    collected = _PythonSymbols()
    for path, text in sorted(sources.items()):
        for module in _module_names(path, tuple(source_roots)):
            collected.read(module, text, package=path.endswith("__init__.py"))
    return collected.symbols()


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
    def __init__(self) -> None:
        self._modules: dict[str, frozenset[str]] = {}
        self._classes: dict[str, ClassSymbols] = {}
        self._parameters: dict[str, frozenset[str]] = {}
        self._exported: dict[str, frozenset[str]] = {}
        self._starred: dict[str, list[str]] = {}

    def read(self, module: str, text: str, *, package: bool) -> None:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            # Written for a newer Python than the one that reads it; what stands at the top level is told all the same.
            self._modules[module] = declared_names(".py", text)
            return
        self._modules[module] = frozenset(_bound_names(tree.body)) - {"*"}
        self._exported[module] = _listed_in_all(tree.body)
        self._starred[module] = _starred(tree, module, package=package)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self._read_class(node)
        self._read_functions(tree.body, "")

    def symbols(self) -> RepositorySymbols:
        modules = {module: self._names(module, frozenset()) for module in self._modules}
        return RepositorySymbols(modules=modules, classes=self._classes, parameters=self._parameters)

    def _names(self, module: str, above: frozenset[str]) -> frozenset[str]:
        """Follow `from x import *` through this repository; modules that star each other end the walk."""
        names = self._modules.get(module, frozenset())
        for starred in self._starred.get(module, ()):
            if starred not in above | {module}:
                found = self._names(starred, above | {module})
                names |= self._exported.get(starred) or {name for name in found if not name.startswith("_")}
        return names

    def _read_class(self, node: ast.ClassDef) -> None:
        attributes = set(_bound_names(node.body))
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                attributes.add(part.attr)
        bases = tuple(ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases)
        known = self._classes.get(node.name)
        if known is not None:
            attributes |= known.attributes
            bases = (*known.bases, *bases)
        self._classes[node.name] = ClassSymbols(attributes=frozenset(attributes), bases=bases)
        constructor = next(
            (item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None
        )
        if constructor is None:
            self._parameters[f"{node.name}.__init__"] = frozenset(_annotated(node.body))

    def _read_functions(self, body: Iterable[ast.stmt], scope: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                self._read_functions(node.body, f"{scope}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{scope}{node.name}"
                self._parameters[name] = self._parameters.get(name, frozenset()) | _parameters(node.args)


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


def _starred(tree: ast.Module, module: str, *, package: bool) -> list[str]:
    """Return the dotted modules that a module imports everything from."""
    parts = module.split(".")
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            up = node.level - 1 if package else node.level
            above = parts[: len(parts) - up] if node.level else []
            found.append(".".join([*above, *([node.module] if node.module else [])]))
    return found


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
