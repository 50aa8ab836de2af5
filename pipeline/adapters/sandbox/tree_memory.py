"""How much memory a process tree holds, measured from outside: for machines without a cgroup that counts it.

Problem: resident pages are not all. A file in a private `/tmp` is memory that no process has mapped, open files without
a name are, and so is shared memory whose pages were touched and let go of. Choice: private memory from the processes,
scratch mounts as their file systems count themselves, shared mappings by their whole extent (as root by what the kernel
holds for them), and sockets and long tables of open files by what they may hold. What no table of processes shows
(memfds, large System V segments) is refused by the system-call filter instead. Invariant: a page that several processes
share counts once.
"""

import asyncio
import contextlib
import mmap
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.adapters.process_io import LOOK_INTERVAL_S, Ending, Excess

_COST_SHARE = 10
"""A measurement is followed by this many times its own length without one."""
_BLOCK = 512
_ENTRY = 1024
"""What the kernel itself reckons for a file, a link or attributes in memory, however empty."""
_USUAL_FILES, _USUAL_SOCKETS = 256, 64
_SOCKET_MAX_BYTES = 1024**2
_IN_KB = re.compile(r"^(\w+:)[ \t]+([0-9]+) kB$", re.MULTILINE)


def memory_ending(limit: int) -> Ending:
    """Return how a command ends that used more memory than `limit` bytes."""
    return Ending(excess=Excess.MEMORY, words=f"it used more memory than allowed ({limit // 1024**2} MiB)")


@dataclass(slots=True, kw_only=True)
class MeasuredMemory:
    """The memory of one command. `scratch` are the paths, inside, of file systems in memory that are the command's own."""

    limit: int
    scratch: tuple[Path, ...] = ()
    _extents: dict[int, int] = field(default_factory=dict)
    """By inode, the most that was seen of a shared mapping that still exists."""
    peak_bytes: int = 0
    """The most that a look has seen."""
    _next_s: float = 0.0

    def take(self, first: int) -> None:
        """Need nothing: the tree is found below its first process."""

    async def look(self, first: int) -> Ending | None:
        """Measure the tree below process `first`, unless the last measurement took long and was a moment ago."""
        if time.monotonic() < self._next_s:
            return None
        began = time.monotonic()
        held = await asyncio.to_thread(self._held, first)
        self.peak_bytes = max(self.peak_bytes, held)
        now = time.monotonic()
        self._next_s = now + max(LOOK_INTERVAL_S / 2, _COST_SHARE * (now - began))
        return memory_ending(self.limit) if held > self.limit else None

    def _held(self, first: int) -> int:
        """Return bytes. Page tables are walked, which costs, only when the cheap and too large sum is above the limit."""
        pids = tree(first)
        sums = _sums(pids, "status")
        shared = sum(_scratch_used(first, place, self.limit) for place in self.scratch) + self._shared(pids)
        kernels = sums["VmPTE:"] + _long_tables(pids) + (_in_sockets(first) if self.scratch else 0)
        held = kernels + sums["RssAnon:"] + sums["VmSwap:"] + max(shared, sums["RssShmem:"])
        if held > self.limit:
            sums = _sums(pids, "smaps_rollup")
            held = kernels + sums["Pss_Anon:"] + sums["SwapPss:"] + max(shared, sums["Pss_Shmem:"])
        return held

    def _shared(self, pids: Sequence[int]) -> int:
        seen: dict[int, int] = {}
        for pid in pids:
            for inode, size in _shared_mappings(pid):
                seen[inode] = max(seen.get(inode, self._extents.get(inode, 0)), size)
        self._extents = seen
        return sum(seen.values())

    def ending(self) -> None:
        """Say nothing: a tree that is gone holds no memory."""

    async def end(self) -> None:
        """Leave nothing."""

    def discard(self) -> None:
        """Leave nothing."""


def tree(first: int) -> list[int]:
    """Return a process and all its descendants, as far as they still run."""
    pids = [first]
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended meanwhile
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def _sums(pids: Sequence[int], table: str) -> Counter[str]:
    """Return the bytes of all processes together, by the names that the kernel gives to lines in kB."""
    total: Counter[str] = Counter()
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended meanwhile
            # A process writes its own name into a line of its own, and may end it in " kB".
            for name, size in _IN_KB.findall(Path(f"/proc/{pid}/{table}").read_text(errors="replace")):
                total[name] += int(size) * 1024
    return total


def _long_tables(pids: Sequence[int]) -> int:
    """Return what open files may hold beyond a usual number of them: a page each, as a pipe does."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # it ended meanwhile
            found = re.search(
                r"^FDSize:\s+(\d+)$", Path(f"/proc/{pid}/status").read_text(errors="replace"), re.MULTILINE
            )
            total += max(0, int(found[1]) - _USUAL_FILES) if found else 0
    return total * mmap.PAGESIZE


def _in_sockets(first: int) -> int:
    """Return what the sockets of a network namespace may hold unread, those on their way to somebody included."""
    try:
        found = re.search(r"^sockets: used (\d+)$", Path(f"/proc/{first}/net/sockstat").read_text(), re.MULTILINE)
    except OSError:  # it ended meanwhile
        return 0
    return max(0, int(found[1]) - _USUAL_SOCKETS) * _socket_max_bytes() if found else 0


@cache
def _socket_max_bytes() -> int:
    """Return what one socket may send ahead: the kernel doubles what a program asks for. A server's tuning is left out."""
    return min(2 * int(Path("/proc/sys/net/core/wmem_max").read_text()), _SOCKET_MAX_BYTES)


def _scratch_used(first: int, place: Path, size_max: int) -> int:
    """Return the bytes in a scratch mount, its entries included. Before bubblewrap has mounted it, something larger of the machine stands there."""
    try:
        found = os.statvfs(f"/proc/{first}/root{place}")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    if found.f_blocks == 0 or found.f_blocks * found.f_frsize > size_max + mmap.PAGESIZE:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * _ENTRY


def _shared_mappings(pid: int) -> Iterator[tuple[int, int]]:
    """Yield inode and bytes of each mapping of memory that has no file: exact where we may look, else its extent."""
    device = _nameless_device()
    try:
        lines = [line for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines() if device in line]
    except OSError:  # it ended meanwhile
        return
    for line in lines:
        place, _, offset, _, inode = line.split()[:5]
        begin, end = (int(part, 16) for part in place.split(b"-"))
        size = int(offset, 16) + end - begin
        with contextlib.suppress(OSError):  # only root may look; or it is gone
            size = Path(f"/proc/{pid}/map_files/{place.decode()}").stat().st_blocks * _BLOCK
        yield int(inode), size


@cache
def _nameless_device() -> bytes:
    """Return how `/proc/PID/maps` writes the device of shared memory without a file, seen at one of our own."""
    with mmap.mmap(-1, mmap.PAGESIZE):
        lines = Path("/proc/self/maps").read_bytes().splitlines()
    return next((b" %s " % line.split()[3] for line in lines if b"/dev/zero (deleted)" in line), b" 00:01 ")
