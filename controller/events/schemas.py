"""Events as the API shows them."""

from datetime import datetime

from pydantic import BaseModel

from pipeline.events import Event


class EventView(BaseModel):
    """One event. `seq` is the commit-ordered public number, and the `id:` of the stream."""

    seq: int
    cr_id: str
    type: str
    at: datetime
    payload: Event


class EventPage(BaseModel):
    """A page of events, ascending."""

    items: list[EventView]
    next_after: int
    """Ask again with `after` set to this; the same number means that nothing newer was there."""
