"""What reviewers and deterministic checks report, and how much each report weighs."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is. `critical` and `major` send the change back to development."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFO = "info"

    @property
    def blocking(self) -> bool:
        """Whether the finding must be resolved before delivery."""
        return self in {Severity.CRITICAL, Severity.MAJOR}

    @property
    def rank(self) -> int:
        """The weightiest is 0."""
        return list(Severity).index(self)


class Risk(StrEnum):
    """How suspicious a piece of input text is. `high` pauses before any other agent sees it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class FindingSource(StrEnum):
    """Who reported it."""

    SECURITY_REVIEWER = "security_reviewer"
    QUALITY_REVIEWER = "quality_reviewer"
    SPEC_REVIEWER = "spec_reviewer"
    DIFF_SCOPE = "diff_scope"
    SECRET_SCAN = "secret_scan"  # noqa: S105 - the name of a check
    TEST_RUN = "test_run"

    @property
    def reporter(self) -> str:
        """Who reports it in evidence: the reviewer, or `checks` for everything deterministic."""
        return self.value if self in REVIEWERS else CHECKS


REVIEWERS = (FindingSource.SECURITY_REVIEWER, FindingSource.QUALITY_REVIEWER, FindingSource.SPEC_REVIEWER)
CHECKS = "checks"
REPORTERS = (CHECKS, *(one.value for one in REVIEWERS))
"""Everybody who reports on a change, in the order in which they are shown."""


TEST_DETECTION = "test_detection"
"""The category of code that looks for how it is run: honest programs do so too, so a person judges, however much it weighs."""


def blocks(source: FindingSource, severity: Severity, category: str) -> bool:
    """Whether a finding sends the change back. Reviewers' words do by their weight, whatever they call it."""
    return severity.blocking and not (source is FindingSource.DIFF_SCOPE and category == TEST_DETECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One report about one place of the change."""

    source: FindingSource
    severity: Severity
    category: str
    message: str
    file: str | None = None
    line: int | None = None
    remedy: str | None = None

    @property
    def blocking(self) -> bool:
        """Whether it sends the change back, or is for whoever approves to judge."""
        return blocks(self.source, self.severity, self.category)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFlag:
    """One suspicious passage of the request: `quote` is the exact text, `start` its offset in the screened text."""

    risk: Risk
    pattern: str
    quote: str
    start: int
    explanation: str
