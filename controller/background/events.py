"""The live view: one tailer per process numbers and reads new events and serves every stream from one bounded window.

Problem: a reader that skips what is not committed yet loses it, and thousands of deliveries a second must not cost
thousands of queries. Choice: events are numbered after commit (`pipeline.store.events`); the tailer reads them once per
tenant and pauses in between, the longer the more streams are open, so that what happens meanwhile goes out joined; a
client is only a cursor and reads the database when it has fallen behind the window. Whoever is up to date is served in a
crowd (`crowds`), without a task waking. Invariants: a client receives every event of its stream once, in the order of their
numbers; text that streams (`delta`) is for whoever is there, never more.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from controller.background.live_streams import Line
from controller.background.windows import SEND_BYTES, Piece, Window, delta, encode, position
from pipeline.errors import TransientError
from pipeline.records import StoredEvent
from pipeline.store.engine import Database
from pipeline.store.events import Events

PAGE = 500
WARM = 1_000
"""Events read when a tenant is first watched, so that a crowd that comes back after a restart asks the database once."""
JOIN_PER_STREAM_S = 0.000_1
JOIN_MAX_S = 0.1
_AWAY_S = 1.0

_log = structlog.get_logger(__name__)


class _Delta(BaseModel):
    """Text that streams: whose it is; everything else goes through as it came."""

    model_config = ConfigDict(frozen=True, extra="allow")

    cr_id: str


class EventTailer:
    """Serves streams; `tick` is called by the supervisor on the bell `events` and at an interval, `pulse` now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._windows: dict[str, Window] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._pulses = 0
        self._flush: asyncio.TimerHandle | None = None
        self._closed = False
        self.deltas_wanted = asyncio.Event()
        self.deltas_live = False
        """Whether text that streams reaches this process; what a stream that asks for it is told."""

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return sum(window.watchers for window in self._windows.values())

    @property
    def joined_s(self) -> float:
        """How long events are gathered before they go out together."""
        return min(JOIN_MAX_S, self.clients * JOIN_PER_STREAM_S)

    async def tick(self) -> None:
        """Number and read what is new in every tenant that somebody watches; returns after the time of gathering."""
        for tenant in list(self._windows):
            await self._advance(tenant)
        await asyncio.sleep(self.joined_s)

    async def pulse(self) -> None:
        """Give streams that were silent since the last pulse a reason to say that they are alive."""
        self._pulses += 1
        for window in self._windows.values():
            window.pulse()

    async def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        for window in self._windows.values():
            window.dissolve()

    def tell(self, tenant: str, body: bytes) -> None:
        """Hand text that streams to whoever watches it now."""
        window = self._windows.get(tenant)
        if window is None or not window.delta_watchers:
            return
        said = _parse(body)
        if said is None:
            return
        window.tell(said.cr_id, delta(said.model_dump()))
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(self.joined_s, self._announce_deltas)

    async def follow(
        self, tenant: str, *, after: int | None, cr_id: str | None, deltas: bool = False, line: Line | None = None
    ) -> AsyncGenerator[Piece]:
        """Yield what is above `after` in pieces, for ever; None begins with what comes next. Ends when the tailer closes.

        With a `line`, on which every piece was sent before the next one is asked for, what comes while the client is up
        to date is written to it directly and not yielded.
        """
        async with self._watch(tenant, deltas=deltas) as window:
            cursor, told, pulses = window.last if after is None else after, window.deltas_told, self._pulses
            facts = {"deltas": "live" if self.deltas_live else "away"} if deltas else {}
            yield Piece(position(cursor, **facts), cursor)
            while not self._closed:
                changed = window.changed
                piece = await self._next(tenant, window, cursor, cr_id)
                cursor, text = piece.cursor, b""
                if deltas and window.deltas_told != told:
                    text, told = window.deltas_above(told, cr_id), window.deltas_told
                if piece.wire or text:
                    yield Piece(piece.wire + text, cursor)
                    pulses = self._pulses
                elif cursor < window.last:
                    continue
                elif pulses < self._pulses:
                    pulses = self._pulses
                    yield Piece(position(cursor), cursor)
                elif line is None or cursor > window.last or self._closed:
                    await changed.wait()
                else:
                    cursor, told = await window.stay(line, cr_id, deltas=deltas)

    async def stored(
        self, tenant: str, *, after: int, cr_id: str | None = None, limit: int = PAGE
    ) -> list[StoredEvent]:
        """Return a page of numbered events from the database."""
        async with self._database.transaction(tenant) as connection:
            return await Events(connection).read(after=after, cr_id=cr_id, limit=limit)

    async def last_of(self, tenant: str, cr_id: str) -> int:
        """Return the highest number of one change request."""
        async with self._database.transaction(tenant) as connection:
            return await Events(connection).last_of(cr_id)

    async def number(self, tenant: str) -> None:
        """Number what is committed, in a transaction of its own: numbers are public only once they are durable."""
        async with self._database.transaction(tenant) as connection:
            await Events(connection).number()

    async def _next(self, tenant: str, window: Window, cursor: int, cr_id: str | None) -> Piece:
        """Return what follows: from the window, or from the database for whoever has fallen behind it."""
        edge = window.after
        if cursor >= edge:
            return window.above(cursor, cr_id)
        try:
            found = await self.stored(tenant, after=cursor, cr_id=cr_id)
        except TransientError as away:
            # The stream waits for the database as everything does; ending it would only bring the client back at once.
            _log.warning("stream_waits_for_the_database", cause=away.message)
            await asyncio.sleep(_AWAY_S)
            return Piece(b"", cursor)
        if not found:
            return Piece(b"", edge)
        wires, size = list[bytes](), 0
        for event in found:
            frame = encode(event)
            wires.append(frame.wire)
            size += len(frame.wire)
            cursor = frame.seq
            if size >= SEND_BYTES:
                break
        return Piece(b"".join(wires), cursor)

    @asynccontextmanager
    async def _watch(self, tenant: str, *, deltas: bool) -> AsyncIterator[Window]:
        async with self._opening[tenant]:
            window = self._windows.get(tenant)
            if window is None:
                window = self._windows.setdefault(tenant, await self._open_window(tenant))
            window.watchers += 1
        window.delta_watchers += deltas
        self._want_deltas()
        try:
            yield window
        finally:
            window.watchers -= 1
            window.delta_watchers -= deltas
            self._want_deltas()
            if window.watchers == 0 and self._windows.get(tenant) is window:
                del self._windows[tenant]

    async def _open_window(self, tenant: str) -> Window:
        await self.number(tenant)
        async with self._database.transaction(tenant) as connection:
            newest = await Events(connection).newest(WARM)
        if not newest:
            return Window(after=0, last=0)
        before = newest[0].previous or 0
        window = Window(after=before, last=before)
        window.add([encode(event) for event in newest])
        return window

    async def _advance(self, tenant: str) -> None:
        number = True
        while (window := self._windows.get(tenant)) is not None:
            async with self._database.transaction(tenant) as connection:
                if number:
                    await Events(connection).number()
                found = await Events(connection).read(after=window.last, limit=PAGE)
            # Only here, after the commit, may anybody be shown the numbers.
            number = False
            if found and self._windows.get(tenant) is window:
                window.add([encode(event) for event in found])
            if len(found) < PAGE:
                return

    def _want_deltas(self) -> None:
        if any(window.delta_watchers for window in self._windows.values()):
            self.deltas_wanted.set()
        else:
            self.deltas_wanted.clear()

    def _announce_deltas(self) -> None:
        self._flush = None
        for window in self._windows.values():
            if window.delta_watchers:
                window.announce()


def _parse(body: bytes) -> _Delta | None:
    try:
        return _Delta.model_validate_json(body)
    except ValidationError:
        return None
