"""Read the results of Node's own test runner (our event lines) and of Jest and Vitest (one JSON shape)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.proof.json_text import parsed_object
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.untrusted_files import ReportUnreadable

_ERROR_LINE = re.compile(r"(?m)^\s*(?P<name>[A-Z]\w*(?:Error|Exception)|Error)(?: \[\w+\])?: (?P<message>.+)$")
_WHOLE_MAX = 2**53
_JEST_ASSERTION = re.compile(r"^Error: expect\(|JestAssertionError|^Error: Expected ")


def node_cases(text: str, tree: Path) -> list[TestCaseResult]:
    """Read our reporter's lines. A file that holds no test, or fails to load, is not a passing test."""
    cases: list[TestCaseResult] = []
    titles: list[str] = []
    stderr: dict[str, str] = {}
    for line in text.splitlines():
        event = parsed_object(line)
        kind, file = event.get("type"), _relative(event.get("file"), tree)
        if kind == "test:stderr":
            stderr[file] = (stderr.get(file, "") + str(event.get("text", "")))[-16_000:]
        elif kind == "test:start":
            nesting = _whole(event.get("nesting"))
            titles[nesting:] = [str(event.get("name", ""))]
        elif kind in {"test:pass", "test:fail"}:
            cases.extend(_node_case(event, file, titles, stderr, tree))
    return cases


def _node_case(
    event: dict[str, Any], file: str, titles: list[str], stderr: dict[str, str], tree: Path
) -> Iterator[TestCaseResult]:
    failed = event.get("type") == "test:fail"
    name = str(event.get("name", ""))
    if _relative(name, tree) == file and _whole(event.get("nesting")) == 0:
        if failed:
            told = _stderr_failure(stderr.get(file, ""))
            yield TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)
        return
    error = event.get("error")
    facts = error if isinstance(error, dict) else {}
    if event.get("suite") and (not failed or facts.get("kind") == "subtestsFailed"):
        return
    path = [*titles[: _whole(event.get("nesting"))], name]
    outcome = Outcome.FAILED if failed else Outcome.PASSED
    if event.get("skip") or event.get("todo"):
        outcome = Outcome.SKIPPED
    elif failed and facts.get("kind") in {"hookFailed", "cancelledByParent", "testTimeoutFailure"}:
        outcome = Outcome.ERROR
    yield TestCaseResult(
        test_id="::".join([file, *path]),
        file=file,
        name=name,
        outcome=outcome,
        failure=_node_failure(facts) if outcome.bad else None,
        duration_ms=_whole(event.get("duration_ms")),
    )


def _node_failure(facts: dict[str, Any]) -> Failure:
    cause = facts.get("cause")
    inner: dict[str, Any] = cause if isinstance(cause, dict) and cause.get("name") else facts
    exception = "AssertionError" if inner.get("code") == "ERR_ASSERTION" else inner.get("name")
    return failure(str(inner.get("message", "")), str(inner.get("stack", "")), exception=exception)


def _stderr_failure(text: str) -> Failure:
    found = list(_ERROR_LINE.finditer(text))
    if not found:
        return failure("The file ended with an error before its tests were done.", text)
    return failure(found[-1].group("message"), text, exception=found[-1].group("name"))


def jest_cases(text: str, tree: Path) -> list[TestCaseResult]:
    """Read Jest's `--json` result, which Vitest's `--reporter=json` copies."""
    document = parsed_object(text)
    suites = document.get("testResults")
    if not isinstance(suites, list):
        raise ReportUnreadable("The result file is not a Jest result.")
    cases: list[TestCaseResult] = []
    for suite in suites:
        if isinstance(suite, dict):
            cases.extend(_jest_suite(suite, tree))
    return cases


def _jest_suite(suite: dict[str, Any], tree: Path) -> Iterator[TestCaseResult]:
    file = _relative(suite.get("name"), tree)
    results = [result for result in suite.get("assertionResults") or [] if isinstance(result, dict)]
    for result in results:
        yield _jest_case(result, file)
    if suite.get("status") == "failed" and not any(result.get("status") == "failed" for result in results):
        told = _suite_failure(str(suite.get("message", "")))
        yield TestCaseResult(test_id=file, file=file, name=file, outcome=Outcome.ERROR, failure=told)


def _jest_case(result: dict[str, Any], file: str) -> TestCaseResult:
    titles = [str(title) for title in result.get("ancestorTitles") or []]
    name = str(result.get("title", ""))
    status = result.get("status")
    outcome = {"passed": Outcome.PASSED, "failed": Outcome.FAILED}.get(str(status), Outcome.SKIPPED)
    messages = "\n".join(str(message) for message in result.get("failureMessages") or [])
    return TestCaseResult(
        test_id="::".join([file, *titles, name]),
        file=file,
        name=name,
        outcome=outcome,
        failure=_jest_failure(messages) if outcome.bad else None,
        duration_ms=_whole(result.get("duration")),
    )


def _jest_failure(messages: str) -> Failure:
    head = messages.strip().splitlines()[0] if messages.strip() else ""
    if _JEST_ASSERTION.match(head):
        return failure(head, messages, exception="AssertionError")
    found = _ERROR_LINE.match(head)
    return failure(
        found.group("message") if found else head, messages, exception=found.group("name") if found else None
    )


def _suite_failure(message: str) -> Failure:
    lines = [line.strip() for line in message.splitlines() if line.strip() and "Test suite failed to run" not in line]
    found = _ERROR_LINE.search(message)
    if found:
        return failure(found.group("message"), message, exception=found.group("name"))
    return failure(
        lines[0] if lines else "The file could not be loaded.", message, exception="Error" if lines else None
    )


def _relative(file: object, tree: Path) -> str:
    text = str(file or "").removeprefix("file://")
    for root in (tree, tree.resolve()):
        text = text.removeprefix(f"{root}/")
    return text


def _whole(value: object) -> int:
    return round(value) if isinstance(value, int | float) and 0 <= value < _WHOLE_MAX else 0
