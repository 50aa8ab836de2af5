"""One piece of work for one agent, and what the agent hands in: how stages and agents meet.

A stage knows the role's variables and the tree; which prompt, tools, model and journal the agent has is `crew`'s business.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TypeVar

from pipeline.agents.inspection import Inspection
from pipeline.agents.loop_context import LoopContext
from pipeline.agents.prompt_variables import PromptVariables
from pipeline.agents.protection import Protection
from pipeline.agents.submissions.fields import Submission, SubmissionFacts
from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken
from pipeline.ports import Environment

S = TypeVar("S", bound=Submission)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work for one agent."""

    variables: PromptVariables
    stage: Stage
    activation: str
    instance: str
    """Tells conversations of one role in one activation apart; stable over a restart."""
    repository: str | None = None
    facts: SubmissionFacts = field(default_factory=SubmissionFacts)
    loop: LoopContext | None = None
    context: str = ""
    """Layer 2 of the prompt."""
    tree: Path | None = None
    """Where its tools work; None for roles without tools."""
    commit: str | None = None
    """What `tree` holds when the conversation opens."""
    restore: bool = True
    """False keeps the tree as it is (a conflict's markers) and takes `commit` only as the parent of snapshots."""
    fresh: bool = False
    """Nobody has worked in `tree` since it was written as `commit`."""
    environment: Environment | None = None
    protected: tuple[Protection, ...] = ()
    """What its editor refuses to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What an agent handed in. `commit` is the last snapshot of its tree, None for roles without one."""

    submission: Submission
    commit: str | None
    turns: int
    cost_usd: Decimal
    inspection: Inspection
    root: str
    """Where the tree lay when the conversation began; what was inspected is named by it."""

    def of(self, model: type[S]) -> S:
        """Return the submission as the type its role hands in."""
        if not isinstance(self.submission, model):
            raise InvariantBroken("A role handed in another role's submission.", got=type(self.submission).__name__)
        return self.submission

    @property
    def snapshot(self) -> str:
        """Return the tree's last snapshot of an editing role."""
        if self.commit is None:
            raise InvariantBroken("A role without a tree has no snapshot.")
        return self.commit


class Agents(Protocol):
    """Agents at work: renders the role's prompt, runs the loop, returns the validated submission."""

    async def work(self, job: Job) -> Handed:
        """Run to a submission of the role's own type; resumes from the journal when it was interrupted."""
