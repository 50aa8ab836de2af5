"""Turn what each runner wrote into test cases.

Every reader is pure but for reading the result files, tolerates what it does not know, and says in a complaint what it
could not read. Compile errors become one case per file, named by the file, because no test of it could be judged.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.ports import CommandResult
from pipeline.proof.path_globs import matches_any
from pipeline.proof.results.command_output import last_error, named_tests
from pipeline.proof.results.compiler_output import cargo_cases, go_cases, java_compile_errors, nextest_cases
from pipeline.proof.results.javascript import ava_cases, jest_cases, mocha_cases, node_cases
from pipeline.proof.results.junit_xml import XML_MAX_BYTES, RawCase, python_case, read_junit
from pipeline.proof.test_commands import ResultFormat, TestCommand
from pipeline.proof.test_reports import SUITE, Failure, Outcome, TestCaseResult, failure
from pipeline.proof.untrusted_files import ReportUnreadable, holds_file, read_inside, read_regular, walk_files


class Results:
    """What was read: cases, sentences about what was not, and whether single tests are told apart."""

    def __init__(self) -> None:
        self.cases: list[TestCaseResult] = []
        self.complaints: list[str] = []
        self.per_test = True


def read_results(command: TestCommand, result: CommandResult, tree: Path) -> Results:
    """Read the results of a finished command. Never raises for what the test process wrote."""
    results = Results()
    try:
        results.cases.extend(_cases(command, result, tree))
    except ReportUnreadable as unreadable:
        results.cases.extend(_unloaded(command, result, tree))
        if not results.cases:
            results.complaints.append(f"No usable result: {unreadable.message}")
    if command.results is ResultFormat.COMMAND and not results.cases and not results.complaints:
        results.per_test = False
        results.cases.append(_suite_case(result))
    elif command.results is ResultFormat.COMMAND and not any(case.outcome.bad for case in results.cases):
        results.cases.extend(_crashed(result, tree))
    return results


def _cases(command: TestCommand, result: CommandResult, tree: Path) -> Iterable[TestCaseResult]:
    told = _TOLD.get(command.results)
    return told(command, result, tree) if told else _file_cases(command.results, _result(command, tree), tree)


def _file_cases(results: ResultFormat, data: bytes, tree: Path) -> Iterable[TestCaseResult]:
    if results is ResultFormat.PYTHON_JUNIT:
        return [python_case(raw) for raw in read_junit(data)]
    if results is ResultFormat.BUN_JUNIT:
        return [_bun_case(raw) for raw in read_junit(data)]
    text = data.decode("utf-8", "replace")
    return _READERS[results](text, tree)


_READERS = {
    ResultFormat.NODE_EVENTS: node_cases,
    ResultFormat.JEST_JSON: jest_cases,
    ResultFormat.MOCHA_JSON: mocha_cases,
}


def _result(command: TestCommand, tree: Path) -> bytes:
    if command.result_file is None:
        raise ReportUnreadable("The command names no result file.")
    if command.result_file.is_relative_to(tree):
        return read_inside(tree, str(command.result_file.relative_to(tree)), max_bytes=XML_MAX_BYTES)
    return read_regular(command.result_file, max_bytes=XML_MAX_BYTES)


def _command_cases(command: TestCommand, result: CommandResult, tree: Path) -> Iterable[TestCaseResult]:
    if command.result_file is None:
        return named_tests(result.output, tree)
    return [_generic_case(raw) for raw in read_junit(_result(command, tree))]


def _generic_case(raw: RawCase) -> TestCaseResult:
    if raw.file.endswith(".py"):
        return python_case(raw)
    scope = raw.file or raw.classname
    return TestCaseResult(
        test_id="::".join(part for part in (scope, raw.name) if part),
        file=raw.file,
        name=raw.name,
        outcome=raw.outcome,
        failure=_asserted(raw),
        duration_ms=raw.duration_ms,
    )


def _asserted(raw: RawCase) -> Failure | None:
    """Name an assertion as such: a failure, as against an error, that names no exception or one of an assertion library."""
    told = raw.failure
    if told is None or raw.outcome is not Outcome.FAILED:
        return told
    name = re.split(r"[.:\\\\]+", told.exception or "")[-1]
    plain = not name.endswith(("Error", "Exception")) or re.search(r"(?i)assert|expect|mismatch|comparison", name)
    return replace(told, exception="AssertionError") if plain else told


def _bun_case(raw: RawCase) -> TestCaseResult:
    """Bun tells the file and the describe blocks, and of a failure its type alone."""
    scope = [] if raw.classname in {"", raw.file} else raw.classname.split(" > ")
    return TestCaseResult(
        test_id="::".join([raw.file, *scope, raw.name]),
        file=raw.file,
        name=raw.name,
        outcome=raw.outcome,
        failure=raw.failure,
        duration_ms=raw.duration_ms,
    )


def _nextest_cases(command: TestCommand, result: CommandResult, tree: Path) -> list[TestCaseResult]:
    """Read nextest's report, and in the output the documentation's tests and the compiler's errors."""
    told = cargo_cases(result.output, tree)
    try:
        raws = read_junit(_result(command, tree))
    except ReportUnreadable:
        if not told:
            raise
        raws = []
    return [*told, *nextest_cases(raws, tree)]


def _java_cases(command: TestCommand, result: CommandResult, tree: Path) -> list[TestCaseResult]:
    paths = list(walk_files(tree))
    sources = {PurePosixPath(path).stem: path for path in paths if path.endswith((".java", ".kt"))}
    cases = java_compile_errors(result.output, tree)
    for path in paths:
        if matches_any(path, command.result_globs):
            raws = read_junit(read_inside(tree, path, max_bytes=XML_MAX_BYTES))
            cases.extend(_java_case(raw, sources) for raw in raws)
    return cases


def _java_case(raw: RawCase, sources: dict[str, str]) -> TestCaseResult:
    stem = raw.classname.rpartition(".")[2].partition("$")[0]
    file = sources.get(stem, "")
    name = raw.name.replace("()", "")
    return TestCaseResult(
        test_id=f"{file or raw.classname}::{name}",
        file=file,
        name=name.partition("(")[0].partition("[")[0],
        outcome=raw.outcome,
        failure=raw.failure,
        duration_ms=raw.duration_ms,
    )


_TOLD: Mapping[ResultFormat, Callable[[TestCommand, CommandResult, Path], Iterable[TestCaseResult]]] = {
    ResultFormat.GO_EVENTS: lambda _, result, tree: go_cases(result.output, tree),
    ResultFormat.CARGO_TEXT: lambda _, result, tree: cargo_cases(result.output, tree),
    ResultFormat.AVA_TAP: lambda command, result, tree: ava_cases(result.output, tree, command.chosen),
    ResultFormat.NEXTEST_JUNIT: _nextest_cases,
    ResultFormat.JAVA_JUNIT: _java_cases,
    ResultFormat.COMMAND: _command_cases,
}
"""Where the output tells the results, or more than one file does."""


def _suite_case(result: CommandResult) -> TestCaseResult:
    passed = result.exit_code == 0
    return TestCaseResult(
        test_id=SUITE,
        file=SUITE,
        name=SUITE,
        outcome=Outcome.PASSED if passed else Outcome.FAILED,
        failure=None if passed else _output_failure(result),
        duration_ms=round(result.duration_s * 1000),
    )


def _output_failure(result: CommandResult) -> Failure:
    """Take the error that the output ended with, so that a missing symbol can be told from a broken test."""
    return last_error(result.output) or failure(f"The command ended with exit code {result.exit_code}.", result.output)


def _crashed(result: CommandResult, tree: Path) -> list[TestCaseResult]:
    """Where files run one by one and one of them ended its process before any test of it was told: that file's error."""
    told = last_error(result.output)
    if told is None or result.exit_code == 0 or result.timed_out:
        return []
    error = result.output.rfind(told.message.partition("\n")[0])
    file = next(iter(_mentioned(result.output[error:], tree)), None)
    return [] if file is None else [_whole(file, told)]


def _whole(file: str, told: Failure) -> TestCaseResult:
    return TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)


def _unloaded(command: TestCommand, result: CommandResult, tree: Path) -> list[TestCaseResult]:
    """Where a runner of Node wrote no report: the error that it ended with, as one case of the file that it names."""
    told = last_error(result.output)
    if command.results not in _NODE or told is None or result.exit_code == 0 or result.timed_out:
        return []
    mentioned = [path for path in command.chosen if path in result.output] or list(_mentioned(result.output, tree))
    if not mentioned:
        return []
    return [_whole(mentioned[0], told)]


_NODE = {
    ResultFormat.NODE_EVENTS, ResultFormat.JEST_JSON, ResultFormat.MOCHA_JSON, ResultFormat.BUN_JUNIT,
    ResultFormat.AVA_TAP,
}  # fmt: skip
_SCRIPT = re.compile(r"[\w./@-]+\.[cm]?[jt]sx?\b")


def _mentioned(output: str, tree: Path) -> Iterable[str]:
    """Yield the scripts of the tree that an output names, those that look like tests first."""
    named = dict.fromkeys(found.group(0).removeprefix(f"{tree}/") for found in _SCRIPT.finditer(output[-200_000:]))
    own = [path for path in named if not path.startswith("/") and "node_modules" not in path and holds_file(tree, path)]
    return sorted(
        own, key=lambda path: not matches_any(path, ("*test*", "*spec*", "**/test/**", "test/**", "tests/**"))
    )
