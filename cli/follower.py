"""Following a change request over a connection that may break: no event is lost, none is seen twice.

Choice: the stream is resumed by the last event's number; while it is away the controller is asked again with growing
patience. Status events and signs of life make the follower look at the change request itself, which is the truth, so a
follower never waits for an event that was missed.
"""

import time
from collections.abc import Callable, Iterator

from cli.change_requests import path_of
from cli.client import Client, Event, Unreachable
from controller.change_requests.schemas import ChangeRequestDetail
from controller.events.schemas import DeltaView
from pipeline.change_request import Status, WaitKind
from pipeline.errors import TransientError
from pipeline.events import StatusChanged

FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
WAITS_FOR_A_PERSON = frozenset({WaitKind.GATE, WaitKind.CONFIRMATION, WaitKind.INPUT})
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_PATIENCE_S = 90.0
"""Longer than a controller that crashed needs to come back."""


def follow(
    client: Client,
    cr_id: str,
    *,
    after: int = 0,
    notice: Callable[[str], None],
    on_delta: Callable[[DeltaView], None] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    patience_s: float = _PATIENCE_S,
) -> Iterator[Event | None]:
    """Yield every event after `after` once and in order, and None as a sign of life; never ends by itself.

    Raises:
        Unreachable: the controller was away for longer than `patience_s`.
    """
    seen, pause_s, away_s = after, _FIRST_PAUSE_S, 0.0
    while True:
        try:
            for event in client.events(f"{path_of(cr_id)}/events", after=seen, on_delta=on_delta):
                if away_s:
                    notice("The connection is back.")
                pause_s, away_s = _FIRST_PAUSE_S, 0.0
                if event is not None and event.seq <= seen:
                    continue
                seen = event.seq if event is not None else seen
                yield event
            # A stream that ended properly: a controller that stops, or nothing more to say.
            yield None
        except (Unreachable, TransientError):
            if away_s >= patience_s:
                raise
            if not away_s:
                notice("The controller does not answer; trying again.")
        sleep(pause_s)
        away_s += pause_s
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def at_rest(detail: ChangeRequestDetail) -> bool:
    """Whether nothing more happens before a person acts."""
    waits = detail.status is Status.WAITING and detail.wait_kind in WAITS_FOR_A_PERSON
    return waits or detail.status is Status.PAUSED or detail.status in FINISHED


def may_rest(event: Event | None) -> bool:
    """Whether it is worth looking at the change request itself."""
    return event is None or isinstance(event.payload, StatusChanged)
