"""Waiting for processes and reading what they print, without threads and with bounded memory.

Problem: `asyncio`'s own subprocesses start a thread per child and can be cancelled between fork and bookkeeping, so a
tree can survive its caller. Choice: `subprocess.Popen` on the event loop's thread (the one that
`--die-with-parent` follows), pidfds to wait and to kill, and non-blocking pipes read by the loop. Invariant: output
beyond the cap is counted and dropped from the middle; it never accumulates.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

_CHUNK = 64 * 1024
LOOK_INTERVAL_S = 0.25
"""How often what a command uses is looked at."""
_T = TypeVar("_T")


class CappedOutput:
    """The head and the tail of a stream, each half of `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._seen = 0

    @property
    def truncated(self) -> bool:
        """Whether anything was dropped."""
        return self._seen > 2 * self._half

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        self._seen += len(chunk)
        room = self._half - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        """Return what was kept; a line in the middle says how many bytes are missing."""
        tail = bytes(self._tail[-self._half :])
        if not self.truncated:
            return (bytes(self._head) + tail).decode(errors="replace")
        gap = f"\n[… {self._seen - len(self._head) - len(tail)} bytes cut …]\n"
        return bytes(self._head).decode(errors="replace") + gap + tail.decode(errors="replace")


class PipeReader:
    """Feeds a pipe's bytes to `sink` as they come; `b""` is the end. Owns the descriptor."""

    def __init__(self, fd: int, sink: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self.close()
        self._sink(chunk)

    def close(self) -> None:
        """Stop reading. Idempotent."""
        if not self.ended.is_set():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.ended.set()


async def exited(pidfd: int) -> None:
    """Return once the process is dead; for the first process of a pid namespace, once everything in it is."""
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()
    loop.add_reader(pidfd, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(pidfd)


async def settle(work: Awaitable[_T]) -> tuple[_T, asyncio.CancelledError | None]:
    """Finish `work` even if the caller is cancelled meanwhile; return the cancellation, for the caller to raise."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    return task.result(), cancelled


class Excess(StrEnum):
    """What a command used more of than it may."""

    MEMORY = "memory"
    TREE = "tree"
    """The disk of what it may write."""
    MACHINE_DISK = "machine_disk"
    """What it wrote leaves the file system too little room for everybody."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a watched process has to be killed; neither when it ended by itself. `words` are for whoever reads the output."""

    timed_out: bool = False
    excess: Excess | None = None
    words: str = ""


Look: TypeAlias = Callable[[], Awaitable[Ending | None]]
"""One look at what a process uses: the ending that it has to have, or None."""


async def watch(ended: Callable[[], Awaitable[None]], *, timeout_s: float, look: Look) -> Ending:
    """Wait until the process ends by itself, its time is over or it uses more than it may. Kills nothing."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while (left := deadline - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(min(left, LOOK_INTERVAL_S)):
                await ended()
        except TimeoutError:
            if (ending := await look()) is not None:
                return ending
        else:
            return Ending()
    return Ending(timed_out=True)
