"""Whether a repository's own suite runs at all on its base, and why not, in the runner's words.

Problem: a suite that cannot start proves nothing; everything after it costs money and ends in a reproach to an agent for
what the base does too. Choice: judge the base's full run before anybody is asked: nothing ran although there are tests, or
the runner refused to begin. Pure; the first line of error is the runner's own, and the remedy names one thing to do.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.proof.test_reports import TestCaseResult, TestReport

_NOT_THERE = {126, 127}
_PYTEST_REFUSES = {3, 4}
_LINE_MAX = 500
_REFUSED = re.compile(
    r"(?i)unrecognized (?:arguments|option)|(?:unknown|bad) (?:option|flag)|unexpected argument|unknown config option|requires pytest-|not found|no such file"
    r"|no module named|cannot find module|improperlyconfigured|command not found|permission denied|could not (?:find|import)"
)
_OUTSIDE = re.compile(
    r"(?i)ECONNREFUSED|connection refused|EAI_AGAIN|ENOTFOUND|could not resolve host|network is unreachable|docker daemon"
    r"|name or service not known|temporary failure in name resolution"
)
"""What a command says that reached for a network or a service."""
_BROWSER = re.compile(
    r"(?i)executable doesn't exist|could not find chrom|no usable sandbox|failed to launch the browser"
)
_NOT_STARTED = re.compile(
    r"(?m)^(?:\S*sh: (?:line )?\d+: [\w.+-]+: (?:command )?not found|\S+: line \d+: [\w.+-]+: command not found"
    r"|make(?:\[\d+\])?: [\w.+-]+: No such file or directory|make.*: \*\*\* No rule to make target .*|make.*: \*\*\* \[.*\] Error 12[67])$"
)
"""What a command prints that started others and found one missing."""
_NATIVE = re.compile(r"bindings file|/build/Release/|ERR_DLOPEN_FAILED|compiled against a different Node|prebuilds/")
_ERROR = re.compile(r"(?i)\b(?:error|exception|fatal|failed)\b[^a-z]")
_MODULE = re.compile(r"No module named '?(?P<name>[\w.]+)|Cannot find (?:module|package) '(?P<node>[^'./][^']*)'")
_BUILT = re.compile(r"Cannot find (?:module|package) '(?P<path>(?:\.{0,2}/)[^']+)'")
_NEEDED = re.compile(
    r"requires pytest-[\d.<>=]+|requires-python|requires a different Python|requires rustc|rustc [\d.]+ is not supported"
    r"|feature `edition\w+` is required|requires go >=|invalid go version|release version \d+ not supported|class file version",
    re.IGNORECASE,
)
_COMPILED = frozenset({"go_test", "cargo_test", "maven", "gradle"})
"""Runners that end well where there is no test, and whose tests may lie in the sources."""
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
        told = [case.failure for case in report.bad if case.failure]
        unread = any(one.exception is None for one in told) and _NOT_STARTED.search(report.output_tail) is not None
        shapes = (_REFUSED, _OUTSIDE, _BROWSER)
        return unread or any(shape.search(one.message) is not None for one in told for shape in shapes)
    expected = runner in _COMPILED or (test_files > 0 and not _no_tests(runner, code))
    return not own and code != 0 and (bool(report.cases) or expected)


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
        if not line.startswith(("usage:", "ERROR: usage", "make: ***", "make[", "$ "))
    ]
    refusing = [line for line in told if any(shape.search(line) for shape in (_REFUSED, _OUTSIDE, _BROWSER))]
    failing = [line for line in told if _ERROR.search(f"{line} ")]
    return next(iter((*refusing, *failing, *told[-1:])), "")[:_LINE_MAX]


def _remedy(report: TestReport, error: str, files: Collection[str]) -> str:
    """Name the one thing that helps."""
    told = f"{error}\n{report.output_tail}"
    special = _of_python(told, error, files) or _of_node(told, error)
    if special:
        return special
    if _NEEDED.search(told):
        return "Another version is needed than the one that is installed: install it where Changeline runs, or allow this one."
    module = _MODULE.search(told)
    if module:
        name = module.group("name") or module.group("node")
        return (
            f"{name} is not installed in the environment of the tests: declare what brings it with the repository's test "
            "dependencies, or set a test_command that does without."
        )
    return _of_the_machine(report, error)


def _of_the_machine(report: TestReport, error: str) -> str:
    if _OUTSIDE.search(error):
        return (
            "Tests run without network and with no service beside them: start what they need within the test command, or set a "
            "test_command that does without."
        )
    if report.exit_code in _NOT_THERE or _BROWSER.search(error) or _NOT_STARTED.search(f"{error}\n"):
        return "Install the program where Changeline runs, or set another test_command."
    return "Run the command in a clean clone: what it needs there has to be declared in the manifests, or set another test_command."


def _of_python(told: str, error: str, files: Collection[str]) -> str | None:
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
    return None


def _of_node(told: str, error: str) -> str | None:
    if _NATIVE.search(told):
        return (
            "A package has a compiled part that its install script builds or fetches, and install scripts do not run: set "
            "CHANGELINE_ENVIRONMENT__INSTALL_SCRIPTS=true."
        )
    built = _BUILT.search(error)
    if built:
        return (
            f"{PurePosixPath(built.group('path')).name} is no file of the repository, so something has to build it first: let the "
            "test script do that, or `setup` in .changeline/repository.yaml."
        )
    return None
