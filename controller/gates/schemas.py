"""Decisions as people see and make them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from controller.text import JsonObject, Text
from pipeline.records import Gate


class Decision(StrEnum):
    """What a person can decide."""

    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back"
    EDIT = "edit"


class GateStatus(StrEnum):
    """Where a gate stands; `void` gates were overtaken by other content."""

    OPEN = "open"
    DECIDED = "decided"
    VOID = "void"


class GateView(BaseModel):
    """A decision with everything it is about. Decide with the `content_hash` of what you saw."""

    id: str
    cr_id: str
    title: str
    attempt: int
    kind: str
    content: dict[str, Any]
    content_hash: str
    status: GateStatus
    decisions: list[Decision]
    """What can be decided at this kind of gate."""
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str
    answer: dict[str, Any]
    created_at: datetime


class GateInbox(BaseModel):
    """Open decisions, oldest first."""

    items: list[GateView]


class DecisionRequest(BaseModel):
    """A decision, bound to what its author saw."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    content_hash: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    comment: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=20_000)] = ""
    answer: JsonObject = {}
    """Further input, such as the edited request text of a screening gate."""


def decisions_of(kind: str) -> list[Decision]:
    """Return what can be decided at a kind of gate."""
    if kind == "screening":
        return [Decision.APPROVE, Decision.EDIT, Decision.REJECT]
    return [Decision.APPROVE, Decision.SEND_BACK, Decision.REJECT]


def gate_view(gate: Gate, title: str) -> GateView:
    """Return a gate as the API shows it."""
    same = [name for name in Gate.__slots__ if name not in {"content", "answer", "status", "decision"}]
    return GateView(
        **{name: getattr(gate, name) for name in same}, title=title, content=dict(gate.content),
        answer=dict(gate.answer), status=GateStatus(gate.status), decisions=decisions_of(gate.kind),
        decision=Decision(gate.decision) if gate.decision else None,
    )  # fmt: skip
