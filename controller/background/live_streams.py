"""Streams that are up to date, served together by one loop over their connections.

Problem: waking a task for each client, and taking each piece through a web framework and an HTTP library, costs several
times what handing the bytes to the system costs. Choice: a stream that has nothing left to read stays in the crowd of its
kind; what happens next is framed once and written to every connection in turn. Whoever does not take it at once leaves the
crowd with its place in the stream and goes on by itself, with flow control, until it is up to date again. Invariants: all
members are complete up to the same number; nothing is written to a connection that still holds something back.
"""

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from controller.background.windows import Window


class Line(Protocol):
    """The connection of one client, on which an HTTP/1.1 response with chunked encoding is under way."""

    def write(self, data: bytes) -> None:
        """Send or keep; never waits."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are kept because the client did not take them yet."""


class Place(NamedTuple):
    """How far a stream is complete: the number of its last event, and how many deltas it was offered."""

    cursor: int
    told: int


class Crowd:
    """Streams of one kind: of one change request or all, with or without deltas."""

    def __init__(self, cr_id: str | None, *, deltas: bool, place: Place) -> None:
        self._cr_id = cr_id
        self._deltas = deltas
        self._place = place
        self._members: dict[Line, asyncio.Future[Place]] = {}
        self._silent = True

    @property
    def empty(self) -> bool:
        """Whether nobody is left."""
        return not self._members

    async def stay(self, line: Line) -> Place:
        """Serve a client that is exactly as far as the crowd, until it has to go on by itself; returns its place then."""
        left: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._members[line] = left
        try:
            return await left
        finally:
            self._members.pop(line, None)

    def flush(self, window: "Window") -> None:
        """Write what is above the crowd's place to everyone."""
        if self._place.cursor < window.after:
            self.dissolve()
            self._place = Place(window.last, window.deltas_told)
        while self._place.cursor < window.last or (self._deltas and self._place.told < window.deltas_told):
            piece = window.above(self._place.cursor, self._cr_id)
            text = window.deltas_above(self._place.told, self._cr_id) if self._deltas else b""
            if piece.wire or text:
                self._write(piece.wire + text)
                self._silent = False
            self._place = Place(piece.cursor, window.deltas_told)

    def say_alive(self, wire: bytes) -> None:
        """Write a sign of life if nothing was written since the last one was due; whoever lags leaves in any case."""
        if self._silent:
            self._write(wire)
        else:
            self._part([line for line in self._members if line.get_write_buffer_size()])
        self._silent = True

    def dissolve(self) -> None:
        """Send everyone on by themselves."""
        self._part(list(self._members))

    def _write(self, wire: bytes) -> None:
        chunk, slow = chunked(wire), list[Line]()
        for line in self._members:
            if line.get_write_buffer_size():
                slow.append(line)
            else:
                line.write(chunk)
        self._part(slow)

    def _part(self, lines: list[Line]) -> None:
        for line in lines:
            left = self._members.pop(line)
            if not left.done():
                left.set_result(self._place)


def chunked(wire: bytes) -> bytes:
    """Frame bytes for HTTP/1.1 `Transfer-Encoding: chunked`; they must not be empty, which would end the response."""
    return b"%x\r\n%b\r\n" % (len(wire), wire)
