"""What a person wants to know while a change request is worked on, gathered from its events.

Pure: events go in, one state comes out; two ways of showing it (`cli.live`, `cli.narration`) read the same. An event type
that this version does not know changes nothing.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import singledispatch
from typing import TypeAlias

from cli.client import Event
from cli.output import words
from controller.events.schemas import DeltaView
from pipeline import events
from pipeline.change_request import PauseReason, Stage, Status, WaitKind
from pipeline.stage.registry import line_stages

WARNINGS_KEPT = 5
SAYING_CHARS = 80


class Mark(StrEnum):
    """How a stage of the timeline stands."""

    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"
    BACK = "back"
    """It sent the work back."""
    STOPPED = "stopped"


_AgentKey: TypeAlias = tuple[str | None, str | None, str]
_OfAgent: TypeAlias = events.AgentStarted | events.AgentTurn | events.ToolCalled | events.AgentCompleted


@dataclass(slots=True)
class StageLine:
    """One stage of the timeline."""

    name: Stage
    state: Mark = Mark.AHEAD
    round: int = 0
    summary: str = ""
    duration_s: float = 0.0
    entered_at: datetime | None = None


@dataclass(slots=True)
class AgentLine:
    """One agent at work."""

    role: str
    stage: str
    model: str = ""
    turn: int = 0
    text: str = ""
    tool: str = ""
    saying: str = ""
    """The end of what the model says at this moment."""


@dataclass(slots=True)
class Progress:
    """The state of one change request as its events tell it."""

    status: Status = Status.QUEUED
    message: str = ""
    reason: PauseReason | WaitKind | None = None
    stages: dict[Stage, StageLine] = field(default_factory=lambda: {stage: StageLine(stage) for stage in line_stages()})
    agents: dict[_AgentKey, AgentLine] = field(default_factory=dict)
    tests: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    """Purpose of the newest run to passed, failed, as wanted."""
    spent_usd: Decimal = Decimal(0)
    budget_usd: Decimal | None = None
    turns: int = 0
    tools: int = 0
    warnings: list[str] = field(default_factory=list)
    isolation: str = ""
    started_at: datetime | None = None
    newest_at: datetime | None = None

    def apply(self, event: Event) -> None:
        """Take in the next event."""
        self.started_at = self.started_at or event.at
        self.newest_at = event.at
        if event.payload is not None:
            _apply(event.payload, self, event.at)

    def hear(self, delta: DeltaView) -> None:
        """Take in text that streams. It may have gaps, and may arrive after the event that ends it."""
        agent = self.agents.get((delta.repository, delta.role, delta.instance))
        if agent is not None and delta.turn > agent.turn:
            said = delta.text if delta.part == 0 else agent.saying + delta.text
            agent.saying = said[-SAYING_CHARS:]

    @property
    def stage(self) -> StageLine | None:
        """The stage that runs now, the latest if several repositories are apart."""
        running = [line for line in self.stages.values() if line.state is Mark.RUNNING]
        return running[-1] if running else None


@singledispatch
def _apply(_event: events.Event, _progress: Progress, _at: datetime) -> None:
    """Take in an event; one that changes nothing here has no part of its own below."""


@_apply.register
def _(event: events.StatusChanged, progress: Progress, _at: datetime) -> None:
    progress.status, progress.reason, progress.message = event.status, event.reason or event.wait, event.message
    if progress.status not in {Status.QUEUED, Status.RUNNING}:
        progress.agents.clear()
        for line in progress.stages.values():
            if line.state is Mark.RUNNING:
                line.state = Mark.DONE if progress.status is Status.COMPLETED else Mark.STOPPED


@_apply.register
def _(event: events.WorkerStarted, progress: Progress, _at: datetime) -> None:
    progress.isolation = event.isolation
    progress.agents.clear()


@_apply.register
def _(event: events.WorkerLost, progress: Progress, _at: datetime) -> None:
    progress.agents.clear()
    _warn(progress, f"Worker {event.epoch} was lost: {event.cause}")


@_apply.register
def _(event: events.StageEntered, progress: Progress, at: datetime) -> None:
    line = _line(progress, event)
    line.state, line.round, line.entered_at, line.summary = Mark.RUNNING, event.round, at, ""


@_apply.register
def _(event: events.StageCompleted, progress: Progress, _at: datetime) -> None:
    line = _line(progress, event)
    line.state = Mark.DONE if line.state is not Mark.BACK else Mark.BACK
    line.summary = event.summary or event.outcome
    line.duration_s += event.duration_s


@_apply.register
def _(event: events.StageLooped, progress: Progress, _at: datetime) -> None:
    line = _line(progress, event)
    line.state = Mark.BACK
    line.summary = f"back to {event.back_to} ({event.loop} of {event.loops_max}): {event.why}"


@_apply.register
def _(event: events.AgentStarted, progress: Progress, _at: datetime) -> None:
    progress.agents[_key(event)] = AgentLine(role=event.role or "", stage=event.stage or "", model=event.model)


@_apply.register
def _(event: events.AgentTurn, progress: Progress, _at: datetime) -> None:
    agent = _agent(progress, event)
    agent.turn, agent.text, agent.tool, agent.saying = event.turn, event.text, "", ""
    progress.turns += 1


@_apply.register
def _(event: events.ToolCalled, progress: Progress, _at: datetime) -> None:
    _agent(progress, event).tool = f"{event.tool}: {event.summary}{'' if event.ok else ' (failed)'}"
    progress.tools += 1


@_apply.register
def _(event: events.AgentCompleted, progress: Progress, _at: datetime) -> None:
    progress.agents.pop(_key(event), None)


@_apply.register
def _(event: events.TestsRun, progress: Progress, _at: datetime) -> None:
    key = f"{f'{event.repository} ' if event.repository else ''}{words(event.purpose)}"
    progress.tests.pop(key, None)
    progress.tests[key] = (event.passed, event.failed, event.ok)


@_apply.register
def _(event: events.CostUpdated, progress: Progress, _at: datetime) -> None:
    progress.spent_usd, progress.budget_usd = Decimal(event.spent_usd), Decimal(event.budget_usd)


@_apply.register
def _(event: events.Warned, progress: Progress, _at: datetime) -> None:
    _warn(progress, event.message)


@_apply.register
def _(event: events.RiskFlagged, progress: Progress, _at: datetime) -> None:
    _warn(progress, f"{event.risk} risk in the request ({event.pattern}): {event.quote}")


def _line(progress: Progress, event: events.Event) -> StageLine:
    if event.stage is None:
        return StageLine(next(iter(Stage)))  # of no stage: drawn nowhere
    return progress.stages.setdefault(event.stage, StageLine(event.stage))


def _key(event: _OfAgent) -> _AgentKey:
    return event.repository, event.role, event.instance


def _agent(progress: Progress, event: _OfAgent) -> AgentLine:
    return progress.agents.setdefault(_key(event), AgentLine(role=event.role or "", stage=event.stage or ""))


def _warn(progress: Progress, message: str) -> None:
    progress.warnings = [*progress.warnings, message][-WARNINGS_KEPT:]
