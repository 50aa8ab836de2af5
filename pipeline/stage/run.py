"""One execution of a stage: what it may read and whom it may ask, and how it ended.

Invariant: a stage says only how it ended and what it learned; where the change request goes next is never its business.
"""

from dataclasses import dataclass, field
from typing import Any

from pipeline.change_request import PauseReason, RepositoryTarget, Stage
from pipeline.errors import InvariantBroken
from pipeline.interventions.intervention import Intervention
from pipeline.stage.context import StageContext
from pipeline.stage.state import RepositoryState, RunState, Verdict, outcome_key


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One execution of a stage: what it may read and whom it may ask."""

    stage: Stage
    state: RunState
    context: StageContext
    activation: str
    repository: str | None = None
    skip: Intervention | None = None
    """Set when a person skips what may be skipped of this stage."""

    @property
    def name(self) -> str:
        """The repository's name; a stage that has none asks in error."""
        if self.repository is None:
            raise InvariantBroken("This stage does not run per repository.", stage=self.stage.value)
        return self.repository

    @property
    def target(self) -> RepositoryTarget:
        """The repository this branch works on."""
        return self.context.targets[self.name]

    @property
    def here(self) -> RepositoryState:
        """What earlier stages found out about this repository."""
        return self.state.get("repositories", {}).get(self.name, {})

    @property
    def note(self) -> str | None:
        """The intervention that last made this stage run again; part of what its results are stored by."""
        notes = self.state.get("notes", {})
        return notes.get(outcome_key(self.stage, self.repository), notes.get(self.stage.value))

    @property
    def fresh_note(self) -> str | None:
        """`note`, until this stage has once ended with it: what was said then concerns that round alone."""
        outcome = self.state.get("outcomes", {}).get(outcome_key(self.stage, self.repository), {})
        return None if outcome.get("note") == self.note else self.note

    def shown(self, reason: PauseReason) -> dict[str, Any] | None:
        """Return what a person had before them when they let this stage go on after a pause of this reason, else None."""
        wait = self.state.get("wait", {})
        here = wait.get("stage") == self.stage.value and wait.get("reason") == reason.value
        concerned = not wait.get("repositories") or self.repository in wait["repositories"]
        return wait["facts"] if here and concerned and self.fresh_note is not None else None

    async def emit(self, event: Any) -> None:
        """Append an event of this stage and repository."""
        await self.context.emit(self.located(event))

    def located(self, event: Any) -> Any:
        """Return an event with this stage and repository."""
        where = {"stage": self.stage, "repository": self.repository}
        return event.model_copy(update={key: value for key, value in where.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnd:
    """How a stage ended, and what it learned. `repositories` holds the facts to merge, by name."""

    verdict: Verdict = Verdict.PASSED
    summary: str = ""
    repositories: dict[str, RepositoryState] = field(default_factory=dict)
    reason: PauseReason | None = None
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    gate_id: str | None = None
    next: Stage | None = None
    """Of sync only: the stage that works next."""
    update: RunState = field(default_factory=RunState)
    """Further channels, such as the approval."""


def blocked(reason: PauseReason, message: str, **facts: Any) -> StageEnd:
    """End a stage at a dead end that a person has to resolve; the reason is set here, where it is known."""
    return StageEnd(verdict=Verdict.BLOCKED, reason=reason, message=message, facts=facts, summary=message)
