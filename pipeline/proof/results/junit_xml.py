"""Read JUnit XML that a test process wrote, without trusting it.

Problem: the file comes from agent-written code; XML can carry entity bombs, and reports differ between runners.
Choice: cap the size, refuse every document type declaration (no entities, so no bombs and no outside files), then read
with the standard library; keep only the facts that the verdict needs. Invariant: unreadable is an error with a
sentence, never an empty report.
"""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, failure
from pipeline.proof.untrusted_files import ReportUnreadable

XML_MAX_BYTES = 64 * 1024 * 1024
CASES_MAX = 200_000

_EXCEPTION = re.compile(
    r"^(?:failed on (?:setup|teardown) with \")?([A-Za-z_][\w.]*?(?:Error|Exception|Failed|Warning|Exit|Interrupt))\b(?::|$)"
)
_NO_FIXTURE = re.compile(r"fixture '[^'\n]{1,200}' not found")
_TRACE_EXCEPTION = re.compile(r"^E\s+([A-Za-z_][\w.]*(?:Error|Exception|Failed|Exit|Interrupt))\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCase:
    """A `<testcase>` as written; each runner maps it to a file and an id in its own way."""

    classname: str
    name: str
    file: str
    outcome: Outcome
    failure: Failure | None
    duration_ms: int


def read_junit(data: bytes) -> list[RawCase]:
    """Return all test cases in document order. Raises `ReportUnreadable`."""
    if len(data) > XML_MAX_BYTES:
        raise ReportUnreadable("The result file is too large.", bytes=len(data))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReportUnreadable("The result file is not UTF-8.") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ReportUnreadable("The result file declares a document type, which no test runner does.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - size capped, document types refused above, other encodings not honoured
    except ET.ParseError as error:
        raise ReportUnreadable(f"The result file is not XML: {error}.") from error
    if root.tag not in {"testsuites", "testsuite"}:
        raise ReportUnreadable(f"The result file's root is {root.tag!r}, not a test suite.")
    elements = list(root.iter("testcase"))
    if len(elements) > CASES_MAX:
        raise ReportUnreadable("The result file holds too many tests.", tests=len(elements))
    return [_raw_case(element) for element in elements]


def exception_of(message: str, text: str = "") -> str | None:
    """Name the exception in a runner's message, else in a traceback; None when neither names one."""
    found = _EXCEPTION.match(message.strip())
    if found:
        return found.group(1).rpartition(".")[2]
    if message.startswith("assert "):
        return "AssertionError"
    traced = _TRACE_EXCEPTION.findall(text)
    if traced:
        return str(traced[-1]).rpartition(".")[2]
    return None


def python_case(raw: RawCase) -> TestCaseResult:
    """Map a case of pytest (xunit1) or of our unittest runner to its node id."""
    module = raw.file.removesuffix(".py").replace("/", ".")
    if raw.failure is not None and raw.failure.message == "collection failure":
        return TestCaseResult(
            test_id=raw.file, file=raw.file, name=raw.file, outcome=Outcome.ERROR, failure=_collection(raw.failure)
        )
    scope = raw.classname.removeprefix(module).lstrip(".") if raw.classname.startswith(module) else raw.classname
    parts = [part for part in (raw.file, scope.replace(".", "::"), raw.name) if part]
    plain = raw.name.partition("[")[0]
    return TestCaseResult(
        test_id="::".join(parts),
        file=raw.file,
        name=f"{scope}.{plain}" if scope else plain,
        outcome=raw.outcome,
        failure=raw.failure,
        duration_ms=raw.duration_ms,
    )


def _collection(found: Failure) -> Failure:
    exception = exception_of("", found.tail)
    lines = [line[1:].strip() for line in found.tail.splitlines() if line.startswith("E ")]
    named = [line for line in lines if exception and line.startswith(exception)]
    message = (named or lines or [found.message])[-1]
    return Failure(exception=exception, message=message, tail=found.tail)


def _raw_case(element: ET.Element) -> RawCase:
    outcome, found = _verdict(element)
    return RawCase(
        classname=element.get("classname", ""),
        name=element.get("name", ""),
        file=element.get("file", "").replace("\\", "/").removeprefix("./"),
        outcome=outcome,
        failure=found,
        duration_ms=_milliseconds(element.get("time", "0")),
    )


def _verdict(element: ET.Element) -> tuple[Outcome, Failure | None]:
    for tag, outcome in (("error", Outcome.ERROR), ("failure", Outcome.FAILED), ("skipped", Outcome.SKIPPED)):
        child = element.find(tag)
        if child is not None:
            return outcome, _failure_of(child)
    return Outcome.PASSED, None


def _failure_of(child: ET.Element) -> Failure:
    text = child.text or ""
    message = child.get("message") or (text.strip().splitlines() or [""])[0]
    if (fixture := _NO_FIXTURE.search(f"{message}\n{text}")) is not None:
        # pytest tells where the test stands first, on several lines
        return failure(fixture.group(0), text, exception=None)
    exception = exception_of(message, text) or (child.get("type") or "").rpartition(".")[2] or None
    return failure(message, text, exception=exception)


def _milliseconds(seconds: str) -> int:
    try:
        return max(0, round(float(seconds.replace(",", "")) * 1000))
    except (ValueError, OverflowError):
        return 0
