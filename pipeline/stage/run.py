"""One execution of a stage: what it may read and whom it may ask, and how it ended.

Invariant: a stage says only how it ended and what it learned; where the change request goes next is never its business.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline.change_request import PauseReason, RepositoryTarget, Stage
from pipeline.errors import InvariantBroken
from pipeline.interventions.intervention import Intervention
from pipeline.stage.context import StageContext
from pipeline.stage.known import (
    KnownApproval,
    KnownRepository,
    approval_of,
    outcome_of,
    repositories_of,
    run_of,
    wait_of,
)
from pipeline.stage.pause_facts import PauseFacts
from pipeline.stage.state import RepositoryState, RunState, Verdict, outcome_key

Shown = TypeVar("Shown", bound=PauseFacts)
WHY_MAX = 300
"""Characters of what is quoted in a pause; the whole stands among its facts."""


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
    def known(self) -> Mapping[str, KnownRepository]:
        """What earlier stages found out about each repository, in the order of the names."""
        return repositories_of(self.state)

    @property
    def here(self) -> KnownRepository:
        """What earlier stages found out about this repository."""
        return self.known.get(self.name, KnownRepository())

    @property
    def approval(self) -> KnownApproval | None:
        """The release approval that holds."""
        return approval_of(self.state)

    @property
    def note(self) -> str | None:
        """The intervention that last made this stage run again; part of what its results are stored by."""
        notes = run_of(self.state).notes
        return notes.get(outcome_key(self.stage, self.repository), notes.get(self.stage.value))

    @property
    def fresh_note(self) -> str | None:
        """`note`, until this stage has once ended with it: what was said then concerns that round alone."""
        ended = run_of(self.state).outcomes.get(outcome_key(self.stage, self.repository))
        return None if ended is not None and outcome_of(ended).note == self.note else self.note

    def shown(self, reason: PauseReason, facts: type[Shown]) -> Shown | None:
        """Return what a person had before them when they let this stage go on after a pause of this reason, else None."""
        known = run_of(self.state)
        # Compared as stored first: what a run waited for long ago may bear a name that this version does not know.
        if known.wait is None or not known.waits_for(self.stage, reason) or self.fresh_note is None:
            return None
        wait = wait_of(known.wait)
        concerned = not wait.repositories or self.repository in wait.repositories
        return facts.model_validate(wait.facts) if concerned else None

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


def with_why(message: str, said: str) -> str:
    """Return a message with the first line of what was said: by a runner, a judge or an agent, in its own words."""
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    return f"{message.rstrip('.')}: {textwrap.shorten(line, WHY_MAX, placeholder=' …')}" if line else message


def blocked(reason: PauseReason, message: str, shown: PauseFacts | None = None, **facts: Any) -> StageEnd:
    """End a stage at a dead end that a person has to resolve; the reason is set here, where it is known.

    `shown` is what the stage reads again by `StageRun.shown` when they let it go on.
    """
    facts = {**facts, **(shown.model_dump(mode="json") if shown is not None else {})}
    return StageEnd(verdict=Verdict.BLOCKED, reason=reason, message=message, facts=facts, summary=message)
