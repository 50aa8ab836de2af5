"""Events as the API shows them."""

from datetime import datetime

from pydantic import BaseModel

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


class EventPage(BaseModel):
    """A page of events, ascending."""

    items: list[EventView]
    next_after: int
    """Ask again with `after` set to this; the same number means that nothing newer was there."""
