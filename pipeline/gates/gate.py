"""A decision that waits for a person, and the words for how it stands.

Choice: rows become typed here, in one place; a kind that this version does not know is an error with a name. Invariant: a
gate's kind is that of its content, and only a decided gate has a decision.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from pipeline.errors import InvariantBroken
from pipeline.gates.content import GateContent


class GateKind(StrEnum):
    """What is decided."""

    RELEASE = "release"
    SPEC = "spec"


class GateStatus(StrEnum):
    """Where a gate stands; `void` gates were overtaken by other content."""

    OPEN = "open"
    DECIDED = "decided"
    VOID = "void"


class Decision(StrEnum):
    """What a person can decide, at every kind of gate."""

    APPROVE = "approve"
    SEND_BACK = "send_back"
    REJECT = "reject"


class UnreadableGate(InvariantBroken):
    """A row that this version cannot read: its kind is unknown, or its content does not fit the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A decision that waits for a person, bound to the hash of what is shown."""

    id: str
    cr_id: str
    attempt: int
    kind: GateKind
    content: GateContent
    content_hash: str
    status: GateStatus
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str
    created_at: datetime


_CONTENT: TypeAdapter[GateContent] = TypeAdapter(GateContent)


def stored_gate(row: Any) -> Gate:
    """Return the gate of a row of its table, whose columns are its attributes. Raises `UnreadableGate`."""
    try:
        return Gate(
            id=row.id,
            cr_id=row.cr_id,
            attempt=row.attempt,
            kind=GateKind(row.kind),
            content=_CONTENT.validate_python({**row.content, "kind": row.kind}),
            content_hash=row.content_hash,
            status=GateStatus(row.status),
            decision=Decision(row.decision) if row.decision else None,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            comment=row.comment,
            created_at=row.created_at,
        )
    except ValueError as problem:
        raise UnreadableGate(
            "The row of a gate cannot be read by this version.", gate=str(row.id), kind=str(row.kind),
            problem=str(problem)[:500],
        ) from problem  # fmt: skip
