"""From two runs of one suite to what a person wants to know of it.

Problem: a suite that fails says nothing about why; a test that needs a database looks like a bug. Choice: compare the two
runs test by test, and read in the runner's own error what a test reached for: the sandbox has no network and no services, so
a refused connection or an unresolved name says it. Pure; texts of tests are cut. Invariant: a test is listed as failing or as
flaky, never as both.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport
from pipeline.survey.record import (
    LISTED_MAX,
    SAID_MAX,
    FailingTest,
    FlakyTest,
    NeedyTest,
    OutsideNeed,
    SlowTest,
    Suite,
    SuiteRun,
)

ABSENT = "absent"
COMMAND_MAX = 1_000
SLOW_MAX = 5
SLOW_S = 0.5
"""A test that is quicker is not worth a line."""
_NAME = r"['\"]?(?P<host>[a-z0-9][\w-]*(?:\.[\w-]+)+)"
_NETWORK = re.compile(
    r"name or service not known|temporary failure in name resolution|nodename nor servname|getaddrinfo|EAI_AGAIN|ENOTFOUND"
    r"|no such host|name resolution|failed to lookup address|could not resolve host|UnknownHostException"
    r"|network is unreachable|ENETUNREACH|no route to host|EHOSTUNREACH",
    re.IGNORECASE,
)
_SERVICE = re.compile(
    r"connection refused|ECONNREFUSED|ConnectionRefused|actively refused|could not connect to server|docker daemon"
    r"|docker\.sock|could not find a valid docker",
    re.IGNORECASE,
)
_HOST = re.compile(rf"(?:ENOTFOUND|EAI_AGAIN|lookup|host=|host|//|for)\s*:?\s*{_NAME}", re.IGNORECASE)
_PORT = re.compile(
    r"(?:port[=: ]+|(?:localhost|127\.0\.0\.1|::1|\]|[a-z][\w.-]*)['\"]?(?::|,\s*(?:port\s*)?))(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
_SERVICES = {
    "5432": "PostgreSQL", "3306": "MySQL", "6379": "Redis", "27017": "MongoDB", "9200": "Elasticsearch", "5672": "RabbitMQ",
    "9092": "Kafka", "11211": "Memcached", "1433": "SQL Server", "2379": "etcd", "4222": "NATS", "9000": "MinIO",
}  # fmt: skip


def suite_of(first: TestReport, second: TestReport | None, *, command: str, peaks: Sequence[int]) -> Suite:
    """Say what two full runs of a command showed; `peaks` is the memory of each in bytes, 0 where nobody measured."""
    flaky = list(_flaky(first, second)) if second is not None else []
    unsure = {one.test for one in flaky}
    failing = [case for case in first.bad if case.test_id not in unsure]
    needy = [found for case in _bad_of(first, second) if (found := need_of(case)) is not None]
    return Suite(
        command=command[:COMMAND_MAX], per_test=first.per_test, found=len(first.cases) if first.per_test else 1,
        first=_run(first, peaks[0]), second=None if second is None else _run(second, peaks[1]),
        failing_count=len(failing), failing=tuple(_failing(case) for case in failing[:LISTED_MAX]),
        flaky_count=len(flaky), flaky=tuple(flaky[:LISTED_MAX]),
        needy_count=len(needy), needy=tuple(needy[:LISTED_MAX]), slow=tuple(_slow(first, second)),
    )  # fmt: skip


def need_of(case: TestCaseResult) -> NeedyTest | None:
    """Say what a failed test reached for outside the sandbox; None when its error does not tell of such."""
    if case.failure is None:
        return None
    told = f"{first_line(case)}\n{case.failure.message}\n{case.failure.tail}"
    for need, shape in ((OutsideNeed.NETWORK, _NETWORK), (OutsideNeed.SERVICE, _SERVICE)):
        found = shape.search(told)
        if found is not None:
            line = told[told.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0].strip()
            what = _host(told) if need is OutsideNeed.NETWORK else _service(told)
            return NeedyTest(test=case.test_id[:SAID_MAX], need=need, what=what, said=line[:SAID_MAX])
    return None


def first_line(case: TestCaseResult) -> str:
    """Return the first line of why a case failed, in the runner's words."""
    if case.failure is None:
        return ""
    line = next((line.strip() for line in case.failure.message.splitlines() if line.strip()), "")
    named = case.failure.exception
    return (f"{named}: {line}" if named and named not in line else line)[:SAID_MAX]


def _bad_of(first: TestReport, second: TestReport | None) -> Iterable[TestCaseResult]:
    seen = {case.test_id: case for report in (second, first) if report is not None for case in report.bad}
    return (seen[test] for test in sorted(seen))


def _flaky(first: TestReport, second: TestReport) -> Iterator[FlakyTest]:
    one = {case.test_id: case for case in first.cases}
    other = {case.test_id: case for case in second.cases}
    for test in sorted({*one, *other}):
        before, after = one.get(test), other.get(test)
        if _judged(before) is not _judged(after):
            said = next((first_line(case) for case in (before, after) if case is not None and case.outcome.bad), "")
            yield FlakyTest(test=test[:SAID_MAX], first=_word(before), second=_word(after), said=said)


def _judged(case: TestCaseResult | None) -> bool | None:
    return None if case is None else case.outcome.bad


def _word(case: TestCaseResult | None) -> str:
    return ABSENT if case is None else case.outcome.value


def _failing(case: TestCaseResult) -> FailingTest:
    return FailingTest(test=case.test_id[:SAID_MAX], said=first_line(case))


def _run(report: TestReport, peak: int) -> SuiteRun:
    return SuiteRun(
        passed=report.count(Outcome.PASSED), failed=len(report.bad), skipped=report.count(Outcome.SKIPPED),
        duration_s=report.duration_ms / 1000, memory_peak_bytes=peak,
    )  # fmt: skip


def _slow(first: TestReport, second: TestReport | None) -> Iterator[SlowTest]:
    if not first.per_test:
        return
    longest: dict[str, int] = {}
    for report in (first, second):
        for case in report.cases if report is not None else ():
            longest[case.test_id] = max(longest.get(case.test_id, 0), case.duration_ms)
    for test, took in sorted(longest.items(), key=lambda one: (-one[1], one[0]))[:SLOW_MAX]:
        if took >= SLOW_S * 1000:
            yield SlowTest(test=test[:SAID_MAX], seconds=took / 1000)


def _host(told: str) -> str:
    found = _HOST.search(told)
    return found.group("host")[:100] if found else ""


def _service(told: str) -> str:
    if "docker" in told.lower():
        return "Docker"
    found = _PORT.search(told)
    if found is None:
        return ""
    port = found.group("port")
    return f"{_SERVICES[port]} (port {port})" if port in _SERVICES else f"port {port}"
