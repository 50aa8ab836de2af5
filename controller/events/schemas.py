"""Events as the API shows them."""

from datetime import datetime

from pydantic import BaseModel

from pipeline.change_request import Stage
from pipeline.events import Event


class EventView(BaseModel):
    """One event. `seq` is the commit-ordered public number, and the `id:` of the stream.

    Numbers have holes. Whoever follows has missed something if the `previous` of a tenant's stream, or the
    `previous_of_cr` of one change request's, is greater than the number they were complete up to.
    """

    seq: int
    previous: int | None = None
    """The number of the tenant's event before this one; 0 for the first."""
    previous_of_cr: int | None = None
    """The number of this change request's event before this one; 0 for the first."""
    cr_id: str
    type: str
    at: datetime
    payload: Event


class DeltaView(BaseModel):
    """What a model says at this moment, as a `delta` block of a stream carries it. Never stored; parts may be missing."""

    cr_id: str
    stage: Stage
    repository: str | None
    role: str
    instance: str
    turn: int
    part: int
    """Counts from 0 within a turn."""
    cut: bool
    """Something was left out before this part."""
    text: str


class EventPage(BaseModel):
    """A page of events, ascending, whichever way it was asked for."""

    items: list[EventView]
    next_after: int
    """Ask again with `after` set to this; the same number means that nothing newer was there."""
    next_before: int | None = None
    """Ask with `before` set to this for what came earlier; None if nothing did, or if the page was asked for forwards."""
    complete_to: int | None = None
    """Of a newest page: nothing up to this number is missing from its end, so a stream goes on `after` it."""


class EventSummary(BaseModel):
    """What the events of one change request come to, in a size that does not grow with what agents do."""

    complete_to: int
    """What happened up to this number is taken into account; a stream goes on `after` it."""
    total: int
    """Events of this change request so far."""
    milestones: list[EventView]
    """Stages, loops, statuses, decisions and flagged passages; each agent's last events and what its tools did since."""
    tool_calls: dict[str, int]
    """Tools that agents called, per repository."""
