"""What other systems are told: reports on one change request to its source, notifications of a tenant's needs.

Both follow from events, in their public order, and never the other way round: nothing in the line waits for a receiver.
Bodies are built once and kept as text, because the bytes that are signed must be the same at each try. Everything here
is pure; who reads the events and who delivers is the controller's business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.change_request import PauseReason, Status
from pipeline.records import ChangeRequest, StoredEvent

REPORT = "report"
NOTIFICATION = "notification"
DELIVERIES = frozenset({REPORT, NOTIFICATION})
"""Kinds of effects that only tell; they outlive their change request, and no stage waits for them."""

EVENT_TYPES = ("status_changed", "gate_opened", "warned", "effect_recorded")
"""Events from which something can follow."""

_MESSAGE_MAX = 1_000
_BY_A_PERSON = frozenset({PauseReason.HUMAN_PAUSE, PauseReason.ABORTED, PauseReason.HANDED_OVER})


class Checkpoint(StrEnum):
    """What a source is told of."""

    STARTED = "started"
    RESUMED = "resumed"
    PAUSED = "paused"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Need(StrEnum):
    """Why a person is wanted."""

    PAUSED = "paused"
    GATE_OPENED = "gate_opened"
    REMINDER = "reminder"
    SILENCE = "silence"
    DEAD_LETTER = "dead_letter"
    CLEANUP_PENDING = "cleanup_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing to tell: `topic` and the facts beside the change request itself; `need` for notifications."""

    topic: str
    facts: Mapping[str, Any]
    need: Need | None = None


_REST = frozenset({Checkpoint.PAUSED, Checkpoint.WAITING})
_ENDS = frozenset({Checkpoint.COMPLETED, Checkpoint.FAILED, Checkpoint.CANCELLED})
_CHECKPOINTS = {
    Status.PAUSED: Checkpoint.PAUSED,
    Status.WAITING: Checkpoint.WAITING,
    Status.COMPLETED: Checkpoint.COMPLETED,
    Status.FAILED: Checkpoint.FAILED,
    Status.CANCELLED: Checkpoint.CANCELLED,
}


def checkpoint(event: StoredEvent, last: str | None) -> Checkpoint | None:
    """Return what a source learns from an event, given what it was told last; None when nothing new.

    A worker that only replaces a dead one is no news: running is told at the start and after a rest.
    """
    if event.type != "status_changed":
        return None
    status = Status(event.payload["status"])
    if status is Status.RUNNING:
        if last is None or last in _ENDS:
            return Checkpoint.STARTED
        return Checkpoint.RESUMED if last in _REST else None
    return _CHECKPOINTS.get(status)


def need(event: StoredEvent) -> Told | None:
    """Return why a person is wanted because of an event; None when nobody is."""
    payload = event.payload
    match event.type:
        case "status_changed":
            return _need_of_status(payload)
        case "gate_opened":
            message = f"The {payload['kind']} decision {payload['gate_id']} waits for a person."
            gate = {"id": payload["gate_id"], "kind": payload["kind"]}
            return _wanted(Need.GATE_OPENED, {"message": message, "gate": gate})
        case "warned" if payload.get("about") in {Need.REMINDER, Need.SILENCE}:
            return _wanted(Need(payload["about"]), {"message": payload["message"]})
        case "effect_recorded" if payload["status"] == "dead" and payload["kind"] != NOTIFICATION:
            facts = {"effect": payload["effect_id"], "kind": payload["kind"], "message": payload["summary"]}
            return _wanted(Need.DEAD_LETTER, facts)
    return None


def body(told: Told, cr: ChangeRequest, event: StoredEvent, delivery: str) -> str:
    """Return the JSON text of a delivery. `number` grows with each event, so receivers can order what they got."""
    message = told.facts.get("message", "")
    return json.dumps(
        {
            "type": told.topic,
            "delivery": delivery,
            "number": event.seq,
            "at": event.at.isoformat(),
            "change_request": {
                "id": cr.id,
                "title": cr.title,
                "source": cr.source,
                "external_id": cr.external_id,
                "external_url": cr.external_url,
                "attempt": cr.attempt,
                "stage": cr.stage.value if cr.stage else None,
                "cost_usd": str(cr.cost_usd),
            },
            **told.facts,
            "message": message[:_MESSAGE_MAX],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def report(at: Checkpoint, event: StoredEvent) -> Told:
    """Return what a source is told at a checkpoint."""
    payload = event.payload
    facts: dict[str, Any] = {"message": payload.get("message", "")}
    if payload.get("reason"):
        facts["reason"] = payload["reason"]
    if payload.get("wait"):
        facts["waits_for"] = payload["wait"]
    return Told(topic=f"change_request.{at}", facts=facts)


def _need_of_status(payload: Mapping[str, Any]) -> Told | None:
    status, message = Status(payload["status"]), payload.get("message", "")
    if status is Status.PAUSED and payload.get("reason") not in _BY_A_PERSON:
        return _wanted(Need.PAUSED, {"message": message, "reason": payload.get("reason")})
    if status in {Status.FAILED, Status.CANCELLED}:
        words = f"It ended as {status}; its branches and pull requests are kept until a person decides."
        return _wanted(Need.CLEANUP_PENDING, {"message": words})
    return None


def _wanted(need: Need, facts: Mapping[str, Any]) -> Told:
    return Told(topic=f"needs_you.{need}", facts=facts, need=need)
