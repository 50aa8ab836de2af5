"""The disk that a command takes: what it may write is bounded as a whole, and the machine keeps a reserve.

Problem: a limit per file does not bound a tree, and one tree could fill the disk for everybody. Choice: the directories
that a command may write are measured before it if they never were, at intervals that leave nine tenths of the time to
others, and after it if it can have changed much. Files that are open without a name count while the command runs. When
the file system falls below its reserve, a command is stopped that wrote a considerable part of what is missing.
Invariant: a tree that is over its limit may shrink; only a command that makes it grow further is stopped.
"""

import asyncio
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.process_io import Ending, Excess
from pipeline.adapters.sandbox.disk_reading import nameless, taken, usage_of, written
from pipeline.adapters.sandbox.tree_usage import Usage
from pipeline.settings.process import SandboxSettings

_INTERVAL_S, _QUIET_INTERVAL_S, _COST_SHARE = 1.0, 10.0, 10
_UNNOTICED = Usage(64 * 1024**2, 10_000)
"""Growth of the file system below which a tree need not be measured again at once, if it has as much room left."""
_NEAR = 0.8
_SLACK = Usage(16 * 1024**2, 1_000)
"""What deleting may write on the side, in a tree that is over its limit; and what nobody is blamed for."""
_RESERVE_SHARE_MAX = 0.05
_BLAMED_PART = 4
_KNOWN_MAX = 256


@dataclass(frozen=True, slots=True)
class Known:
    """One measurement: of a tree, and of its file system at the same time.

    `ceiling` is for a tree that is over its limit: what no command may make it exceed. It only sinks, so that many small
    steps lead no further than one.
    """

    tree: Usage
    file_system: Usage
    ceiling: Usage | None = None


class KnownTrees:
    """What trees took when they were last measured; one for all commands of a process."""

    def __init__(self) -> None:
        self._known: dict[Path, Known] = {}

    def of(self, path: Path) -> Known | None:
        """Return the last measurement."""
        return self._known.get(path)

    def remember(self, path: Path, known: Known) -> None:
        """Keep a measurement, and forget the oldest beyond a number."""
        self._known.pop(path, None)
        self._known[path] = known
        if len(self._known) > _KNOWN_MAX:
            del self._known[next(iter(self._known))]


@dataclass(slots=True, kw_only=True)
class DiskWatch:
    """What one command does to the directories that it may write."""

    paths: tuple[Path, ...]
    settings: SandboxSettings
    known: KnownTrees
    _before: dict[Path, Known] = field(default_factory=dict)
    _began_s: float = field(default_factory=time.monotonic)
    _next_s: float = 0.0
    _next_short_s: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    async def begin(self, found: Mapping[Path, Usage]) -> None:
        """Measure what has never been measured, so that growth can be told from what was there.

        `found` is what somebody who walked them just now saw.
        """
        self.paths = tuple(path for path in self.paths if path.is_dir())  # else bubblewrap says what is wrong
        for path in self.paths:
            known = None if path in found else self.known.of(path)
            self._before[path] = known or await self._measured(path, found.get(path))
        self._next_s = time.monotonic()

    def take(self, first: int) -> None:
        """Need nothing: what is measured are directories."""

    def cancel(self) -> None:
        """Let a measurement that nobody waits for end early."""
        self._over.set()

    async def look(self, first: int) -> Ending | None:
        """Say whether the command has to be stopped for what it and its processes below `first` wrote."""
        return await self._short(first) or await self._grown_too_far(first)

    async def after(self) -> Ending | None:
        """Say whether the command, which is gone, left more than it may; measures only if that can be."""
        quick = time.monotonic() - self._began_s < _QUIET_INTERVAL_S
        if quick and not any(self._restless(path) for path in self.paths):
            return None
        return await self._exceeded(None)

    async def _grown_too_far(self, first: int) -> Ending | None:
        now = time.monotonic()
        quiet = now - self._next_s < _QUIET_INTERVAL_S and not any(self._restless(path) for path in self.paths)
        if now < self._next_s or quiet:
            return None
        ending = await self._exceeded(first)
        ended = time.monotonic()
        self._next_s = ended + max(_INTERVAL_S, _COST_SHARE * (ended - now))
        return ending

    async def _exceeded(self, first: int | None) -> Ending | None:
        for path in self.paths:
            usage = (await self._measured(path)).tree
            if first is not None:
                usage += await asyncio.to_thread(nameless, first, path)
            if usage.unread and not self._over.is_set():
                words = f"{usage.unread} directories in {path} cannot be measured; make them readable with chmod u+rx"
                return Ending(excess=Excess.TREE, words=words)
            if self._beyond(usage) and self._grew(path, usage):
                return Ending(excess=Excess.TREE, words=self._holds(path, usage))
        return None

    async def _short(self, first: int) -> Ending | None:
        began = time.monotonic()
        if began < self._next_short_s:
            return None
        for path in self.paths:
            left = self._left_of_reserve(path)
            if left is None:
                continue
            grown = (await self._measured(path)).tree.size - self._before[path].tree.size
            grown += (await asyncio.to_thread(nameless, first, path)).size
            if max(grown, await asyncio.to_thread(written, first)) > max(_SLACK.size, left // _BLAMED_PART):
                words = f"{left // 1024**2} MiB are left on the file system of {path}, and this command filled it"
                return Ending(excess=Excess.MACHINE_DISK, words=words)
        ended = time.monotonic()
        self._next_short_s = ended + _COST_SHARE * (ended - began)
        return None

    async def _measured(self, path: Path, found: Usage | None = None) -> Known:
        file_system = taken(path)
        usage = found
        if usage is None:
            usage = await asyncio.to_thread(usage_of, path, lambda _: self._over.is_set())
        known = Known(usage, file_system, self._ceiling(usage, self.known.of(path)))
        if not self._over.is_set():
            self.known.remember(path, known)
        return known

    def _restless(self, path: Path) -> bool:
        """Whether a tree may have come near its limit since it was measured."""
        known = self.known.of(path)
        if known is None or known.tree.size > _NEAR * self.settings.tree_max_bytes:
            return True
        now, then, limits = taken(path), known.file_system, self.settings
        counted = now.entries > 0 and known.tree.entries < _NEAR * limits.tree_max_files
        room = min(_UNNOTICED.size, limits.tree_max_bytes - known.tree.size)
        room_for = min(_UNNOTICED.entries, limits.tree_max_files - known.tree.entries)
        return not counted or now.size - then.size > room or now.entries - then.entries > room_for

    def _beyond(self, usage: Usage) -> bool:
        return usage.size > self.settings.tree_max_bytes or usage.entries > self.settings.tree_max_files

    def _ceiling(self, usage: Usage, last: Known | None) -> Usage | None:
        if not self._beyond(usage):
            return None
        above = usage + _SLACK
        if last is None or last.ceiling is None:
            return above
        return Usage(min(above.size, last.ceiling.size), min(above.entries, last.ceiling.entries))

    def _grew(self, path: Path, usage: Usage) -> bool:
        ceiling = self._before[path].ceiling
        return ceiling is None or usage.size > ceiling.size or usage.entries > ceiling.entries

    def _holds(self, path: Path, usage: Usage) -> str:
        allowed = f"{self.settings.tree_max_bytes // 1024**2} MiB and {self.settings.tree_max_files} entries allowed"
        held = f"{usage.size // 1024**2} MiB in {usage.entries} entries"
        return f"{path} holds {held}; {allowed}. Delete what is not needed: no command may make it grow further"

    def _left_of_reserve(self, path: Path) -> int | None:
        """Return what is free, if that is less than the machine's reserve; a small disk's is a part of it."""
        found = os.statvfs(path)
        reserve = min(self.settings.disk_reserve_bytes, int(_RESERVE_SHARE_MAX * found.f_blocks * found.f_frsize))
        free = found.f_bavail * found.f_frsize
        return free if free < reserve else None
