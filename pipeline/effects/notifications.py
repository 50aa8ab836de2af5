"""What other systems are told: reports on one change request to its source, notifications of a tenant's needs.

Both follow from events, in their public order, and never the other way round: nothing in the line waits for a receiver.
Bodies are built once and kept as text, because the bytes that are signed must be the same at each try. Everything here
is pure; who reads the events and who delivers is the controller's business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from pipeline.change_request import PauseReason, Status
from pipeline.effects.kinds import TOLD_AT, Checkpoint, EffectKind, EffectStatus, Need
from pipeline.events import EffectRecorded, Event, GateOpened, StatusChanged, Warned
from pipeline.records import ChangeRequest, StoredEvent

EVENT_TYPES = ("status_changed", "gate_opened", "warned", "effect_recorded")
"""Events from which something can follow."""

_MESSAGE_MAX = 1_000
_BY_A_PERSON = frozenset({PauseReason.HUMAN_PAUSE, PauseReason.ABORTED, PauseReason.HANDED_OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing to tell: `topic`, words and the facts beside the change request itself; `need` for notifications."""

    topic: str
    message: str
    facts: Mapping[str, JsonValue]
    need: Need | None = None


_REST = frozenset({Checkpoint.PAUSED, Checkpoint.WAITING})
_ENDS = frozenset({Checkpoint.COMPLETED, Checkpoint.FAILED, Checkpoint.CANCELLED})


def checkpoint(event: Event, last: Checkpoint | None) -> Checkpoint | None:
    """Return what a source learns from an event, given what it was told last; None when nothing new.

    A worker that only replaces a dead one is no news: running is told at the start and after a rest.
    """
    if not isinstance(event, StatusChanged):
        return None
    if event.status is Status.RUNNING:
        if last is None or last in _ENDS:
            return Checkpoint.STARTED
        return Checkpoint.RESUMED if last in _REST else None
    return TOLD_AT.get(event.status)


def need(event: Event) -> Told | None:
    """Return why a person is wanted because of an event; None when nobody is."""
    match event:
        case StatusChanged():
            return _need_of_status(event)
        case GateOpened():
            message = f"The {event.kind} decision {event.gate_id} waits for a person."
            return _wanted(Need.GATE_OPENED, message, {"gate": {"id": event.gate_id, "kind": event.kind}})
        case Warned(about=str(about)):
            return _wanted(Need(about), event.message)
        case EffectRecorded(status=EffectStatus.DEAD) if event.kind is not EffectKind.NOTIFICATION:
            return _wanted(Need.DEAD_LETTER, event.summary, {"effect": event.effect_id, "kind": event.kind})
    return None


def body(told: Told, cr: ChangeRequest, event: StoredEvent, delivery: str) -> str:
    """Return the JSON text of a delivery. `number` grows with each event, so receivers can order what they got."""
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
            "message": told.message[:_MESSAGE_MAX],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def report(at: Checkpoint, event: StatusChanged) -> Told:
    """Return what a source is told at a checkpoint."""
    facts: dict[str, JsonValue] = {}
    if event.reason:
        facts["reason"] = event.reason
    if event.wait:
        facts["waits_for"] = event.wait
    return Told(topic=f"change_request.{at}", message=event.message, facts=facts)


def _need_of_status(event: StatusChanged) -> Told | None:
    if event.status is Status.PAUSED and event.reason not in _BY_A_PERSON:
        return _wanted(Need.PAUSED, event.message, {"reason": event.reason})
    if event.status in {Status.FAILED, Status.CANCELLED}:
        words = f"It ended as {event.status}; its branches and pull requests are kept until a person decides."
        return _wanted(Need.CLEANUP_PENDING, words)
    return None


def _wanted(need: Need, message: str, facts: Mapping[str, JsonValue] | None = None) -> Told:
    return Told(topic=f"needs_you.{need}", message=message, facts=facts or {}, need=need)
