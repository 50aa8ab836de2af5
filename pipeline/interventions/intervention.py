"""One thing that a person said to a change request: what they want, the facts that it needs, how far it got.

Problem: what a resume, a skip or a hand-back needs was looked up by key in a body of any shape, and which activation had
taken a word was told from the words of its note. Choice: one model per action, and a field for the activation. Invariant: a
row of an earlier version can be read, so facts are only added, with defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken


class Action(StrEnum):
    """Everything a person can do to a change request beside deciding its gates."""

    PAUSE = "pause"
    RESUME = "resume"
    REDIRECT = "redirect"
    SKIP = "skip"
    ABORT = "abort"
    TAKEOVER = "takeover"
    HANDBACK = "handback"
    RERUN = "rerun"
    FAIL = "fail"
    CANCEL = "cancel"
    BUDGET = "budget"
    EDIT = "edit"
    """Change the text that screening stopped; the edited text is screened from the beginning."""
    ADOPT = "adopt"
    """Begin again with the text that the source has now."""
    CLEANUP = "cleanup"
    """Offered like the others, decided on its own page: what becomes of each artifact."""


class Notice(StrEnum):
    """What nobody asked for, and what stops a run all the same."""

    SOURCE_CHANGED = "source_changed"
    """Whoever brought the changed text of the source said it, to nobody: it stops the run for a decision."""


class InterventionStatus(StrEnum):
    """How far it got."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    ACTED = "acted"
    REFUSED = "refused"


class RerunMode(StrEnum):
    """Where a rerun begins."""

    SCRATCH = "scratch"
    CHECKPOINT = "checkpoint"
    STAGE = "stage"


class Said(BaseModel):
    """What everybody may say with any action. Only what was said is stored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    instructions: str = ""


class Skipping(Said):
    """Which stage is to be left out; None only in a row of an early version."""

    stage: Stage | None = None


class Resuming(Said):
    """A way on; after a rerun from the last checkpoint or a raised budget with what was asked for."""

    mode: RerunMode | None = None
    stage: Stage | None = None
    attempt: int | None = None
    budget_usd: str | None = None
    before_usd: str | None = None


class BeginningAnew(Said):
    """Where an attempt begins anew: with `stage`, or from the beginning."""

    attempt: int
    mode: RerunMode | None = None
    stage: Stage | None = None
    upgraded_to: tuple[str, str] | None = None
    """Versions of the graph and of the code, when an upgrade caused it and no person."""


class ChangingText(BeginningAnew):
    """The revision of the request that it begins anew with."""

    revision: int


class HandingBack(BeginningAnew):
    """What was published, by repository (None: refused), and the stage that was taken over."""

    from_stage: Stage
    published: Mapping[str, str | None]


class RaisingBudget(Said):
    """The new total and the one before, as decimal strings in US dollars."""

    budget_usd: str
    before_usd: str


class CleaningUp(Said):
    """What was chosen, by artifact."""

    choices: Mapping[str, str] = {}
    dismissed: bool = False


class SourceChange(Said):
    """The proposed revision, and the issue whose text changed."""

    revision: int
    of: str


BODIES: Mapping[Action | Notice, type[Said]] = {
    **dict.fromkeys(Action, Said),
    Action.RESUME: Resuming,
    Action.SKIP: Skipping,
    Action.RERUN: BeginningAnew,
    Action.HANDBACK: HandingBack,
    Action.BUDGET: RaisingBudget,
    Action.EDIT: ChangingText,
    Action.ADOPT: ChangingText,
    Action.CLEANUP: CleaningUp,
    Notice.SOURCE_CHANGED: SourceChange,
}

S = TypeVar("S", bound=Said)


class UnreadableIntervention(InvariantBroken):
    """A row that this version cannot read: its action is unknown, or its facts do not fit the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """What a person said, and how far it got."""

    id: str
    cr_id: str
    repository: str | None
    action: Action | Notice
    body: Said
    actor: str
    status: InterventionStatus
    note: str
    """Words for people: why it was refused, what followed."""
    activation: str | None
    """The execution of a stage that took it; the same execution gets it again."""
    created_at: datetime
    delivered_at: datetime | None
    delivered_turn: int | None
    acted_at: datetime | None

    def facts(self, body: type[S]) -> S:
        """Return the body of an action that has these facts; another is a mistake of the caller."""
        if not isinstance(self.body, body):
            raise InvariantBroken("An intervention has not the facts that were expected.", intervention=self.id)
        return self.body


def stored_intervention(row: Any) -> Intervention:
    """Return the intervention of a row of its table, whose columns are its attributes. Raises `UnreadableIntervention`."""
    try:
        action = action_of(row.action)
        return Intervention(
            id=row.id,
            cr_id=row.cr_id,
            repository=row.repository,
            action=action,
            body=BODIES[action].model_validate(row.body),
            actor=row.actor,
            status=InterventionStatus(row.status),
            note=row.note,
            activation=row.activation,
            created_at=row.created_at,
            delivered_at=row.delivered_at,
            delivered_turn=row.delivered_turn,
            acted_at=row.acted_at,
        )
    except ValueError as problem:
        raise UnreadableIntervention(
            "The row of an intervention cannot be read by this version.", intervention=str(row.id),
            action=str(row.action), problem=str(problem)[:500],
        ) from problem  # fmt: skip


def action_of(stored: str) -> Action | Notice:
    """Return the action of a stored word. Raises `ValueError`."""
    return Notice(stored) if stored in set(Notice) else Action(stored)
