"""Whether a repository's own suite runs at all on its base, and why not, in the runner's words.

Problem: a suite that cannot start proves nothing; everything after it costs money and ends in a reproach to an agent for
what the base does too. Choice: judge the base's full run before anybody is asked: nothing ran although there are tests, or
the runner refused to begin. Pure; the first line of error is the runner's own, and the remedy names one thing to do.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.proof.suite_remedies import BROWSER, NOT_STARTED, NOT_THERE, OUTSIDE, remedy_for
from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport

_TELLS_SET_UP = {"pytest", "unittest"}
"""Runners that tell a test that failed from one whose set-up did."""
_PYTEST_REFUSES = {3, 4}
_LINE_MAX = 500
_REFUSED = re.compile(
    r"(?i)unrecognized (?:arguments|option)|(?:unknown|bad) (?:option|flag)|unexpected argument|unknown config option|requires pytest-|not found|no such file"
    r"|no module named|cannot find module|improperlyconfigured|command not found|permission denied|could not (?:find|import)"
    r"|missing required plugins"
)
_ERROR = re.compile(r"(?i)\b(?:error|exception|fatal|failed)\b[^a-z]")
_COMPILED = frozenset({"go_test", "cargo_test", "maven", "gradle"})
"""Runners that end well where there is no test, and whose tests may lie in the sources."""
_INTERNAL = "internal error"
_INTERNAL_LINE = "INTERNALERROR> "
_EXITS = re.compile(
    r'File "(?P<file>[^"\n]+)", line (?P<line>\d+)[^\n]*\n(?:(?!.*File ").*\n)*?.*SystemExit\b(?P<code>[^\n]*)'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTrouble:
    """Why the base's suite says nothing. `error` is the runner's own first line of it."""

    message: str
    error: str
    remedy: str


def trouble_of(
    report: TestReport, *, runner: str, test_files: int, files: Collection[str], not_built: str = ""
) -> SuiteTrouble | None:
    """Judge a full run of the base; None when tests ran, or when there are none to run.

    Args:
        test_files: How many files of the base look like tests.
        files: All paths of the base.
        not_built: Why the repository itself is not installed, where it could be.
    """
    if report.timed_out:
        seconds = round(report.duration_ms / 1000)
        return SuiteTrouble(
            message=f"The suite of the base does not end within {seconds} s.",
            error=_first_error(report, files) or "It printed no error.",
            remedy="Raise the setting pipeline.test_timeout_s, or set a test_command that runs less.",
        )
    if not _stopped(report, runner, test_files):
        return None
    error = _first_error(report, files) or f"exit code {report.exit_code}, and nothing else"
    return SuiteTrouble(
        message=f"The suite of the base cannot run here: {error}"[:_LINE_MAX], error=error,
        remedy=remedy_for(report, error, files, not_built),
    )  # fmt: skip


def _stopped(report: TestReport, runner: str, test_files: int) -> bool:
    code, own = report.exit_code, [case for case in report.cases if not _is_unloaded(case)]
    if code in NOT_THERE or (runner == "pytest" and code in _PYTEST_REFUSES):
        return not any(case.outcome.bad is False for case in own)
    if not report.per_test:
        told = [case.failure for case in report.bad if case.failure]
        unread = any(one.exception is None for one in told) and NOT_STARTED.search(report.output_tail) is not None
        shapes = (_REFUSED, OUTSIDE, BROWSER)
        return unread or any(shape.search(one.message) is not None for one in told for shape in shapes)
    judged = [case for case in own if case.outcome is not Outcome.SKIPPED] if runner in _TELLS_SET_UP else []
    if judged and all(case.outcome is Outcome.ERROR for case in judged):
        return True  # no test came to its first line, so one that is written like these would not either
    expected = runner in _COMPILED or (test_files > 0 and not _no_tests(runner, code))
    return not own and code != 0 and (bool(report.cases) or expected)


def _is_unloaded(case: TestCaseResult) -> bool:
    """Whether a case only says that a file did not load, or that a fixture of everything failed."""
    return case.whole_file and case.outcome.bad


def _no_tests(runner: str, code: int) -> bool:
    return runner == "pytest" and code == 5  # noqa: PLR2004 - pytest's own code for "no tests were collected"


def _first_error(report: TestReport, files: Collection[str]) -> str:
    """Return the runner's own words: of the first file that did not load, else of the first line that tells an error."""
    failures = [case.failure for case in report.bad if case.failure is not None] if report.per_test else []
    if failures:
        first = failures[0]
        if first.message == _INTERNAL:
            return _internal(f"{first.tail}\n{report.output_tail}", files)
        line = (first.message.strip().splitlines() or [""])[0]
        named = first.exception and first.exception not in line
        return f"{first.exception}: {line}"[:_LINE_MAX] if named else line[:_LINE_MAX]
    if _INTERNAL_LINE in report.output_tail:
        return _internal(report.output_tail, files)
    lines = [line.strip() for line in report.output_tail.splitlines() if line.strip()]
    told = [
        line.removeprefix("E ").strip()
        for line in lines
        if not line.startswith(("usage:", "ERROR: usage", "make: ***", "make[", "$ "))
    ]
    refusing = [line for line in told if any(shape.search(line) for shape in (_REFUSED, OUTSIDE, BROWSER))]
    failing = [line for line in told if _ERROR.search(f"{line} ")]
    return next(iter((*refusing, *failing, *told[-1:])), "")[:_LINE_MAX]


def _internal(told: str, files: Collection[str]) -> str:
    """Say what broke pytest itself: a file that ends the process while it is imported, else the last error of the trace."""
    lines = [line.removeprefix(_INTERNAL_LINE).strip() for line in told.splitlines()]
    ended = _EXITS.search("\n".join(lines) + "\n")
    if ended is not None:
        place = f"/{ended.group('file')}"
        where = max((path for path in files if place.endswith(f"/{path}")), key=len, default=place[1:])
        return f"{where}:{ended.group('line')}: SystemExit{ended.group('code')}"[:_LINE_MAX]
    errors = [line for line in lines if re.match(r"(?:\w+\.)*\w*(?:Error|Exception|Exit|Warning)\b", line)]
    return (errors or [_INTERNAL])[-1][:_LINE_MAX]
