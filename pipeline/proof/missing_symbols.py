"""What a failing test says is missing, and whether that thing belongs to this repository.

Problem: a test of something that does not exist yet fails by ImportError, AttributeError, an unexpected keyword or a
compile error; the same words come from typos, from packages that are not installed and from broken tests. Choice: read
the message of each runner into one `Missing` value, decide by the base's own modules and classes, and confirm by the
head's symbols later. Conservative on purpose: a NameError names no module, and a wrong number of positional arguments
names no parameter, so neither counts; the sentence says how to write the test so that it does.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from pipeline.ports import Language
from pipeline.proof.symbols import RepositorySymbols
from pipeline.proof.test_reports import Failure, TestReport

_COMPILED_TO = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""TypeScript imports a module by the name that its file will have once it is compiled."""


class MissingKind(StrEnum):
    """What kind of thing is missing."""

    MODULE = "module"
    NAME = "name"
    ATTRIBUTE = "attribute"
    PARAMETER = "parameter"
    IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A thing that a test needed. `owner` is its module, class or function; empty for a bare identifier."""

    kind: MissingKind
    owner: str = ""
    name: str

    def sentence(self) -> str:
        """Name it for people."""
        match self.kind:
            case MissingKind.MODULE:
                return f"the module {self.name}"
            case MissingKind.PARAMETER:
                return f"the parameter {self.name} of {self.owner}"
            case MissingKind.NAME | MissingKind.ATTRIBUTE:
                return f"{self.owner}.{self.name}"
            case MissingKind.IDENTIFIER:
                return self.name


class Ownership(StrEnum):
    """Whose the missing thing is, as far as the base can tell."""

    OWN = "own"
    FOREIGN = "foreign"
    UNDECIDED = "undecided"
    """A top-level module that the base does not have: new here, or a package that is not installed."""


_PYTHON = (
    (MissingKind.NAME, re.compile(r"cannot import name '(?P<name>\w+)' from (?:partially initialized module )?'(?P<owner>[\w.]+)'")),
    (MissingKind.MODULE, re.compile(r"No module named '(?P<name>[\w.]+)'")),
    (MissingKind.NAME, re.compile(r"module '(?P<owner>[\w.]+)' has no attribute '(?P<name>\w+)'")),
    (MissingKind.ATTRIBUTE, re.compile(r"(?:type object )?'(?P<owner>\w+)' object has no attribute '(?P<name>\w+)'")),
    (MissingKind.ATTRIBUTE, re.compile(r"type object '(?P<owner>\w+)' has no attribute '(?P<name>\w+)'")),
    (MissingKind.PARAMETER, re.compile(r"(?P<owner>[\w.<>]+)\(\) got an unexpected keyword argument '(?P<name>\w+)'")),
)  # fmt: skip
_PYTHON_EXCEPTIONS = {"ImportError", "ModuleNotFoundError", "AttributeError", "TypeError"}
_NODE = (
    (MissingKind.MODULE, re.compile(r"Cannot find module '(?P<name>\.{1,2}/[^']+|/[^']+)'")),
    (MissingKind.IDENTIFIER, re.compile(r"does not provide an export named '(?P<name>[\w$]+)'")),
    (MissingKind.IDENTIFIER, re.compile(r"(?:[\w$)\]]+\.)*(?P<name>[\w$]+)\)? is not a (?:function|constructor)")),
    (MissingKind.IDENTIFIER, re.compile(r"TS\d+: .*?has no exported member(?: named)? '(?P<name>[\w$]+)'")),
    (MissingKind.IDENTIFIER, re.compile(r"TS\d+: Property '(?P<name>[\w$]+)' does not exist on type")),
    (MissingKind.MODULE, re.compile(r"TS\d+: Cannot find module '(?P<name>\.{1,2}/[^']+)'")),
    # What bundlers say, each in its own words: Vite (two of them), esbuild and Bun, Rollup, webpack.
    (MissingKind.MODULE, re.compile(r"Failed to load url (?P<name>(?:\.{1,2})?/\S+) \(resolved id: ")),
    (MissingKind.MODULE, re.compile(r'Failed to resolve import "(?P<name>\.{1,2}/[^"]+)"')),
    (MissingKind.MODULE, re.compile(r"""Could not resolve:? ["'](?P<name>\.{1,2}/[^"']+)["']""")),
    (MissingKind.MODULE, re.compile(r"Can't resolve '(?P<name>\.{1,2}/[^']+)'")),
    (MissingKind.IDENTIFIER, re.compile(r'No matching export in "[^"]+" for import "(?P<name>[\w$]+)"')),
    (MissingKind.IDENTIFIER, re.compile(r'"(?P<name>[\w$]+)" is not exported by "')),
)  # fmt: skip
_GO = (
    (MissingKind.IDENTIFIER, re.compile(r"undefined: (?:\w+\.)?(?P<name>\w+)")),
    (MissingKind.IDENTIFIER, re.compile(r"has no field or method (?P<name>\w+)")),
    (MissingKind.IDENTIFIER, re.compile(r"unknown field (?P<name>\w+) in struct literal")),
)
_RUST = (
    (MissingKind.IDENTIFIER, re.compile(r"cannot find (?:function|value|type|struct[^`]*|macro|method|associated [\w ]+|trait|unit struct[^`]*|tuple struct[^`]*) `(?P<name>\w+)`")),
    (MissingKind.IDENTIFIER, re.compile(r"unresolved import `(?:\w+::)*(?P<name>\w+)`")),
    (MissingKind.IDENTIFIER, re.compile(r"no (?:method|function or associated item|associated item|variant or associated item|variant|field)[^`]* (?:named )?`(?P<name>\w+)` (?:found|on type)")),
)  # fmt: skip
_JAVA = (
    (MissingKind.IDENTIFIER, re.compile(r"cannot find symbol .*?symbol: (?:class|method|variable) (?P<name>[\w$]+)")),
    (MissingKind.MODULE, re.compile(r"package (?P<name>[\w.]+) does not exist")),
)
_C = (
    (MissingKind.IDENTIFIER, re.compile(r"undefined reference to [`'‘](?:\w+::)*(?P<name>\w+)")),
    (
        MissingKind.IDENTIFIER,
        re.compile(r"implicit declaration of function [`'‘](?P<name>\w+)|(?<=undeclared function ')(?P<other>\w+)"),
    ),
    (
        MissingKind.IDENTIFIER,
        re.compile(r"[`'‘](?P<name>\w+)['’] (?:undeclared|was not declared)|undeclared identifier '(?P<other>\w+)"),
    ),
    (
        MissingKind.IDENTIFIER,
        re.compile(r"(?:has no member named|no member named|unknown type name) [`'‘](?P<name>\w+)"),
    ),
    (
        MissingKind.MODULE,
        re.compile(r"fatal error: [`'‘]?(?P<name>[\w./-]+\.h\w*)['’]?(?: file not found|: No such file)"),
    ),
)
_SHAPES = {
    Language.C: _C,
    Language.PYTHON: _PYTHON,
    Language.NODE: _NODE,
    Language.GO: _GO,
    Language.RUST: _RUST,
    Language.JAVA: _JAVA,
}
_RUST_CODES = {
    "E0405",
    "E0407",
    "E0412",
    "E0422",
    "E0423",
    "E0424",
    "E0425",
    "E0432",
    "E0433",
    "E0560",
    "E0599",
    "E0609",
}


def missing_in(failure: Failure, language: Language) -> Missing | None:
    """Read what is missing from a failure; None when the failure is of another kind."""
    if language is Language.PYTHON and failure.exception not in _PYTHON_EXCEPTIONS:
        return None
    if language is Language.RUST and failure.exception not in _RUST_CODES:
        return None
    for kind, shape in _SHAPES[language]:
        found = shape.search(failure.message)
        if found:
            parts = {name: text for name, text in found.groupdict().items() if text}
            named = parts.pop("other", None)
            return Missing(kind=kind, **({"name": named} if named else {}), **parts)
    return None


def misses_something(report: TestReport, language: Language) -> bool:
    """Whether any failure of a report says that something is missing."""
    return any(case.failure is not None and missing_in(case.failure, language) for case in report.cases)


def ownership(
    missing: Missing,
    *,
    language: Language,
    own_modules: Collection[str],
    base: RepositorySymbols,
    third_party: Collection[str],
) -> Ownership:
    """Decide by the base alone. `own_modules` are dotted names; `third_party` are declared dependencies' modules."""
    if language is not Language.PYTHON:
        return (
            Ownership.UNDECIDED if language is Language.JAVA and missing.kind is MissingKind.MODULE else Ownership.OWN
        )
    match missing.kind:
        case MissingKind.MODULE | MissingKind.NAME:
            return _module_ownership(missing, {*own_modules, *base.modules}, third_party)
        case MissingKind.ATTRIBUTE:
            return Ownership.OWN if base.has_class(missing.owner) else Ownership.FOREIGN
        case MissingKind.PARAMETER:
            return Ownership.FOREIGN if base.parameters(missing.owner) is None else Ownership.OWN
        case MissingKind.IDENTIFIER:
            return Ownership.FOREIGN


def _module_ownership(missing: Missing, own_modules: Collection[str], third_party: Collection[str]) -> Ownership:
    top = (missing.name if missing.kind is MissingKind.MODULE else missing.owner).partition(".")[0]
    if top in {module.partition(".")[0] for module in own_modules}:
        return Ownership.OWN
    if missing.kind is MissingKind.NAME or "." in missing.name or top in third_party:
        return Ownership.FOREIGN
    return Ownership.UNDECIDED


def exists(missing: Missing, symbols: RepositorySymbols) -> bool:
    """Whether the missing thing exists in these symbols."""
    match missing.kind:
        case MissingKind.MODULE:
            return _module_exists(missing.name, symbols)
        case MissingKind.NAME:
            return symbols.module_has(missing.owner, missing.name)
        case MissingKind.ATTRIBUTE:
            return symbols.class_has(missing.owner, missing.name)
        case MissingKind.PARAMETER:
            return bool((symbols.parameters(missing.owner) or frozenset()) & {missing.name, "**"})
        case MissingKind.IDENTIFIER:
            return symbols.declares(missing.name)


def _module_exists(name: str, symbols: RepositorySymbols) -> bool:
    """Look for a dotted module (Python), a relative file (Node) or a package directory (Java)."""
    if name.startswith((".", "/")) or name.endswith((".h", ".hpp", ".hh")):
        wanted = PurePosixPath(name)
        paths = [PurePosixPath(path) for path in symbols.modules]
        if any(wanted.name in {path.name, path.stem, path.parent.name} for path in paths):
            return True
        return any(path.stem == wanted.stem and path.suffix in _COMPILED_TO.get(wanted.suffix, ()) for path in paths)
    folder = f"/{name.replace('.', '/')}/"
    return symbols.has_module(name) or any(folder in f"/{path}" for path in symbols.modules)
