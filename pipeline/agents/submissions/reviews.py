"""What the reviewers hand in.

A verdict and its findings must agree, so that a reviewer that contradicts itself is asked again instead of passing.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from pipeline.agents.submissions.fields import (
    Line,
    RepositoryPath,
    ScenarioId,
    Submission,
    Text,
    facts_of,
    in_order,
    missing_ids,
    refuse,
    repeated_ids,
    unknown_ids,
    verdict_agrees,
)
from pipeline.findings import Finding, FindingSource, Severity


class ReviewVerdict(StrEnum):
    """Whether the change may go on to delivery."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    CHANGES_REQUIRED = "changes_required"


class ReviewFinding(Submission):
    """One problem in the change."""

    severity: Severity
    """`critical` and `major` must be resolved before delivery; `minor` and `info` are advice."""
    category: Line
    """One or two words, for example `input validation`, `rounding`, `missing test`."""
    message: Text
    """What is wrong and what it leads to, with the input or situation that shows it."""
    file: RepositoryPath | None = None
    line: Annotated[int, Field(ge=1)] | None = None
    """In the file after the change."""
    remedy: Text | None = None
    """What to do instead; required for critical and major findings."""

    @model_validator(mode="after")
    def _actionable(self) -> Self:
        if self.severity.blocking and (self.remedy is None or self.file is None):
            raise ValueError("a critical or major finding needs file and remedy")
        if self.line is not None and self.file is None:
            raise ValueError("a line needs a file")
        return self


class Review(Submission):
    """The verdict of one reviewer on the change."""

    verdict: ReviewVerdict
    """`changes_required` exactly when at least one finding is critical or major."""
    findings: Annotated[tuple[ReviewFinding, ...], Field(max_length=60)]
    """Most severe first; empty if there are none."""

    @model_validator(mode="after")
    def _verdict_agrees(self) -> Self:
        blocking = any(finding.severity.blocking for finding in self.findings)
        refuse(verdict_agrees(self.verdict is ReviewVerdict.CHANGES_REQUIRED, blocking, "changes_required", "finding"))
        return self

    def as_text(self) -> str:
        """Return the findings as feedback for the code writer, in the order given."""
        lines: list[str] = []
        for one in self.findings:
            place = f" {one.file}:{one.line}" if one.line else f" {one.file}" if one.file else ""
            lines.append(f"- {one.severity}, {one.category}{place}: {one.message}")
            if one.remedy:
                lines.append(f"  Remedy: {one.remedy}")
        return "\n".join(lines)

    def as_findings(self, source: FindingSource) -> tuple[Finding, ...]:
        """Return the findings as the domain knows them."""
        return tuple(
            Finding(
                source=source,
                severity=one.severity,
                category=one.category,
                message=one.message,
                file=one.file,
                line=one.line,
                remedy=one.remedy,
            )
            for one in self.findings
        )


class CoverageStatus(StrEnum):
    """How far a scenario is proven and implemented."""

    COVERED = "covered"
    PARTLY = "partly"
    MISSING = "missing"


class ScenarioCoverage(Submission):
    """Where one scenario is tested and implemented."""

    scenario_id: ScenarioId
    status: CoverageStatus
    test: Line | None = None
    """The test that would fail if the scenario stopped holding: path::name."""
    code: Line | None = None
    """The place that makes it hold: path:line or path::name."""

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if self.status is CoverageStatus.COVERED and (self.test is None or self.code is None):
            raise ValueError("a covered scenario names its test and its code")
        return self


class SpecReview(Review):
    """The verdict of the spec reviewer, scenario by scenario."""

    coverage: Annotated[tuple[ScenarioCoverage, ...], Field(min_length=1, max_length=60)]
    """One entry for each scenario."""

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Self:
        known = facts_of(info).scenarios
        judged = [entry.scenario_id for entry in self.coverage]
        problems = repeated_ids(judged, "scenario ids")
        problems += unknown_ids(judged, known, "scenario ids")
        if known is not None:
            problems += missing_ids(known, judged, "coverage lacks the scenarios")
        open_ones = [entry.scenario_id for entry in self.coverage if entry.status is not CoverageStatus.COVERED]
        if open_ones and self.verdict is ReviewVerdict.PASS:
            problems.append(f"verdict pass, but not covered: {', '.join(in_order(open_ones))}; add a major finding")
        refuse(problems)
        return self
