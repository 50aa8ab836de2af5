"""Following a change request to where it rests, on a terminal or line by line; `run` and `watch` share it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console

from cli.change_requests import path_of
from cli.client import Client, Event
from cli.follower import at_rest, follow, may_rest
from cli.live import LiveView
from cli.narration import narrate
from cli.outcome import queue_words
from controller.change_requests.schemas import ChangeRequestDetail
from controller.events.schemas import DeltaView
from pipeline.errors import InvariantBroken


class View(Protocol):
    """Shows events to a person."""

    def show(self, event: Event) -> None:
        """Take in an event."""

    def notice(self, text: str) -> None:
        """Say something about the connection."""

    @property
    def on_delta(self) -> Callable[[DeltaView], None] | None:
        """Takes the models' text as it streams; None where nobody could read that."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A view of one line per event."""

    say: Callable[[str], None]

    def show(self, event: Event) -> None:
        """Print the event's line, if it is worth one."""
        told = narrate(event)
        if told is not None:
            self.say(told)

    def notice(self, text: str) -> None:
        """Print it."""
        self.say(text)

    @property
    def on_delta(self) -> None:
        """Lines are for what happened, not for what is being said."""


def view_of(
    detail: ChangeRequestDetail, console: Console | None, say: Callable[[str], None]
) -> AbstractContextManager[View]:
    """Return the live view on a terminal, and lines of words elsewhere."""
    if console is None:
        return nullcontext(Lines(say))
    return LiveView(console, cr_id=detail.id, title=detail.title, model=detail.model.name)


def follow_to_rest(
    client: Client, cr_id: str, view: View, *, answer: Callable[[ChangeRequestDetail], bool]
) -> ChangeRequestDetail:
    """Show events until nothing happens without a person, and return the change request as it is then.

    `answer` is asked at every rest; True says that it did something and following goes on.
    """
    seen, queued = 0, ""
    for event in follow(client, cr_id, notice=view.notice, on_delta=view.on_delta):
        if event is not None:
            view.show(event)
            seen = event.seq
        if not may_rest(event):
            continue
        detail = client.get(path_of(cr_id), ChangeRequestDetail)
        if detail.queue and queued != (queued := queue_words(detail.queue)):
            view.notice(f"It is {queued}.")
        # The change request is ahead of its stream: what led to this rest is shown before it counts.
        told = not client.events_page(f"{path_of(cr_id)}/events", after=seen, limit=1)
        if told and at_rest(detail) and not answer(detail):
            return detail
    raise InvariantBroken("A follower ended by itself.")
