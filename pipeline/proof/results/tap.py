"""Read the Test Anything Protocol from a command's output, where a custom command speaks it.

Problem: producers agree on `ok` and `not ok`, and on little else: a point is a test (bats, Perl), one of a test's several
assertions (tape, which heads a test with a comment), or a whole file whose tests are indented within it (tap). Choice: the
lines themselves say which; where a point stands for less or more than a test, the test counts. Invariant: what a crash cut
off is a failure of the test that was under way, never a test that passed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.test_sources import declared_tests
from pipeline.proof.untrusted_files import holds_file, read_source, walk_files

COMPLAINTS_MAX = 50
"""Failures whose complaint on the other stream is looked for: each costs a look at the whole output."""
_LINE = re.compile(
    r"(?m)^(?P<indent>(?: {4})?)(?P<bad>not )?ok\b(?! *\t)(?: +(?P<number>\d+))?(?P<dash> +-)? *(?P<name>[^#\n]*?) *(?:# *(?:(?P<directive>(?i:SKIP|TODO))\b|time=).*)?$"
)
"""Lines of other runners begin alike: `ok`, a tab and a package of Go, or an `OK` of unittest."""
_FILE = re.compile(r"(?m)^(?P<file>\S+\.t) \.+ ?(?:skipped.*)?$")
_DIAGNOSTIC = re.compile(r"(?:^ *(?:#|  ).*\n?)+", re.MULTILINE)
_VERSION = re.compile(r"(?m)^TAP version \d+\s*$")
_PLAN = re.compile(r"(?m)^1\.\.\d+(?: *#.*)?\s*$")
_HEADING = re.compile(r"(?m)^# (?P<name>(?!(?:tests|pass|fail|ok|skip|todo)\b(?:\s+\d+)?\s*$|Subtest: )\S.*)$")
_INNER = re.compile(r"(?m)^ +not ok\b(?: +\d+)?(?: +-)? *(?P<name>[^\n]*?)(?: # time=.*)?$")
_INNER_YAML = re.compile(r"(?:^ {6}.*\n?)+", re.MULTILINE)
_TYPE = re.compile(r"(?m)^\s+type: (?P<name>\w*(?:Error|Exception))\s*$")
_SCRIPTS = re.compile(r"\.[cm]?[jt]sx?$")

LastError = Callable[[str], Failure | None]
"""Reads the error that an output ended with."""


@dataclass(frozen=True, slots=True)
class _Point:
    """One result as written. `number` counts from 1 where the line says none."""

    found: re.Match[str]
    number: int

    @property
    def name(self) -> str:
        return self.found.group("name").strip() or f"test {self.number}"

    @property
    def bad(self) -> bool:
        return bool(self.found.group("bad"))

    @property
    def outcome(self) -> Outcome:
        if self.found.group("directive"):
            return Outcome.SKIPPED
        return Outcome.FAILED if self.bad else Outcome.PASSED


def tap_cases(output: str, tree: Path, last_error: LastError) -> list[TestCaseResult]:
    """Return the tests that the output tells of; empty when it is not TAP (no version line and no plan).

    `prove -v` prints one stream for each file, headed by its name.
    """
    if not (_VERSION.search(output) or _PLAN.search(output)):
        return []
    written = list(_LINE.finditer(output))
    numbered = any(found.group("number") for found in written)
    kept = (found for found in written if found.group("number") or not numbered)
    points = [_Point(found, number) for number, found in enumerate(kept, 1)]
    top = [point for point in points if not point.found.group("indent")]
    if any(_is_file(point.name, tree) for point in top):
        return list(_of_files(output, points, tree, last_error))
    headings = list(_HEADING.finditer(output)) if not any(point.found.group("dash") for point in top) else []
    if (
        headings
        and _VERSION.search(output)
        and headings[0].start() < min([p.found.start() for p in top], default=1 << 60)
    ):
        return list(_of_headings(output, top, headings, tree, last_error))
    return list(_of_points(output, top))


def _of_points(output: str, points: Sequence[_Point]) -> Iterator[TestCaseResult]:
    """Yield a test for each point."""
    heads = [(found.end(), found.group("file")) for found in _FILE.finditer(output)]
    complaints_left = COMPLAINTS_MAX
    for number, point in enumerate(points, 1):
        found = point.found
        file = next((name for end, name in reversed(heads) if end <= found.start()), "")
        if file and not found.group("name") and found.group(0).strip() == "ok":  # prove's verdict on the file
            continue
        said = _said(output, found.end() + 1) if point.bad else ""
        if point.bad and not said and complaints_left > 0:
            complaints_left -= 1
            said = _complained(output, found.group("name").strip())
        yield _case(_Point(found, number), file, said)


def _of_headings(
    output: str, points: Sequence[_Point], headings: Sequence[re.Match[str]], tree: Path, last_error: LastError
) -> Iterator[TestCaseResult]:
    """Yield a test for each heading and point below it; the caller keeps the worst of those with one name."""
    files = _files_of_tests(tree)
    ends = [point.found.end() for point in points]
    tests: list[re.Match[str]] = []
    for one in headings:
        follows_another = bool(tests) and not any(tests[-1].end() <= end <= one.start() for end in ends)
        # Right after a heading stands a comment of that test, unless a file declares a test of that name.
        if one.group("name") in files or not follows_another:
            tests.append(one)
    for point in points:
        under = next((one for one in reversed(tests) if one.end() <= point.found.start()), None)
        said = _said(output, point.found.end() + 1) if point.bad else ""
        told = _judged(point, said)
        name = under.group("name") if under else point.name
        yield _named(name, files.get(name, ""), point.outcome, told)
    if tests and not _PLAN.search(output):
        name = tests[-1].group("name")
        crashed = last_error(output[tests[-1].start() :]) or failure("It ended before its tests were done.", output)
        yield _named(name, files.get(name, ""), Outcome.FAILED, crashed)


def _of_files(output: str, points: Sequence[_Point], tree: Path, last_error: LastError) -> Iterator[TestCaseResult]:
    """Yield the tests that are indented before the point of their file, or the file where it did not load."""
    inner: list[_Point] = []
    began = 0
    for point in points:
        if point.found.group("indent"):
            inner.append(point)
            continue
        file = _relative(point.name, tree) if _is_file(point.name, tree) else ""
        for one in inner:
            after = _INNER_YAML.match(output, one.found.end() + 1)
            block = output[began : one.found.end() + 1] + (after.group(0) if after else "")
            yield _named(one.name, file, one.outcome, _within(block, one) if one.bad else None)
            began = one.found.end()
        if not inner or (point.bad and not any(one.bad for one in inner)):
            lost = last_error(output) or failure("The file could not be loaded.", output)
            outcome = Outcome.ERROR if point.bad else point.outcome
            yield TestCaseResult(
                test_id=file or point.name, file=file, name=file or point.name, outcome=outcome,
                failure=lost if outcome.bad else None,
            )  # fmt: skip
        inner, began = [], point.found.end()


def _within(block: str, point: _Point) -> Failure:
    """Return why a test of several assertions failed: by the first that did, or by what it threw."""
    first = _INNER.search(block)
    thrown = _TYPE.search(block)
    name = first.group("name").strip() if first else point.name
    return failure(name, block, exception=thrown.group("name") if thrown else "AssertionError")


def _is_file(name: str, tree: Path) -> bool:
    return "." in name and "\n" not in name and holds_file(tree, _relative(name, tree))


def _relative(name: str, tree: Path) -> str:
    for root in (tree, tree.resolve()):
        name = name.removeprefix(f"{root}/")
    return name.removeprefix("./")


def _files_of_tests(tree: Path) -> Mapping[str, str]:
    """Return the file of each test that only one script declares; empty text for one that several do."""
    known: dict[str, str] = {}
    for path in walk_files(tree):
        if _SCRIPTS.search(path):
            for test in declared_tests(path, read_source(tree, path)):
                known[test.name] = "" if test.name in known else path
    return known


def _said(output: str, begin: int) -> str:
    """Return the comments and the YAML that follow a result."""
    found = _DIAGNOSTIC.match(output, begin)
    return found.group(0)[:4_000] if found else ""


def _complained(output: str, name: str) -> str:
    """Return what was said about a test on the other stream, whose lines come elsewhere."""
    found = re.search(rf"(?m)^# +Failed test '{re.escape(name)}'.*(?:\n#.+){{0,4}}", output) if name else None
    return found.group(0) if found else ""


def _case(point: _Point, file: str, said: str) -> TestCaseResult:
    told = _judged(point, said)
    return TestCaseResult(
        test_id=f"{file or 'tap'}::{point.name}", file=file, name=point.name, outcome=point.outcome, failure=told
    )


def _named(name: str, file: str, outcome: Outcome, told: Failure | None) -> TestCaseResult:
    return TestCaseResult(
        test_id=f"{file or 'tap'}::{name}", file=file, name=name, outcome=outcome, failure=told if outcome.bad else None
    )


def _judged(point: _Point, said: str) -> Failure | None:
    if point.outcome is not Outcome.FAILED:
        return None
    lines = [line.strip(" #") for line in said.splitlines() if line.strip(" #")]
    return failure(f"not ok: {'; '.join(lines)[:500] or point.name}", said, exception="AssertionError")
