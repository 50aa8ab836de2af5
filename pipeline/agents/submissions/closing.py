"""What follows a person's own work on a branch, and what a finished run taught."""

from typing import Annotated, Self

from pydantic import Field, ValidationInfo, model_validator

from pipeline.agents.submissions.fields import RepositoryName, Submission, Text, facts_of, refuse, unknown_ids
from pipeline.agents.submissions.specs import Spec


class Sync(Submission):
    """What a person changed on the branch, and the specs that follow from it."""

    summary: Text
    """What the person changed and apparently why, for the agents that continue."""
    behaviour_changed: bool
    """Whether the observable behaviour differs from the present spec."""
    spec: Spec | None = None
    """The complete updated spec; required exactly when behaviour_changed is true."""
    open_points: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    """What the diff leaves unfinished or contradicts the criteria, for the agents or the person."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.behaviour_changed != (self.spec is not None):
            raise ValueError("send spec exactly when behaviour_changed is true")
        return self


class Learning(Submission):
    """One thing worth knowing before the next change."""

    repository: RepositoryName
    text: Annotated[Text, Field(max_length=500)]
    """A fact or rule about this repository that would have saved a loop, in one or two sentences."""
    evidence: Text
    """What happened in this run that shows it."""


class Learnings(Submission):
    """What this run taught; a person approves each learning before it is used."""

    learnings: Annotated[tuple[Learning, ...], Field(max_length=10)]
    """Empty if the run taught nothing that is specific to a repository."""

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        refuse(unknown_ids([one.repository for one in self.learnings], facts_of(info).repositories, "repositories"))
        return self
