"""What submissions are made of: bounded texts, ids, paths, and the facts that their cross-checks need.

Problem: a schema alone lets a model quote text that was never written or cover criteria that do not exist. Choice: each
submission is validated together with the facts the pipeline already knows, passed as pydantic's validation context.
Without facts (reading a stored submission back) only the shape is checked.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationInfo

from pipeline.proof.shown_diff import Cut
from pipeline.repositories.paths import repository_path
from pipeline.specs.behaviour import ScenarioKind


class Confidence(StrEnum):
    """How sure an agent is, in words that a threshold can name."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionFacts:
    """What the pipeline knows and a submission must agree with. A fact that is None is not compared."""

    request_text: str | None = None
    """The screened text exactly as the prompt showed it: `fences.readable(raw)`."""
    criteria: Mapping[str, ScenarioKind] | None = None
    """The acceptance criteria that this repository has to serve."""
    scenarios: Mapping[str, ScenarioKind] | None = None
    repositories: frozenset[str] | None = None
    protected_paths: frozenset[str] = field(default_factory=frozenset)
    """Test files that the code writer must leave alone."""
    conflicts: frozenset[str] | None = None
    """Paths that git left in conflict."""
    cuts: tuple[Cut, ...] = ()
    """What of the material was too long for the prompt; whoever judges it opens some of that."""


class Submission(BaseModel):
    """Base of everything a role hands in: closed, frozen, every text and list bounded."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @property
    def declared_paths(self) -> tuple[str, ...]:
        """The files, and directories with all that is in them, of which it says that they belong to the change."""
        return ()


def facts_of(info: ValidationInfo) -> SubmissionFacts:
    """Return the facts of this validation; none are known when a stored submission is read back."""
    return info.context if isinstance(info.context, SubmissionFacts) else SubmissionFacts()


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _bounded(max_length: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=max_length, pattern=pattern)


Line: TypeAlias = Annotated[str, _bounded(300), AfterValidator(_one_line)]
Text: TypeAlias = Annotated[str, _bounded(4_000)]
RepositoryPath: TypeAlias = Annotated[str, _bounded(400), AfterValidator(repository_path)]
RepositoryName: TypeAlias = Annotated[str, _bounded(100, r"^[A-Za-z0-9._-]+$")]
CriterionId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^AC[1-9][0-9]{0,2}$")]
RequirementId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^R[1-9][0-9]{0,2}$")]
ScenarioId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^S[1-9][0-9]{0,2}$")]


def repeated_ids(ids: Iterable[str], what: str) -> list[str]:
    """Return one complaint when an id occurs twice."""
    seen = list(ids)
    twice = in_order({one for one in seen if seen.count(one) > 1})
    return [f"{what} must be unique; repeated: {', '.join(twice)}"] if twice else []


def unknown_ids(ids: Iterable[str], known: Iterable[str] | None, what: str) -> list[str]:
    """Return one complaint when an id is not among the known ones; none when nothing is known."""
    if known is None:
        return []
    valid = list(known)
    strange = in_order(set(ids) - set(valid))
    return [f"unknown {what}: {', '.join(strange)}; valid: {', '.join(in_order(valid)) or 'none'}"] if strange else []


def missing_ids(wanted: Iterable[str], found: Iterable[str], complaint: str) -> list[str]:
    """Return one complaint when something wanted was not found."""
    lacking = in_order(set(wanted) - set(found))
    return [f"{complaint}: {', '.join(lacking)}"] if lacking else []


def verdict_agrees(negative: bool, blocking: bool, word: str, noun: str) -> list[str]:
    """Return one complaint when a verdict contradicts the severities it stands on."""
    if negative == blocking:
        return []
    if blocking:
        return [f"verdict pass, but a {noun} is critical or major; the verdict must then be {word}"]
    return [f"verdict {word} needs at least one critical or major {noun}; otherwise the verdict is pass"]


def bulleted(heading: str, items: Iterable[str]) -> str:
    """Return a headed list, or nothing for no items; for the texts by which results travel into later prompts."""
    lines = [f"- {item}" for item in items]
    return "\n".join([f"{heading}:", *lines]) if lines else ""


def in_order(ids: Iterable[str]) -> list[str]:
    """Sort ids as people count: S2 before S10."""
    return sorted(ids, key=lambda one: [(part.isdigit(), part.zfill(9)) for part in re.findall(r"\d+|\D+", one)])


def refuse(problems: Iterable[str]) -> None:
    """Raise all problems at once, so that one more turn can correct them all."""
    found = list(problems)
    if found:
        raise ValueError("; ".join(found))
