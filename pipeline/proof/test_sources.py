"""Which tests a file declares and whether they assert anything, read without running it.

Problem: a test process can report fewer tests than a file holds, and a test that asserts nothing turns green by being
called. Choice: read the source: Python by its syntax tree, other languages by the shapes their runners recognise.
These are lower bounds: a test found here must be reported; tests made at run time are not expected.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

_ASSERTING_CALLS = re.compile(
    r"^(assert|expect|verify|check|fail|raises|warns|deprecated_call|should|match)", re.IGNORECASE
)
_SKIPPING = re.compile(r"\b(skip|skipif|skipIf|skipUnless|xfail|expectedFailure|importorskip)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTest:
    """A test as written. `name` is what the runner will call it, without class or describe block."""

    name: str
    line: int
    asserts: bool
    skipped: bool


_SHAPES: dict[str, tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]] = {
    "js": (
        re.compile(r"""(?m)^[ \t]*(?:await\s+)?(?:test|it)(?P<skip>\.skip|\.todo)?\s*\(\s*(?P<q>['"`])(?P<name>(?:\\.|(?!(?P=q)).)+)(?P=q)"""),
        re.compile(
            r"\b(?:assert|expect|should|verify|check|compare|same|equals?|match|throws?|rejects|fail)\w*\b"
            r"|\b(?:t|test|tap|ctx|is)\.(?!(?:end|log|plan|test|name|title|context|comment|timeout|teardown|diagnostic|mock|skip|todo|before\w*|after\w*)\b)\w+"
            r"|\bis\("
        ),
        re.compile(r"\.skip\b|\.todo\b"),
    ),
    "go": (
        re.compile(
            r"(?m)^func\s+(?P<name>(?:Test|Fuzz|Example)(?![a-z])\w*)\s*\((?!\s*(?:\w+\s+)?\*testing\.M\b)"
        ),
        re.compile(
            r"\b\w+\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\b|\b(?:assert|require|is|must)\.\w+|\bcmp\."
            r"|\b(?:Assert|Check|Expect|Eventually|panic)\(|\w\((?:t|tb|c|f)\s*[,)]|//\s*(?i:unordered )?[Oo]utput:"
        ),
        re.compile(r"\.Skip(?:f|Now)?\("),
    ),
    "rs": (
        re.compile(r"#\[(?:\w+::)*test(?:\([^\]]*\))?\](?:\s*#\[[^\]]*\])*\s*(?:pub\s+)?(?:async\s+)?fn\s+(?P<name>\w+)"),
        re.compile(
            r"assert\w*!|\b(?:panic|unreachable)!|\bunwrap|\bexpect\w*\(|\b(?:check|verify)\w*[!(]|should_panic|\?[;)\s]"
        ),
        re.compile(r"#\[ignore"),
    ),
    "java": (
        re.compile(r"@(?:Test|ParameterizedTest|RepeatedTest)\b(?:\([^)]*\))?(?:\s*@\w+(?:\([^)]*\))?)*\s*(?:(?:public|protected|private|final)\s+)*void\s+(?P<name>\w+)"),
        re.compile(r"(?:[aA]ssert|[eE]xpect|[vV]erify|[cC]heck)\w*\s*\(|\b(?:fail|then)\s*\(|\bshould\w+|\bassert\b|\bthrow\b|expected\s*="),
        re.compile(r"@(?:Ignore|Disabled)\b"),
    ),
}  # fmt: skip
_SUFFIXES = {
    ".js": "js", ".mjs": "js", ".cjs": "js", ".ts": "js", ".mts": "js", ".cts": "js", ".jsx": "js", ".tsx": "js",
    ".go": "go", ".rs": "rs", ".java": "java", ".kt": "java",
}  # fmt: skip


def declared_tests(path: str, source: str) -> list[DeclaredTest]:
    """List the tests of one file in order. Empty for an unknown language or a file that does not parse."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        return _python_tests(source)
    shape = _SHAPES.get(_SUFFIXES.get(suffix, ""))
    found = [] if shape is None else _shaped_tests(source, *shape)
    # Go compiles an example that says no output, and does not run it.
    return [test for test in found if suffix != ".go" or test.asserts or not test.name.startswith("Example")]


def altered_tests(path: str, before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the tests of `before` that are gone in `after`, and those that read otherwise there, in order."""
    old, new = _bodies(path, before), _bodies(path, after)
    return [name for name in old if name not in new], [name for name in old if name in new and old[name] != new[name]]


def _bodies(path: str, source: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, body in _python_bodies(source) if PurePosixPath(path).suffix == ".py" else _shaped_bodies(path, source):
        found.setdefault(name, []).append(body)
    return found


def _python_bodies(source: str) -> Iterator[tuple[str, str]]:
    try:
        functions = list(_python_functions(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return
    yield from ((node.name, ast.unparse(node)) for node in functions)


def _shaped_bodies(path: str, source: str) -> Iterator[tuple[str, str]]:
    tests, lines = declared_tests(path, source), source.splitlines()
    for test, end in zip(tests, [*(one.line - 1 for one in tests[1:]), len(lines)], strict=False):
        yield test.name, "\n".join(lines[test.line - 1 : end]).strip()


def _shaped_tests(
    source: str, head: re.Pattern[str], asserting: re.Pattern[str], skipping: re.Pattern[str]
) -> list[DeclaredTest]:
    found = list(head.finditer(source))
    ends = [*(match.start() for match in found[1:]), len(source)][: len(found)]
    return [
        DeclaredTest(
            name=match.group("name"),
            line=source.count("\n", 0, match.start()) + 1,
            asserts=asserting.search(source, match.end(), end) is not None,
            skipped=skipping.search(source, match.start(), end) is not None,
        )
        for match, end in zip(found, ends, strict=True)
    ]


def _python_tests(source: str) -> list[DeclaredTest]:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    checking = _checking_functions(module)
    return [
        DeclaredTest(
            name=node.name,
            line=node.lineno,
            asserts=_asserts(node, checking),
            skipped=any(_SKIPPING.search(ast.unparse(mark)) for mark in node.decorator_list),
        )
        for node in _python_functions(module)
    ]


def _python_functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield node
        elif isinstance(node, ast.ClassDef) and _collected(node):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and member.name.startswith("test"):
                    yield member


def _collected(node: ast.ClassDef) -> bool:
    return node.name.startswith("Test") or any("TestCase" in ast.unparse(base) for base in node.bases)


def _checking_functions(module: ast.Module) -> frozenset[str]:
    """Functions and methods of the file itself that assert: calling one is asserting."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(
        node.name for node in functions if not node.name.startswith("test") and _asserts(node, frozenset())
    )


def _asserts(node: ast.AST, checking: frozenset[str]) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Assert):
            if not isinstance(part.test, ast.Constant):
                return True
        elif isinstance(part, ast.Call):
            name = _called(part.func)
            if name in checking or _ASSERTING_CALLS.match(name):
                return True
    return False


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
