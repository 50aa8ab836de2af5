"""What the specifying roles hand in: requirements, scenarios, and the checkers' verdicts on them."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipeline.agents.submissions.fields import (
    CriterionId,
    Line,
    RepositoryPath,
    RequirementId,
    ScenarioId,
    Submission,
    Text,
    bulleted,
    facts_of,
    missing_ids,
    refuse,
    repeated_ids,
    unknown_ids,
    verdict_agrees,
)
from pipeline.findings import Severity
from pipeline.specs.behaviour import Behaviour, InvalidBehaviour, Scenario, ScenarioKind, canonical_steps, single_line


class Requirement(Submission):
    """One thing the software must do."""

    id: RequirementId
    """R1, R2 and so on."""
    text: Text
    """One behaviour, observable from outside, with concrete values."""
    criterion_ids: Annotated[tuple[CriterionId, ...], Field(min_length=1, max_length=30)]
    """The acceptance criteria it serves."""
    edge_cases: Annotated[tuple[Text, ...], Field(max_length=15)] = ()
    """Boundaries, invalid input and failures that follow from the criteria, each with the expected outcome."""


class Requirements(Submission):
    """What one repository has to do."""

    requirements: Annotated[tuple[Requirement, ...], Field(min_length=1, max_length=40)]
    affected_modules: Annotated[tuple[RepositoryPath, ...], Field(max_length=40)] = ()
    """Existing files that the change will touch or that it must not break, as found in the repository."""
    assumptions: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """What you took for granted where the request is silent, each with the evidence from the repository."""

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        facts = facts_of(info)
        used = [one for requirement in self.requirements for one in requirement.criterion_ids]
        problems = repeated_ids([requirement.id for requirement in self.requirements], "requirement ids")
        problems += unknown_ids(used, facts.criteria, "criterion ids")
        if facts.criteria is not None:
            problems += missing_ids(facts.criteria, used, "no requirement serves the criteria")
        refuse(problems)
        return self

    def as_text(self) -> str:
        """Return the requirements as the spec writer reads them."""
        blocks = [
            bulleted(f"{one.id} ({', '.join(one.criterion_ids)}): {one.text}\nEdge cases", one.edge_cases)
            or f"{one.id} ({', '.join(one.criterion_ids)}): {one.text}"
            for one in self.requirements
        ]
        blocks.append(bulleted("Affected files", self.affected_modules))
        blocks.append(bulleted("Assumptions", self.assumptions))
        return "\n\n".join(block for block in blocks if block)


class SpecScenario(Submission):
    """One promise in Gherkin."""

    id: ScenarioId
    """S1, S2 and so on. A revised scenario keeps its id."""
    kind: ScenarioKind
    """`change`: fails on the present code and holds after the change. `preserve`: holds today and must go on holding."""
    criterion_ids: Annotated[tuple[CriterionId, ...], Field(min_length=1, max_length=30)]
    """The acceptance criteria it serves; a scenario that serves none does not belong here."""
    title: Line
    """What is true, as a sentence."""
    steps: Annotated[str, Field(min_length=1, max_length=6_000)]
    """Given/When/Then/And/But lines, with data tables, doc strings or an `Examples:` table where they help.
    At least one When and one Then; no `Scenario:` line, no tags, no comments."""

    @field_validator("title")
    @classmethod
    def _title(cls, title: str) -> str:
        return _as_value_error(lambda: single_line(title, "title"))

    @field_validator("steps")
    @classmethod
    def _steps(cls, steps: str) -> str:
        return _as_value_error(lambda: canonical_steps(steps))


class Spec(Submission):
    """The behaviour of one repository after the change."""

    feature: Line
    """The feature's name."""
    scenarios: Annotated[tuple[SpecScenario, ...], Field(min_length=1, max_length=60)]

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        criteria = facts_of(info).criteria
        used = [one for scenario in self.scenarios for one in scenario.criterion_ids]
        changed = [one for s in self.scenarios if s.kind is ScenarioKind.CHANGE for one in s.criterion_ids]
        problems = repeated_ids([scenario.id for scenario in self.scenarios], "scenario ids")
        problems += unknown_ids(used, criteria, "criterion ids")
        if criteria is not None:
            to_change = [one for one, kind in criteria.items() if kind is ScenarioKind.CHANGE]
            problems += missing_ids(to_change, changed, "no change scenario covers the criteria")
            problems += missing_ids([one for one in criteria if one not in to_change], used, "no scenario covers")
        refuse(problems)
        return self

    def behaviour(self) -> Behaviour:
        """Return the spec as the domain knows it."""
        return Behaviour(
            feature=self.feature,
            scenarios=tuple(
                Scenario(id=s.id, kind=s.kind, criteria=tuple(s.criterion_ids), title=s.title, steps=s.steps)
                for s in self.scenarios
            ),
        )


class CheckVerdict(StrEnum):
    """Whether specs may go on to development."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    ISSUES = "issues"


class CheckIssue(Submission):
    """One thing that is wrong with the specs."""

    severity: Severity
    """`critical` or `major` send the specs back; `minor` and `info` are advice."""
    problem: Text
    """What is wrong, naming the words of the spec it is about."""
    suggestion: Text
    """The scenario to add, change or remove, concretely enough to be written without a question."""
    criterion_ids: Annotated[tuple[CriterionId, ...], Field(max_length=30)] = ()
    scenario_ids: Annotated[tuple[ScenarioId, ...], Field(max_length=60)] = ()


class Check(Submission):
    """The verdict of one checker on the specs."""

    verdict: CheckVerdict
    """`issues` exactly when at least one issue is critical or major."""
    issues: Annotated[tuple[CheckIssue, ...], Field(max_length=40)]
    """Empty if there are none."""

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        facts = facts_of(info)
        blocking = any(issue.severity.blocking for issue in self.issues)
        problems = unknown_ids([i for x in self.issues for i in x.criterion_ids], facts.criteria, "criterion ids")
        problems += unknown_ids([i for x in self.issues for i in x.scenario_ids], facts.scenarios, "scenario ids")
        problems += verdict_agrees(self.verdict is CheckVerdict.ISSUES, blocking, "issues", "issue")
        refuse(problems)
        return self

    def as_text(self) -> str:
        """Return the issues as feedback for the spec writer, in the order given."""
        return "\n".join(
            f"- {', '.join([issue.severity, *issue.scenario_ids, *issue.criterion_ids])}: {issue.problem}\n"
            f"  Suggestion: {issue.suggestion}"
            for issue in self.issues
        )


def _as_value_error(read: Callable[[], str]) -> str:
    try:
        return read()
    except InvalidBehaviour as error:
        raise ValueError(error.message) from error
