"""The closed union of everything that can be seen happening to a change request.

Problem: event payloads that grow by string key end in dashboards that guess. Choice: one frozen pydantic model per
event type, joined in a discriminated union that also types the HTTP stream. Texts in events are short and free of
secrets; what is long (diffs, transcripts, logs) is named by id and read from its own table.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.change_request import PauseReason, Stage, Status, WaitKind
from pipeline.effects.kinds import EffectKind, EffectStatus
from pipeline.findings import Risk
from pipeline.gates.gate import Decision, GateKind
from pipeline.interventions.intervention import Action, InterventionStatus, Notice
from pipeline.worker_loss import LossKind


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    milestone: ClassVar[bool] = False
    """It tells the course of a change request. The limits on loops bound how many there are, whatever agents do meanwhile."""
    latest_only: ClassVar[bool] = False
    """Agents do it all the time: only the last one of each agent says what goes on now."""

    stage: Stage | None = None
    repository: str | None = None
    role: str | None = None


class StatusChanged(_Event):
    """The change request moved; `reason` is set when it paused, `wait` when it waits."""

    milestone: ClassVar[bool] = True

    type: Literal["status_changed"] = "status_changed"
    status: Status
    reason: PauseReason | None = None
    wait: WaitKind | None = None
    message: str = ""
    actor: str | None = None


class WorkerStarted(_Event):
    """A worker took the lease."""

    type: Literal["worker_started"] = "worker_started"
    epoch: int
    isolation: str


class WorkerLost(_Event):
    """The worker of `epoch` died or fell silent; the change request goes on with the next epoch."""

    type: Literal["worker_lost"] = "worker_lost"
    epoch: int
    kind: LossKind = LossKind.UNKNOWN
    cause: str


class StageEntered(_Event):
    """A stage began; `round` counts from 1 and grows with each loop-back."""

    milestone: ClassVar[bool] = True

    type: Literal["stage_entered"] = "stage_entered"
    round: int = 1


class StageCompleted(_Event):
    """A stage ended with a one-line result."""

    milestone: ClassVar[bool] = True

    type: Literal["stage_completed"] = "stage_completed"
    outcome: str
    summary: str = ""
    duration_s: float = 0.0


class StageLooped(_Event):
    """The work went back to an earlier stage."""

    milestone: ClassVar[bool] = True

    type: Literal["stage_looped"] = "stage_looped"
    back_to: Stage
    why: str
    loop: int
    loops_max: int


class AgentStarted(_Event):
    """An agent opened its conversation."""

    latest_only: ClassVar[bool] = True

    type: Literal["agent_started"] = "agent_started"
    instance: str
    model: str
    resumed_at_turn: int = 0


class AgentTurn(_Event):
    """The model answered: the first line of its text, what it asks for, and what it costs so far."""

    latest_only: ClassVar[bool] = True

    type: Literal["agent_turn"] = "agent_turn"
    instance: str
    turn: int
    text: str = ""
    calls: tuple[str, ...] = ()
    """One line for each tool call, in the order in which they run from now on."""
    cost_usd: str = "0"


class ToolCalled(_Event):
    """A tool ran: one line of what was asked and how it ended."""

    type: Literal["tool_called"] = "tool_called"
    instance: str
    turn: int
    tool: str
    summary: str
    ok: bool
    duration_s: float = 0.0


class AgentCompleted(_Event):
    """An agent submitted its result."""

    latest_only: ClassVar[bool] = True

    type: Literal["agent_completed"] = "agent_completed"
    instance: str
    turns: int
    cost_usd: str


class TestsRun(_Event):
    """The pipeline's own test run ended. `purpose` says which proof it serves."""

    __test__ = False
    latest_only: ClassVar[bool] = True

    type: Literal["tests_run"] = "tests_run"
    purpose: str
    commit: str
    passed: int
    failed: int
    skipped: int
    ok: bool
    summary: str = ""


class RiskFlagged(_Event):
    """Screening marked a passage of the request."""

    milestone: ClassVar[bool] = True

    type: Literal["risk_flagged"] = "risk_flagged"
    risk: Risk
    pattern: str
    quote: str


class SpecRevised(_Event):
    """A new revision of the behaviour spec of one repository was stored."""

    type: Literal["spec_revised"] = "spec_revised"
    revision: int
    scenarios: int


class FindingsReported(_Event):
    """A reviewer or check reported."""

    type: Literal["findings_reported"] = "findings_reported"
    source: str
    blocking: int
    total: int


class GateOpened(_Event):
    """A decision waits for a person."""

    milestone: ClassVar[bool] = True

    type: Literal["gate_opened"] = "gate_opened"
    gate_id: str
    kind: GateKind
    content_hash: str


class GateDecided(_Event):
    """A person decided."""

    milestone: ClassVar[bool] = True

    type: Literal["gate_decided"] = "gate_decided"
    gate_id: str
    kind: GateKind
    decision: Decision
    actor: str
    comment: str = ""


class EffectRecorded(_Event):
    """Something outside was changed, exactly once."""

    type: Literal["effect_recorded"] = "effect_recorded"
    effect_id: str
    kind: EffectKind
    status: EffectStatus
    summary: str


class CostUpdated(_Event):
    """Money spent so far, as decimal strings in US dollars."""

    type: Literal["cost_updated"] = "cost_updated"
    spent_usd: str
    budget_usd: str


class InterventionProgressed(_Event):
    """What a person said moved on: queued, delivered (with the turn that saw it), acted on."""

    type: Literal["intervention_progressed"] = "intervention_progressed"
    intervention_id: str
    action: Action | Notice
    status: InterventionStatus
    actor: str
    turn: int | None = None


class Warned(_Event):
    """Something a person should know that stops nothing."""

    type: Literal["warned"] = "warned"
    message: str
    about: Literal["reminder", "silence"] | None = None
    """Set when a person is wanted: a decision waits for long, or a running change request does nothing."""


class CleanupPending(_Event):
    """A person put off deciding what becomes of the artifacts of an ended change request; nothing was deleted."""

    type: Literal["cleanup_pending"] = "cleanup_pending"
    actor: str
    message: str


Event = Annotated[
    StatusChanged
    | WorkerStarted
    | WorkerLost
    | StageEntered
    | StageCompleted
    | StageLooped
    | AgentStarted
    | AgentTurn
    | ToolCalled
    | AgentCompleted
    | TestsRun
    | RiskFlagged
    | SpecRevised
    | FindingsReported
    | GateOpened
    | GateDecided
    | EffectRecorded
    | CostUpdated
    | InterventionProgressed
    | Warned
    | CleanupPending,
    Field(discriminator="type"),
]

EVENT_CLASSES: tuple[type[_Event], ...] = get_args(get_args(Event)[0])
"""The members of the union, in its order."""

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Parses and dumps any event; the discriminator is `type`."""


def read_event(payload: Mapping[str, object]) -> Event | None:
    """Return a stored event; None for one that this version cannot read, which whoever reads has to answer for.

    What a newer version added to an event is left out.
    """
    try:
        return EVENT.validate_python(payload, extra="ignore")
    except ValidationError:
        return None


def type_of(event: type[_Event]) -> str:
    """Return the discriminator of a class of events."""
    return str(event.model_fields["type"].default)
