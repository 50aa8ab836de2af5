"""What the first roles hand in: the request sorted, its suspicious passages, the repositories it concerns."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipeline.agents.submissions.fields import (
    Confidence,
    CriterionId,
    Line,
    RepositoryName,
    Submission,
    Text,
    bulleted,
    facts_of,
    missing_ids,
    refuse,
    repeated_ids,
    unknown_ids,
)
from pipeline.findings import Risk, RiskFlag
from pipeline.specs.behaviour import ScenarioKind


class Priority(StrEnum):
    """How urgent the requester says it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AcceptanceCriterion(Submission):
    """One testable condition."""

    id: CriterionId
    """AC1, AC2 and so on, in the order of the request."""
    text: Text
    """The condition in one or two sentences, as the request states it, with its concrete values."""
    kind: ScenarioKind = ScenarioKind.CHANGE
    """`change` for something new or different; `preserve` for existing behaviour that must stay as it is."""


class StructuredRequest(Submission):
    """The change request, sorted."""

    title: Line
    """What changes, in one imperative line."""
    summary: Text
    """What is wanted and why, in neutral words, nothing added."""
    acceptance_criteria: Annotated[tuple[AcceptanceCriterion, ...], Field(max_length=30)]
    """Every testable condition of the request. Empty only if there is none; then `ambiguities` says what is missing."""
    constraints: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Limits on how it is done: compatibility, performance, technology, deadlines."""
    out_of_scope: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """What the request explicitly excludes."""
    priority: Priority = Priority.MEDIUM
    """As stated; `medium` if nothing is stated."""
    ambiguities: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """Questions whose answers would change the result; each names the passage it is about."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [criterion.id for criterion in self.acceptance_criteria]
        expected = [f"AC{number}" for number in range(1, len(ids) + 1)]
        problems = [f"number acceptance_criteria in order: {', '.join(expected)}"] if ids != expected else []
        if not ids and not self.ambiguities:
            problems.append("without any acceptance criterion, say in ambiguities what the requester has to answer")
        refuse(problems)
        return self

    @property
    def criteria(self) -> dict[str, ScenarioKind]:
        """Criterion id to kind, in order."""
        return {criterion.id: criterion.kind for criterion in self.acceptance_criteria}

    def as_text(self) -> str:
        """Return the request as later prompts and people read it."""
        parts = (
            f"{self.title}\n\n{self.summary}",
            bulleted("Acceptance criteria", (f"{one.id} ({one.kind}): {one.text}" for one in self.acceptance_criteria)),
            bulleted("Constraints", self.constraints),
            bulleted("Out of scope", self.out_of_scope),
            bulleted("Open questions", self.ambiguities),
            f"Priority: {self.priority}",
        )
        return "\n\n".join(part for part in parts if part)


class RiskPattern(StrEnum):
    """What a suspicious passage tries."""

    OVERRIDES_INSTRUCTIONS = "overrides_instructions"
    DEBUG_ENDPOINT = "debug_endpoint"
    SECRETS_ACCESS = "secrets_access"
    OBFUSCATION = "obfuscation"
    INFRASTRUCTURE_CHANGE = "infrastructure_change"
    EXTERNAL_URL = "external_url"
    WEAKENS_CONTROLS = "weakens_controls"
    SCOPE_CREEP = "scope_creep"


class ScreeningFlag(Submission):
    """One suspicious passage."""

    risk: Risk
    """`high` stops the change request for a person; `medium` is shown to the security reviewer; `low` is recorded."""
    pattern: RiskPattern
    quote: Annotated[str, Field(min_length=1, max_length=2_000)]
    """The passage, copied character for character from the request."""
    explanation: Text
    """What it would make an agent or the software do, in one or two sentences."""

    @field_validator("quote")
    @classmethod
    def _occurs(cls, quote: str, info: ValidationInfo) -> str:
        text = facts_of(info).request_text
        if text is not None and quote not in text:
            raise ValueError("does not occur in the request; copy the passage exactly, or a shorter part of it")
        return quote


class Screening(Submission):
    """The verdict on the text of a request."""

    flags: Annotated[tuple[ScreeningFlag, ...], Field(max_length=50)]
    """Every suspicious passage; empty if there is none."""

    def located(self, text: str) -> tuple[RiskFlag, ...]:
        """Return the flags with the offset of each quote in the screened text."""
        return tuple(
            RiskFlag(
                risk=flag.risk,
                pattern=flag.pattern,
                quote=flag.quote,
                start=text.index(flag.quote),
                explanation=flag.explanation,
            )
            for flag in self.flags
        )


class RepositoryChoice(Submission):
    """One repository that has to change."""

    name: RepositoryName
    """As listed."""
    reason: Text
    """Which part of the request lands there, and the evidence for it."""
    criterion_ids: Annotated[tuple[CriterionId, ...], Field(min_length=1, max_length=30)]
    """The acceptance criteria that this repository has to serve."""
    confidence: Confidence


class Repositories(Submission):
    """Where the change has to be made."""

    repositories: Annotated[tuple[RepositoryChoice, ...], Field(max_length=20)]
    """Only repositories that must change; empty if none of the listed ones fits."""
    open_question: Text | None = None
    """What a person has to answer if the choice is empty or unsure."""

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        facts = facts_of(info)
        names = [choice.name for choice in self.repositories]
        used = [one for choice in self.repositories for one in choice.criterion_ids]
        problems = repeated_ids(names, "repository names")
        problems += unknown_ids(names, facts.repositories, "repositories")
        problems += unknown_ids(used, facts.criteria, "criterion ids")
        if names and facts.criteria is not None:
            problems += missing_ids(facts.criteria, used, "no repository serves the criteria")
        if not names and self.open_question is None:
            problems.append("without a repository, say in open_question what a person has to answer")
        refuse(problems)
        return self
