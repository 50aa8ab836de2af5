"""What one test run showed, in one form for every runner.

Problem: each runner tells its results in its own way, and some lie by omission: a process may exit 0 while its report
lacks the tests that were asked for. Choice: one frozen report of cases with stable ids (`file::class::name`), plus
`complaints`, the sentences in which exit code, report and selection disagree. Invariant: a report with complaints is
never `ok`, whatever its cases say.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

MESSAGE_MAX_CHARS = 2_000
TAIL_MAX_CHARS = 4_000
SUITE = "suite"
"""The id of the one synthetic case of a runner that only tells an exit code."""


class Outcome(StrEnum):
    """How one test ended. `error` means that the test body was not judged: collection, fixture or crash."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def bad(self) -> bool:
        """Whether the test is evidence against the code."""
        return self in {Outcome.FAILED, Outcome.ERROR}


_WORST_FIRST = (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a test did not pass, as the runner told it; untrusted text."""

    exception: str | None
    """The exception's or error's class or code where the runner names one, such as `AssertionError` or `E0432`."""
    message: str
    tail: str
    """The end of the traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCaseResult:
    """One test. A file that could not be loaded is one case whose id is the file itself."""

    __test__ = False

    test_id: str
    file: str
    """Relative to the repository's root; empty when the runner does not tell."""
    name: str
    """As a person would write it, without parameters: the function or title path."""
    outcome: Outcome
    failure: Failure | None = None
    duration_ms: int = 0

    @property
    def whole_file(self) -> bool:
        """Whether the case stands for a file that could not be loaded."""
        return self.test_id == self.file

    @property
    def whole_suite(self) -> bool:
        """Whether the case stands for all that a command ran, of which it told nothing but its end."""
        return self.name == SUITE and self.test_id == self.file and self.file.rpartition("/")[2] == SUITE

    def below(self, root: str) -> "TestCaseResult":
        """Return the case of a component as one of its repository: a test's identity begins with its component's folder."""
        return replace(self, test_id=f"{root}/{self.test_id}", file=f"{root}/{self.file}" if self.file else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """One run of the pipeline's own, in a clean checkout."""

    __test__ = False

    command: tuple[str, ...]
    exit_code: int
    """Of the process; a planted canary's part in it is taken out."""
    cases: tuple[TestCaseResult, ...]
    """Sorted by id; each id once."""
    selection: tuple[str, ...] | None = None
    """The test files that were asked for; None is the full suite."""
    complaints: tuple[str, ...] = ()
    """Where exit code, report and selection disagree, in words."""
    notes: tuple[str, ...] = ()
    """What people should know of the run, in words; no fault of the code."""
    per_test: bool = True
    """False when the runner only tells an exit code; then one synthetic case stands for the suite."""
    timed_out: bool = False
    truncated: bool = False
    output_tail: str = ""
    duration_ms: int = 0

    @property
    def ok(self) -> bool:
        """Every test ran and passed, and exit code and report agree. Skipped tests do not make a run bad."""
        return not self.complaints and not self.timed_out and bool(self.cases) and not self.bad

    @property
    def bad(self) -> tuple[TestCaseResult, ...]:
        """The cases that failed or could not be judged."""
        return tuple(case for case in self.cases if case.outcome.bad)

    def outcomes(self) -> dict[str, Outcome]:
        """Outcome by test id."""
        return {case.test_id: case.outcome for case in self.cases}

    def count(self, outcome: Outcome) -> int:
        """How many cases ended so."""
        return sum(case.outcome is outcome for case in self.cases)

    def fingerprint(self) -> str:
        """Identify the failures: equal fingerprints in a row mean that the writer makes no progress. Empty when none."""
        bad = [(case.test_id, case.failure.exception if case.failure else None) for case in self.bad]
        return sha256(repr((bad, self.complaints)).encode()).hexdigest() if bad or self.complaints else ""

    def summary(self) -> str:
        """One line for people."""
        bad = len(self.bad)
        text = f"{self.count(Outcome.PASSED)} passed, {bad} failed, {self.count(Outcome.SKIPPED)} skipped"
        if not self.per_test and len(self.cases) > 1:
            text += "; of some components no single tests are told"
        elif not self.per_test:
            text = f"the command ended with exit code {self.exit_code}, single tests are not told"
        if self.timed_out:
            return f"{text}; timed out"
        told = self.complaints or self.notes
        return f"{text}; {told[0]}" if told else text


def readable(case: TestCaseResult) -> TestCaseResult:
    """Return the case with texts that can be stored, sent and shown: what is half a character or NUL is replaced."""
    told = case.failure
    return replace(
        case,
        test_id=_readable(case.test_id),
        file=_readable(case.file),
        name=_readable(case.name),
        failure=None
        if told is None
        else Failure(
            exception=None if told.exception is None else _readable(told.exception),
            message=_readable(told.message),
            tail=_readable(told.tail),
        ),
    )


def _readable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")


def failure(message: str, text: str = "", *, exception: str | None = None) -> Failure:
    """Build a failure with both texts capped: the head of the message, the end of the traceback."""
    return Failure(exception=exception, message=message[:MESSAGE_MAX_CHARS], tail=text[-TAIL_MAX_CHARS:])


def merged(cases: Iterable[TestCaseResult]) -> tuple[TestCaseResult, ...]:
    """Sort by id and keep the worst outcome of each id, since some runners report one id several times."""
    worst: dict[str, TestCaseResult] = {}
    for case in cases:
        known = worst.get(case.test_id)
        if known is None or _WORST_FIRST.index(case.outcome) < _WORST_FIRST.index(known.outcome):
            worst[case.test_id] = case
    return tuple(worst[test_id] for test_id in sorted(worst))
