"""What a person wants to know while a change request is worked on, gathered from its events.

Pure: events go in, one state comes out; two ways of showing it (`cli.live`, `cli.narration`) read the same. An event type
that this version does not know changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from cli.client import Event
from pipeline.stage.registry import line_stages

WARNINGS_KEPT = 5
SAYING_CHARS = 80


@dataclass(slots=True)
class StageLine:
    """One stage of the timeline."""

    name: str
    state: str = "ahead"
    """`ahead`, `running`, `done`, `back` (it sent the work back) or `stopped`."""
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

    status: str = "queued"
    message: str = ""
    reason: str | None = None
    stages: dict[str, StageLine] = field(
        default_factory=lambda: {stage.value: StageLine(stage.value) for stage in line_stages()}
    )
    agents: dict[str, AgentLine] = field(default_factory=dict)
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
        at = datetime.fromisoformat(event.at)
        self.started_at = self.started_at or at
        self.newest_at = at
        change = _CHANGES.get(event.type)
        if change is not None:
            change(self, event.payload, at)

    def hear(self, delta: Mapping[str, Any]) -> None:
        """Take in text that streams. It may have gaps, and may arrive after the event that ends it."""
        agent = self.agents.get(_agent(delta))
        if agent is not None and int(delta["turn"]) > agent.turn:
            said = delta["text"] if delta["part"] == 0 else agent.saying + delta["text"]
            agent.saying = said[-SAYING_CHARS:]

    @property
    def stage(self) -> StageLine | None:
        """The stage that runs now, the latest if several repositories are apart."""
        running = [line for line in self.stages.values() if line.state == "running"]
        return running[-1] if running else None


def _status(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.status = str(payload["status"])
    progress.reason = payload.get("reason") or payload.get("wait")
    progress.message = str(payload.get("message") or "")
    if progress.status not in {"queued", "running"}:
        progress.agents.clear()
        for line in progress.stages.values():
            if line.state == "running":
                line.state = "done" if progress.status == "completed" else "stopped"


def _worker(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.isolation = str(payload.get("isolation", ""))
    progress.agents.clear()


def _lost(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.agents.clear()
    _warn(progress, f"Worker {payload.get('epoch')} was lost: {payload.get('cause')}")


def _entered(progress: Progress, payload: Mapping[str, Any], at: datetime) -> None:
    line = _line(progress, payload)
    line.state, line.round, line.entered_at, line.summary = "running", int(payload.get("round", 1)), at, ""


def _completed(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    line = _line(progress, payload)
    line.state = "done" if line.state != "back" else "back"
    line.summary = str(payload.get("summary") or payload.get("outcome") or "")
    line.duration_s += float(payload.get("duration_s", 0.0))


def _looped(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    line = _line(progress, payload)
    line.state = "back"
    line.summary = f"back to {payload['back_to']} ({payload['loop']} of {payload['loops_max']}): {payload['why']}"


def _agent_started(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.agents[_agent(payload)] = AgentLine(
        role=str(payload.get("role") or ""), stage=str(payload.get("stage") or ""), model=str(payload.get("model", ""))
    )


def _turn(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    agent = _known(progress, payload)
    agent.turn, agent.text, agent.tool = int(payload["turn"]), str(payload.get("text") or ""), ""
    agent.saying = ""
    progress.turns += 1


def _tool(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    agent = _known(progress, payload)
    mark = "" if payload.get("ok", True) else " (failed)"
    agent.tool = f"{payload['tool']}: {payload.get('summary', '')}{mark}"
    progress.tools += 1


def _agent_completed(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.agents.pop(_agent(payload), None)


def _tests(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    repository = f"{payload['repository']} " if payload.get("repository") else ""
    key = f"{repository}{str(payload['purpose']).replace('_', ' ')}"
    progress.tests.pop(key, None)
    progress.tests[key] = (int(payload["passed"]), int(payload["failed"]), bool(payload["ok"]))


def _cost(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    progress.spent_usd, progress.budget_usd = Decimal(payload["spent_usd"]), Decimal(payload["budget_usd"])


def _warned(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    _warn(progress, str(payload["message"]))


def _risk(progress: Progress, payload: Mapping[str, Any], _at: datetime) -> None:
    _warn(progress, f"{payload['risk']} risk in the request ({payload['pattern']}): {payload['quote']}")


_CHANGES: Mapping[str, Callable[[Progress, Mapping[str, Any], datetime], None]] = {
    "status_changed": _status,
    "worker_started": _worker,
    "worker_lost": _lost,
    "stage_entered": _entered,
    "stage_completed": _completed,
    "stage_looped": _looped,
    "agent_started": _agent_started,
    "agent_turn": _turn,
    "tool_called": _tool,
    "agent_completed": _agent_completed,
    "tests_run": _tests,
    "cost_updated": _cost,
    "warned": _warned,
    "risk_flagged": _risk,
}


def _line(progress: Progress, payload: Mapping[str, Any]) -> StageLine:
    name = str(payload.get("stage") or "")
    return progress.stages.setdefault(name, StageLine(name))


def _agent(payload: Mapping[str, Any]) -> str:
    return f"{payload.get('repository')}/{payload.get('role')}/{payload.get('instance')}"


def _known(progress: Progress, payload: Mapping[str, Any]) -> AgentLine:
    return progress.agents.setdefault(
        _agent(payload), AgentLine(role=str(payload.get("role") or ""), stage=str(payload.get("stage") or ""))
    )


def _warn(progress: Progress, message: str) -> None:
    progress.warnings = [*progress.warnings, message][-WARNINGS_KEPT:]
