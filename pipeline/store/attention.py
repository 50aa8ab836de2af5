"""What the board is ordered by: who a change request waits for, not which state it is in.

Problem: a board ordered by state hides what needs a person between what does not. Choice: five groups that cover every
state once, computed where the rows are, so that pages and counts agree at any size.
"""

from enum import StrEnum

from sqlalchemy import ColumnElement, case, literal

from pipeline.change_request import Stage, Status, WaitKind
from pipeline.store.tables import change_requests

_PEOPLE = (WaitKind.GATE.value, WaitKind.CONFIRMATION.value, WaitKind.INPUT.value)


class Attention(StrEnum):
    """Groups of the board, in their order."""

    NEEDS_YOU = "needs_you"
    RUNNING = "running"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"


def attention() -> ColumnElement[str]:
    """Return the group of a row as an expression. `ready` is the release gate alone: everything before it is proven."""
    row = change_requests.c
    waits = row.status == Status.WAITING.value
    at_release = waits & (row.wait_kind == WaitKind.GATE.value) & (row.stage == Stage.RELEASE_GATE.value)
    return case(
        (row.status == Status.PAUSED.value, literal(Attention.NEEDS_YOU.value)),
        (at_release, literal(Attention.READY.value)),
        (waits & row.wait_kind.in_(_PEOPLE), literal(Attention.NEEDS_YOU.value)),
        (waits, literal(Attention.WAITING.value)),
        (row.status.in_([Status.QUEUED.value, Status.RUNNING.value]), literal(Attention.RUNNING.value)),
        else_=literal(Attention.DONE.value),
    )
