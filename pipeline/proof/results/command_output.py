"""Read what any command printed: single tests where it names them all, else the error that it ended with.

Problem: `make test`, `cd x && go test -v`, `ctest` or a shell script write no report of ours. Choice: the line forms of the
runners that name every test, passed ones included; where none is found, the last assertion, compile or link error line
stands for the whole suite, a weaker proof that is marked as one. Invariant: a form that names failures only is never taken
for a list of tests, because a test that is not named could not be told from one that passed.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pipeline.proof.results.compiler_output import COMPILE_ERROR, cargo_cases
from pipeline.proof.results.tap import tap_cases
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.test_sources import declared_tests
from pipeline.proof.untrusted_files import holds_file, read_source, walk_files

LINK_ERROR = "LinkError"
ASSERTION = "AssertionError"
ABOUT_MAX = 50
"""Failures whose part of the output is looked for."""
ABOUT_MAX_CHARS = 20_000
_CTEST = re.compile(
    r"(?m)^[ \t]*\d+/\d+ Test[ \t]+#\d+: (?P<name>\S.{0,200}?) \.{0,200} {0,40}(?P<outcome>Passed|[^\n*]{0,80}\*\*\*[\w ]+?):?\s+[\d.]+ sec"
)
_GO = re.compile(r"(?m)^[ \t]*--- (?P<outcome>PASS|FAIL|SKIP): (?P<name>\S+) \([\d.]+s\)$")
_PYTEST = re.compile(
    r"(?m)^(?P<id>[\w./-]+\.py::\S.*?) (?P<outcome>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))?\s*(?:\[ *\d+%\])?$"
)
_UNITTEST = re.compile(
    r"(?m)^(?P<name>test\w*) \((?P<scope>[\w.]+)\)(?:\n(?!test\w* \().*)?? \.\.\. (?P<outcome>ok|FAIL|ERROR|skipped|expected failure)"
)
_OUTCOMES = {
    "Passed": Outcome.PASSED, "PASS": Outcome.PASSED, "PASSED": Outcome.PASSED, "XPASS": Outcome.PASSED, "ok": Outcome.PASSED,
    "SKIP": Outcome.SKIPPED, "SKIPPED": Outcome.SKIPPED, "XFAIL": Outcome.SKIPPED, "skipped": Outcome.SKIPPED,
    "expected failure": Outcome.SKIPPED, "ERROR": Outcome.ERROR,
}  # fmt: skip
_ERRORS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"(?m)^(?P<where>[^\s:()][^\n:()]*\(\d+,\d+\)): error (?P<message>TS\d+: .+)$"), COMPILE_ERROR),
    (re.compile(r"(?m)^(?P<where>[^\s:][^\n:]*:\d+:\d+) - error (?P<message>TS\d+: .+)$"), COMPILE_ERROR),
    (
        re.compile(
            r"(?m)^(?P<where>\S+\.(?:java|kt):\d+): error: (?P<message>.+(?:\n.*){0,3}?\n\s*symbol: .+|.+)$"
        ),
        COMPILE_ERROR,
    ),
    (re.compile(r"(?m)^(?P<where>[^\s:][^\n:]*:\d+(?::\d+)?): (?P<message>(?:fatal )?error: .+)$"), COMPILE_ERROR),
    (re.compile(r"(?m)^(?:vet: )?(?P<where>[\w./-]+\.go:\d+(?::\d+)?): (?P<message>.+)$"), COMPILE_ERROR),
    (re.compile(r"(?m)^(?P<where>\S*?):? ?(?P<message>undefined reference to .+)$"), LINK_ERROR),
    (re.compile(r"(?m)^(?P<where>\S+: (?:line )?\d+|\S+\.rb:\d+): (?P<message>[Ss]yntax error\b.*)$"), "SyntaxError"),
    (re.compile(r"(?m)^(?P<where>)(?P<message>(?:syntax error at \S+ line \d+|(?:PHP )?Parse error: +syntax error).*)$"), "SyntaxError"),
)  # fmt: skip
_RUSTC = re.compile(r"(?m)^error\[(?P<code>E\d+)\]: (?P<message>.+)\n\s*--> (?P<where>[^:\n]+:\d+)")
_ASSERTIONS = (
    re.compile(r"(?m)^(?P<message>\S+: \S+:\d+: .*?Assertion [`'‘].*['’] failed\.?)"),
    re.compile(r"(?m)^(?P<message>(?:[Aa]ssertion failed).*)$"),
    re.compile(r"(?m)^thread .* panicked at [^\n]*:\n(?P<message>assertion .+)$"),
    re.compile(r"(?m)^E\s+(?P<message>assert .+)$"),
    re.compile(r"(?m)^(?P<message>[ \t]+\S+_test\.go:\d+: .+)$"),
    re.compile(r"(?ms)^(?P<message>got:\n.{0,500}?^want:\n[^\n]{0,500})"),
    re.compile(r"(?m)^(?P<message>\S+:\d+:\w+:FAIL: .+)$"),
    re.compile(r"(?m)^(?P<message>\S+:\d+: Failure(?:\n.+){0,3})$"),
    re.compile(r"(?m)^(?P<message>#\s+Failed test .*(?:\n#.+){0,3})$"),
)
_THROWN = re.compile(
    r"(?m)^(?:E[ \t]+)?[^\w\n]{0,40}(?:Exception during run: )?(?P<name>(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Failure)|Error)(?: \[\w+\])?: (?P<message>.+)$"
)
_FAIL_LINE = re.compile(
    r"(?m)^[ \t]*(?P<message>(?:FAIL|FAILED|not ok)\b(?![: ]+\S+\.go\b|\s+\S+ \[build failed\]).*)$"
)


def named_tests(output: str, tree: Path) -> list[TestCaseResult]:
    """Return the tests that the output names one by one, passed ones included; empty when it does not."""
    cases = [*tap_cases(output, tree, last_error), *_cargo(output)]
    parts = _Parts(output)
    for shape, read in ((_CTEST, _by_name), (_PYTEST, _by_node_id), (_UNITTEST, _by_class)):
        cases += [read(found, parts, tree) for found in shape.finditer(output)]
    going = list(_GO.finditer(output))
    if any(found.group("outcome") == "PASS" for found in going) or "=== RUN" in output:
        files = _go_files(tree)
        cases += [_go_case(found, output, files) for found in going]
    return cases


def last_error(output: str) -> Failure | None:
    """Return the error that the output ended with; None when no line of it has the form of one.

    Compile and link errors come first: where there is one, nothing ran that could have asserted anything.
    """
    errors = [(found.start(), found, kind) for shape, kind in _ERRORS for found in shape.finditer(output)]
    errors += [(found.start(), found, found.group("code")) for found in _RUSTC.finditer(output)]
    if errors:
        _, found, kind = min(errors, key=lambda one: one[0])
        message = re.sub(r"\s+", " ", found.group("message"))
        where = found.group("where")
        return failure(f"{where}: {message}" if where else message, output, exception=kind)
    asserted = [found for shape in _ASSERTIONS for found in shape.finditer(output)]
    thrown = list(_THROWN.finditer(output))
    last = max([*asserted, *thrown], key=lambda one: one.end(), default=None)
    if last is None:
        last = next(iter(_FAIL_LINE.finditer(output)), None)
    if last is None:
        return None
    name = last.groupdict().get("name") or ASSERTION
    return failure(last.group("message").strip(), output, exception=name.rpartition(".")[2])


def _cargo(output: str) -> list[TestCaseResult]:
    """Errors of the Rust compiler stand for the suite: they are read with those of the other compilers."""
    return [case for case in cargo_cases(output, None) if not case.whole_file]


def _case(test_id: str, name: str, outcome: str, about: str, file: str = "") -> TestCaseResult:
    """Make a case; `about` is the part of the output that tells of it, as far as that can be told."""
    came_to = _OUTCOMES.get(outcome, Outcome.FAILED)
    told = None
    if came_to.bad:
        told = last_error(about) or failure(f"{name}: {outcome.replace('***', ' ').strip()}", about)
    return TestCaseResult(test_id=test_id, file=file, name=name, outcome=came_to, failure=told)


class _Parts:
    """The parts of an output that tell of single tests; of the first failures only, since each costs a look at all of it."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._left = ABOUT_MAX

    def about(self, name: str, outcome: str) -> str:
        """Return from the last heading with a failed test's name to the next heading; else the end of the output."""
        if not _OUTCOMES.get(outcome, Outcome.FAILED).bad or self._left == 0:
            return ""
        self._left -= 1
        heading = re.compile(rf"(?m)^(?:[=_-]{{2,}} .*\b{re.escape(name)}\b.*|(?:FAIL|ERROR): {re.escape(name)}\b.*)$")
        found = list(heading.finditer(self._output))
        if not found:
            return self._output[-ABOUT_MAX_CHARS:]
        ends = re.compile(r"(?m)^(?:[=_]{3,}.*|-- .*)$").search(self._output, found[-1].end() + 1)
        return self._output[found[-1].start() : ends.start() if ends else len(self._output)]


def _by_name(found: re.Match[str], parts: _Parts, tree: Path) -> TestCaseResult:  # noqa: ARG001 - one signature
    name = found.group("name").strip()
    return _case(name, name, found.group("outcome"), parts.about(name, found.group("outcome")))


def _by_node_id(found: re.Match[str], parts: _Parts, tree: Path) -> TestCaseResult:  # noqa: ARG001 - one signature
    file, *scope = found.group("id").split("::")
    name = ".".join(scope).partition("[")[0]
    return _case(found.group("id"), name, found.group("outcome"), parts.about(name, found.group("outcome")), file)


def _by_class(found: re.Match[str], parts: _Parts, tree: Path) -> TestCaseResult:
    name, scope = found.group("name"), found.group("scope").split(".")
    scope = scope[:-1] if scope[-1] == name else scope
    path = str(PurePosixPath(*scope[:-1])) + ".py" if len(scope) > 1 else ""
    file = path if path and holds_file(tree, path) else ""
    test_id = "::".join([file or ".".join(scope[:-1]), scope[-1], name])
    outcome = found.group("outcome")
    about = parts.about(name, outcome)
    if outcome == "ERROR" and f", in {name}\n" in about:
        outcome = (
            "FAIL"  # unittest calls everything so that is no assertion; raised in the test itself it is no fixture's
        )
    return _case(test_id, name, outcome, about, file)


def _go_case(found: re.Match[str], output: str, files: dict[str, str]) -> TestCaseResult:
    name = found.group("name")
    file = files.get(name.partition("/")[0], "")
    begin = output.rfind(f"=== RUN   {name}\n", 0, found.start())
    until = re.compile(r"(?m)^(?:=== RUN|--- |PASS|FAIL|ok )").search(output, found.end())
    about = output[begin if begin >= 0 else found.start() : until.start() if until else len(output)]
    return _case(f"{file}::{name}" if file else name, name.partition("/")[0], found.group("outcome"), about, file)


def _go_files(tree: Path) -> dict[str, str]:
    """Return the file of each test that only one file declares."""
    known: dict[str, str] = {}
    for path in _go_test_files(tree):
        for test in declared_tests(path, read_source(tree, path)):
            known[test.name] = "" if test.name in known else path
    return known


def _go_test_files(tree: Path) -> Iterator[str]:
    return (path for path in walk_files(tree) if path.endswith("_test.go"))
