"""The live view: one tailer per process numbers and reads new events and serves every stream from one bounded window.

Problem: a queue per client multiplies memory by clients and must drop or block when one is slow; a reader that skips
what is not committed yet loses it. Choice: events are numbered after commit (`pipeline.store.events`); the tailer keeps
the newest frames of each watched tenant, encoded once; a client is only a cursor into that window and reads the database
when it has fallen behind it. Invariant: a client receives every event of its stream once, in the order of their numbers;
a client that takes nothing is cut off by the transport and resumes by its last number.
"""

import asyncio
import bisect
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pipeline.records import StoredEvent
from pipeline.store.engine import Database
from pipeline.store.events import Events

WINDOW = 5_000
PAGE = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire."""

    seq: int
    cr_id: str
    type: str
    wire: bytes


@dataclass(slots=True)
class _Window:
    """The newest frames of one tenant: all events with a number above `after`, up to `last`."""

    after: int
    last: int
    frames: list[Frame] = field(default_factory=list)
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, frames: Sequence[Frame]) -> None:
        self.frames.extend(frames)
        self.last = frames[-1].seq
        if (surplus := len(self.frames) - WINDOW) > 0:
            self.after = self.frames[surplus - 1].seq
            del self.frames[:surplus]
        self.announce()

    def announce(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def above(self, seq: int) -> Sequence[Frame]:
        start = bisect.bisect_right(self.frames, seq, key=lambda frame: frame.seq)
        return self.frames[start : start + PAGE]


class EventTailer:
    """Serves streams; `tick` is called by the supervisor on the bell `events` and at an interval."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._windows: dict[str, _Window] = {}
        self._closed = False

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return sum(window.watchers for window in self._windows.values())

    async def tick(self) -> None:
        """Number and read what is new in every tenant that somebody watches."""
        for tenant in list(self._windows):
            await self._advance(tenant)

    async def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        for window in self._windows.values():
            window.announce()

    async def follow(self, tenant: str, *, after: int | None, cr_id: str | None) -> AsyncIterator[list[Frame]]:
        """Yield frames above `after` in batches, for ever; None begins with what comes next. Ends when the tailer closes."""
        async with self._watched(tenant) as window:
            cursor = window.last if after is None else after
            while not self._closed:
                changed, edge = window.changed, window.after
                if cursor < edge:
                    stored = await self.stored(tenant, after=cursor, cr_id=cr_id)
                    frames = [encode(event) for event in stored]
                    cursor = frames[-1].seq if frames else edge
                else:
                    fresh = window.above(cursor)
                    frames = [frame for frame in fresh if cr_id in {None, frame.cr_id}]
                    cursor = fresh[-1].seq if fresh else cursor
                    if not fresh:
                        await changed.wait()
                if frames:
                    yield frames

    async def stored(
        self, tenant: str, *, after: int, cr_id: str | None = None, limit: int = PAGE
    ) -> list[StoredEvent]:
        """Return a page of numbered events from the database."""
        async with self._database.transaction(tenant) as connection:
            return await Events(connection).read(after=after, cr_id=cr_id, limit=limit)

    async def number(self, tenant: str) -> None:
        """Number what is committed, in a transaction of its own: numbers are public only once they are durable."""
        async with self._database.transaction(tenant) as connection:
            await Events(connection).number()

    @asynccontextmanager
    async def _watched(self, tenant: str) -> AsyncIterator[_Window]:
        window = self._windows.get(tenant)
        if window is None:
            await self.number(tenant)
            async with self._database.transaction(tenant) as connection:
                last = await Events(connection).last_number()
            window = self._windows.setdefault(tenant, _Window(after=last, last=last))
        window.watchers += 1
        try:
            yield window
        finally:
            window.watchers -= 1
            if window.watchers == 0 and self._windows.get(tenant) is window:
                del self._windows[tenant]

    async def _advance(self, tenant: str) -> None:
        await self.number(tenant)
        while (window := self._windows.get(tenant)) is not None:
            found = await self.stored(tenant, after=window.last)
            if found and self._windows.get(tenant) is window:
                window.add([encode(event) for event in found])
            if len(found) < PAGE:
                return


def encode(event: StoredEvent) -> Frame:
    """Encode an event as a server-sent event: its number as `id`, its type as `event`, all of it as one line of JSON."""
    data = json.dumps(plain(event), ensure_ascii=False, separators=(",", ":"))
    wire = f"id: {event.seq}\nevent: {event.type}\ndata: {data}\n\n".encode()
    return Frame(event.seq, event.cr_id, event.type, wire)


def plain(event: StoredEvent) -> dict[str, object]:
    """Return an event as the API shows it."""
    return {
        "seq": event.seq,
        "cr_id": event.cr_id,
        "type": event.type,
        "at": event.at.isoformat(),
        "payload": event.payload,
    }
