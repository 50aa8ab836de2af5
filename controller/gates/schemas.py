"""Decisions as people see and make them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from controller.text import Text
from pipeline.gates.content import GateContent
from pipeline.gates.gate import Decision, Gate, GateKind, GateStatus


class GateView(BaseModel):
    """A decision with everything it is about. Decide with the `content_hash` of what you saw."""

    id: str
    cr_id: str
    title: str
    attempt: int
    kind: GateKind
    content: GateContent
    content_hash: str
    status: GateStatus
    decisions: list[Decision]
    """What can be decided."""
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str
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


def gate_view(gate: Gate, title: str) -> GateView:
    """Return a gate as the API shows it."""
    same = {name: getattr(gate, name) for name in Gate.__slots__}
    return GateView(**same, title=title, decisions=list(Decision))
