"""What a stage says about itself, once: how it works, where it leads, what people may do with it, what it is called.

Problem: a stage that is known to graph, routing, skipping, restarting, pages and pictures separately is added in fourteen
places and forgotten in one. Choice: each module of `pipeline.stages` holds one `DECLARATION`, and whoever has to know
stages reads it through `pipeline.stage.registry`. Invariant: a declaration is plain data and two functions; it decides nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.change_request import PauseReason, Stage
from pipeline.effects.kinds import EffectKind
from pipeline.gates.gate import GateKind
from pipeline.limits import Limits
from pipeline.stage.run import StageEnd, StageRun

Body = Callable[[StageRun], Awaitable[StageEnd]]
Inputs = Callable[[StageRun], list[Any]]
FeedbackFact = Literal["feedback", "spec_feedback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendsBack:
    """That a stage, or a person at its gate, may have an earlier stage work again; each time is counted."""

    to: Stage
    paused_as: PauseReason
    """Why the change request stops when the allowed number of loops is used up."""
    at_most: Callable[[Limits], int]
    """How often it may happen before a person is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpensGate:
    """That a person decides here. Approval leads to the next stage, sending back to where the stage sends back."""

    kind: GateKind
    always: bool = False
    """Whether every change request waits here; such a stage stores no result the first time it is passed."""
    approval_binds: bool = False
    """Whether the approval and the heads it was given for are kept in the state."""


@dataclass(frozen=True, slots=True)
class Skippable:
    """That a person may skip what is only an opinion."""

    left_out: str
    """What exactly, as a sentence for people."""


@dataclass(frozen=True, slots=True)
class NeverSkipped:
    """That nobody skips it, because its product is proof or protection."""

    because: str
    """The reason, as it follows `is never skipped:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDeclaration:
    """Everything that the rest of the product knows about a stage."""

    body: Body
    inputs: Inputs
    """What a stored result is valid for: equal inputs, equal result."""
    label: str
    """What people call it."""
    explanation: str
    """What it does, in one sentence without a subject."""
    skip: Skippable | NeverSkipped
    per_repository: bool = False
    """Whether it runs once per repository, in parallel, joined before the next stage."""
    beside_the_line: bool = False
    """Whether only a hand-back enters it; it then names in `StageEnd.next` the stage that follows."""
    sends_back: SendsBack | None = None
    gate: OpensGate | None = None
    finds: frozenset[str] = frozenset()
    """The facts of `RepositoryState` that it is the first to find; a restart from here or before forgets them."""
    names_repositories: bool = False
    """Whether the repositories of the change request are settled here; nothing before it knows any."""
    feedback_in: FeedbackFact = "feedback"
    """Where in `RepositoryState` stands what sent work back to this stage."""
    told_at_the_start: bool = False
    """Whether its agents hear what a person said to a run that begins from scratch."""
    after_handback: bool = False
    """Whether a change that a person handed back may go on here."""
    may_be_taken_over: bool = False
    """Whether a person may take the work over while it stands here."""
    effects: tuple[EffectKind, ...] = ()
    """The kinds of effects that it intends for a change request that meets no obstacle."""
    pauses_as: tuple[PauseReason, ...] = ()
    """The reasons of its own for which it stops; budget, time, providers and people may stop every stage."""
