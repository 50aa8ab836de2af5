"""What one intervention works with, and what follows from it."""

from dataclasses import dataclass

from controller.interventions.schemas import InterventionRequest
from pipeline.change_request import PauseReason, Status
from pipeline.interventions.intervention import Action, Said
from pipeline.records import ChangeRequest
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.handing_over import HandingOver
from pipeline.store.interventions import Interventions
from pipeline.store.leases import Leases
from pipeline.store.request_revisions import RequestRevisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one intervention works with: the locked change request and the aggregates of one transaction."""

    handing_over: HandingOver
    cr: ChangeRequest
    asked: InterventionRequest
    actor: str
    requests: ChangeRequests
    gates: Gates
    interventions: Interventions
    effects: Effects
    leases: Leases
    log: Events
    revisions: RequestRevisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What followed. `acted` False leaves the row queued for the worker; `move` None changes no status."""

    message: str
    acted: bool
    status: Status
    body: Said
    reason: PauseReason | None = None
    stored_as: Action | None = None
    """What the worker understands it as, when that is not the action that was asked for."""
    hands_over: bool = False
    """The change request is nobody's right now, so it is given to the person in this transaction."""


async def forget_stops(desk: Desk) -> None:
    """A pause that came too late for the last run must not stop the next one."""
    stops = [Action.PAUSE, Action.ABORT]
    await desk.interventions.overtake(desk.cr.id, actions=stops, note="It had stopped before.")


def kept(desk: Desk, message: str, *, acted: bool, body: Said) -> Done:
    """Return that something was noted while the change request stays as it is."""
    return Done(message=message, acted=acted, status=desk.cr.status, reason=desk.cr.pause_reason, body=body)


def said(desk: Desk) -> Said:
    """Return what is stored of an action that has no facts of its own."""
    return Said(instructions=desk.asked.instructions)
