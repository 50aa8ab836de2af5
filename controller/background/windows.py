"""The newest events of one tenant as bytes, shared by every stream of this process.

Problem: a queue per client multiplies memory by clients, and encoding per client multiplies work. Choice: each event is
encoded once, what came together is joined once per kind of stream, and a client is only a cursor into this window.
Invariants: the window is bounded in events and bytes whatever clients do; text that streams is kept in a ring of its own
that overwrites what nobody took, because it may be lost.
"""

import asyncio
import bisect
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sse_starlette.event import ServerSentEvent

from controller.background.live_streams import Crowd, Line, Place
from pipeline.records import StoredEvent

WINDOW = 5_000
WINDOW_BYTES = 16 * 1024 * 1024
SEND_BYTES = 128 * 1024
"""What is given to one client at a time; beyond it and the transport's own buffer nothing waits for a slow client."""
DELTAS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire."""

    seq: int
    cr_id: str
    wire: bytes


class Piece(NamedTuple):
    """What a client is sent next, and how far its stream is complete then."""

    wire: bytes
    cursor: int


class Batch:
    """Frames that came together. Everyone who is up to date gets the same bytes, joined once."""

    def __init__(self, after: int, frames: Sequence[Frame]) -> None:
        self.after = after
        self.last = frames[-1].seq
        self._frames = frames
        self._joined: dict[str | None, bytes] = {}

    def join(self, cr_id: str | None) -> bytes:
        """Return the frames of one change request, or of all, as one piece; empty when there is none."""
        known = self._joined.get(cr_id)
        if known is None:
            known = b"".join(frame.wire for frame in self._frames if cr_id in {None, frame.cr_id})
            self._joined[cr_id] = known
        return known


@dataclass(slots=True)
class Window:
    """The newest frames of one tenant: all events with a number above `after`, up to `last`."""

    after: int
    last: int
    frames: list[Frame] = field(default_factory=list)
    size: int = 0
    newest: Batch | None = None
    deltas: deque[tuple[str, bytes]] = field(default_factory=lambda: deque(maxlen=DELTAS_KEPT))
    deltas_told: int = 0
    """How many deltas were ever put into the ring."""
    watchers: int = 0
    delta_watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    crowds: dict[tuple[str | None, bool], Crowd] = field(default_factory=dict)

    def add(self, frames: Sequence[Frame]) -> None:
        """Take in the next frames and wake the streams."""
        self.newest = Batch(self.last, frames) if sum(len(frame.wire) for frame in frames) <= SEND_BYTES else None
        self.frames.extend(frames)
        self.size += sum(len(frame.wire) for frame in frames)
        self.last = frames[-1].seq
        self._trim()
        self.announce()

    def tell(self, cr_id: str, wire: bytes) -> None:
        """Keep a delta for those who come for it in time; `announce` wakes them."""
        self.deltas.append((cr_id, wire))
        self.deltas_told += 1

    def announce(self) -> None:
        """Serve the crowds and wake every other stream."""
        for crowd in self.crowds.values():
            crowd.flush(self)
        self.changed.set()
        self.changed = asyncio.Event()

    def pulse(self) -> None:
        """Let crowds that were silent since the last pulse say that they are alive, and wake every other stream."""
        self.announce()
        for crowd in self.crowds.values():
            crowd.say_alive(position(self.last))

    def dissolve(self) -> None:
        """Wake every stream, those in crowds too."""
        for crowd in self.crowds.values():
            crowd.dissolve()
        self.announce()

    async def stay(self, line: Line, cr_id: str | None, *, deltas: bool) -> Place:
        """Serve a stream that is complete up to this window's end from its crowd; returns its place when it has to leave."""
        kind = (cr_id, deltas)
        crowd = self.crowds.get(kind)
        if crowd is None:
            crowd = self.crowds[kind] = Crowd(cr_id, deltas=deltas, place=Place(self.last, self.deltas_told))
        # Deltas are gathered before they are announced: the crowd may be behind the one who comes.
        crowd.flush(self)
        try:
            return await crowd.stay(line)
        finally:
            if crowd.empty and self.crowds.get(kind) is crowd:
                del self.crowds[kind]

    def above(self, cursor: int, cr_id: str | None) -> Piece:
        """Return what follows `cursor`, which has to be within the window; empty bytes and the same cursor at its end."""
        if cursor >= self.last:
            return Piece(b"", cursor)
        if self.newest is not None and self.newest.after == cursor:
            return Piece(self.newest.join(cr_id), self.newest.last)
        wires, size = list[bytes](), 0
        for frame in self.frames[bisect.bisect_right(self.frames, cursor, key=lambda frame: frame.seq) :]:
            cursor = frame.seq
            if cr_id in {None, frame.cr_id}:
                wires.append(frame.wire)
                size += len(frame.wire)
            if size >= SEND_BYTES:
                break
        return Piece(b"".join(wires), cursor)

    def deltas_above(self, told: int, cr_id: str | None) -> bytes:
        """Return the deltas after the first `told` ones as far as they are still kept."""
        fresh = min(self.deltas_told - told, len(self.deltas))
        newest = list(self.deltas)[len(self.deltas) - fresh :] if fresh > 0 else []
        return b"".join(wire for of, wire in newest if cr_id in {None, of})

    def _trim(self) -> None:
        surplus, freed = max(0, len(self.frames) - WINDOW), 0
        freed = sum(len(frame.wire) for frame in self.frames[:surplus])
        while self.size - freed > WINDOW_BYTES:
            freed += len(self.frames[surplus].wire)
            surplus += 1
        if surplus:
            self.after = self.frames[surplus - 1].seq
            self.size -= freed
            del self.frames[:surplus]


def encode(event: StoredEvent) -> Frame:
    """Encode an event as a server-sent event: its number as `id`, its type as `event`, all of it as one line of JSON."""
    return Frame(event.seq, event.cr_id, _wire(event.type, plain(event), event.seq))


def position(seq: int, **facts: object) -> bytes:
    """Encode how far a stream is complete: sent when it opens, and as the sign of life of a silent one."""
    return b": still here\n" + _wire("position", {"seq": seq, **facts}, seq)


def delta(body: dict[str, object]) -> bytes:
    """Encode text that streams. It has no `id`: nobody resumes from it."""
    return _wire("delta", body, None)


def end(cr_id: str, status: str, last_seq: int) -> bytes:
    """Encode that nothing more will happen to a finished change request."""
    return _wire("end", {"cr_id": cr_id, "status": status, "last_seq": last_seq}, None)


def plain(event: StoredEvent) -> dict[str, object]:
    """Return an event as the API shows it."""
    return {
        "seq": event.seq,
        "previous": event.previous,
        "previous_of_cr": event.previous_of_cr,
        "cr_id": event.cr_id,
        "type": event.type,
        "at": event.at.isoformat(),
        "payload": event.payload,
    }


def _wire(name: str, body: dict[str, object], seq: int | None) -> bytes:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    number = str(seq) if seq is not None else None
    return ServerSentEvent(data, event=name, id=number, sep="\n").encode()
