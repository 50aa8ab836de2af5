"""Whether a repository's own suite runs at all on its base, and why not, in the runner's words.

Problem: a suite that cannot start proves nothing; everything after it costs money and ends in a reproach to an agent for
what the base does too. Choice: judge the base's full run before anybody is asked: nothing ran although there are tests, or
the runner refused to begin. Pure; the first line of error is the runner's own, and the remedy names one thing to do.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.proof.test_reports import TestCaseResult, TestReport

_NOT_THERE = {126, 127}
_PYTEST_REFUSES = {3, 4}
_LINE_MAX = 500
_REFUSED = re.compile(
    r"(?i)unrecognized arguments|unknown option|unknown config option|requires pytest-|not found|no such file"
    r"|no module named|cannot find module|improperlyconfigured|command not found|permission denied|could not (?:find|import)"
)
_ERROR = re.compile(r"(?i)\b(?:error|exception|fatal|failed)\b[^a-z]")
_MODULE = re.compile(r"No module named '?(?P<name>[\w.]+)|Cannot find (?:module|package) '(?P<node>[^'.][^']*)'")
_NEEDED = re.compile(r"requires pytest-[\d.<>=]+|requires-python|requires a different Python", re.IGNORECASE)
_PLUGINS = (
    (re.compile(r"--(?:no-)?cov\b"), "pytest-cov"),
    (re.compile(r"(?:^|\s)(?:-n|--numprocesses|--dist)\b"), "pytest-xdist"),
    (re.compile(r"--timeout\b"), "pytest-timeout"),
    (re.compile(r"--asyncio-mode\b"), "pytest-asyncio"),
    (re.compile(r"--reruns\b"), "pytest-rerunfailures"),
    (re.compile(r"--(?:ds|reuse-db|create-db|nomigrations)\b"), "pytest-django"),
    (re.compile(r"--benchmark"), "pytest-benchmark"),
    (re.compile(r"--mypy"), "pytest-mypy"),
    (re.compile(r"--(?:randomly|random-order)"), "pytest-randomly"),
    (re.compile(r"--(?:html|self-contained-html)"), "pytest-html"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteTrouble:
    """Why the base's suite says nothing. `error` is the runner's own first line of it."""

    message: str
    error: str
    remedy: str


def trouble_of(report: TestReport, *, runner: str, test_files: int, files: Collection[str]) -> SuiteTrouble | None:
    """Judge a full run of the base; None when tests ran, or when there are none to run.

    Args:
        test_files: How many files of the base look like tests.
        files: All paths of the base.
    """
    if report.timed_out:
        seconds = round(report.duration_ms / 1000)
        return SuiteTrouble(
            message=f"The suite of the base does not end within {seconds} s.",
            error=_first_error(report) or "It printed no error.",
            remedy="Raise the setting pipeline.test_timeout_s, or set a test_command that runs less.",
        )
    if not _stopped(report, runner, test_files):
        return None
    error = _first_error(report) or f"exit code {report.exit_code}, and nothing else"
    return SuiteTrouble(
        message=f"The suite of the base cannot run here: {error}"[:_LINE_MAX], error=error,
        remedy=_remedy(report, error, files),
    )  # fmt: skip


def _stopped(report: TestReport, runner: str, test_files: int) -> bool:
    code, own = report.exit_code, [case for case in report.cases if not _is_unloaded(case)]
    if code in _NOT_THERE or (runner == "pytest" and code in _PYTEST_REFUSES):
        return not any(case.outcome.bad is False for case in own)
    if not report.per_test:
        return any(_REFUSED.search(case.failure.message) is not None for case in report.bad if case.failure)
    return not own and code != 0 and (bool(report.cases) or (test_files > 0 and not _no_tests(runner, code)))


def _is_unloaded(case: TestCaseResult) -> bool:
    """Whether a case only says that a file did not load, or that a fixture of everything failed."""
    return case.whole_file and case.outcome.bad


def _no_tests(runner: str, code: int) -> bool:
    return runner == "pytest" and code == 5  # noqa: PLR2004 - pytest's own code for "no tests were collected"


def _first_error(report: TestReport) -> str:
    """Return the runner's own words: of the first file that did not load, else of the first line that tells an error."""
    failures = [case.failure for case in report.bad if case.failure is not None] if report.per_test else []
    if failures:
        first = failures[0]
        line = (first.message.strip().splitlines() or [""])[0]
        named = first.exception and first.exception not in line
        return f"{first.exception}: {line}"[:_LINE_MAX] if named else line[:_LINE_MAX]
    lines = [line.strip() for line in report.output_tail.splitlines() if line.strip()]
    told = [
        line.removeprefix("E ").strip()
        for line in lines
        if not line.startswith(("usage:", "ERROR: usage", "make:", "$ "))
    ]
    refusing = [line for line in told if _REFUSED.search(line)]
    failing = [line for line in told if _ERROR.search(f"{line} ")]
    return next(iter((*refusing, *failing, *told[-1:])), "")[:_LINE_MAX]


def _remedy(report: TestReport, error: str, files: Collection[str]) -> str:
    """Name the one thing that helps."""
    told = f"{error}\n{report.output_tail}"
    plugins = [name for shape, name in _PLUGINS if "unrecognized arguments" in told and shape.search(error)]
    if plugins:
        return (
            f"The configuration uses options of plugins that no manifest declares: declare {', '.join(plugins)} with the "
            "repository's test dependencies, or take the options out of the configuration."
        )
    if "settings are not configured" in told or "ImproperlyConfigured" in told or "AppRegistryNotReady" in told:
        command = next(
            (f"python {path} test" for path in sorted(files, key=len) if path.split("/")[-1] == "manage.py"), ""
        )
        return f"These are tests of a Django project: set the repository's test_command to `{command or 'python manage.py test'}`."
    if _NEEDED.search(told):
        return "Another version is needed than the one that is installed: install it where Changeline runs, or allow this one."
    module = _MODULE.search(told)
    if module:
        name = module.group("name") or module.group("node")
        return (
            f"{name} is not installed in the environment of the tests: declare what brings it with the repository's test "
            "dependencies, or set a test_command that does without."
        )
    if report.exit_code in _NOT_THERE:
        return "Install the program where Changeline runs, or set another test_command."
    return "Run the command in a clean clone: what it needs there has to be declared in the manifests, or set another test_command."
