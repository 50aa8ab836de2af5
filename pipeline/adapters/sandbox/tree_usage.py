"""How much disk a directory takes, and how many entries it has, whatever was built into it.

Problem: what is measured belongs to untrusted code that goes on working meanwhile. Ten thousand nested directories are
longer than any path and deeper than any recursion, directories move while they are read, and some cannot be read at
all. Choice: one directory at a time, opened relative to its parent; on the way back up, `..` is believed only if it is
the directory that we came from. Allocated blocks count, hard links once; other mounts are not entered. Invariant: a
directory that refuses to be read is counted in `unread`, never passed over; one that moves meanwhile may be missed, until
a walk when nothing moves. Only the standard library: it also runs as a script of its own, inside a user namespace that
may read everything (see `disk_watch`).
"""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

BLOCK = 512
_HELD = 32
"""Levels whose descriptors stay open, so that no movement below can lose them."""
_BETWEEN_STOPS = 4096
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Usage:
    """What a directory takes: bytes of allocated blocks, and entries. `unread` directories could not be looked into."""

    size: int = 0
    entries: int = 0
    unread: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Return both together."""
        return Usage(self.size + other.size, self.entries + other.entries, self.unread + other.unread)


@dataclass(slots=True)
class _Level:
    identity: tuple[int, int]
    fd: int
    """-1 when closed again, below the held levels."""
    below: list[str]


@dataclass(slots=True)
class _Walk:
    stop: Callable[[Usage], bool]
    size: int = 0
    entries: int = 0
    unread: int = 0
    linked: set[tuple[int, int]] = field(default_factory=set)
    levels: list[_Level] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        return Usage(self.size, self.entries, self.unread)

    def run(self, root: str) -> None:
        """Walk with as many open directories as there are held levels, and one more."""
        try:
            try:
                self._enter(os.open(root, _OPEN))
            except PermissionError:
                self.unread += 1
                return
            mount = _mount_of(self.levels[0].fd)
            while self.levels and not self.stop(self.usage):
                here = self.levels[-1]
                if not here.below:
                    self._leave()
                elif (child := self._opened(here, mount)) is not None:
                    if len(self.levels) > _HELD:
                        os.close(here.fd)
                        here.fd = -1
                    self._enter(child)
        finally:
            for level in self.levels:
                if level.fd >= 0:
                    os.close(level.fd)

    def _enter(self, fd: int) -> None:
        found = os.fstat(fd)
        self.levels.append(_Level((found.st_dev, found.st_ino), fd, []))
        self.size += found.st_blocks * BLOCK
        with os.scandir(fd) as entries:
            for entry in entries:
                self._count(entry)
                if self.entries % _BETWEEN_STOPS == 0 and self.stop(self.usage):
                    break

    def _count(self, entry: "os.DirEntry[str]") -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        self.entries += 1
        if stat.S_ISDIR(found.st_mode):
            self.levels[-1].below.append(entry.name)
            return
        if found.st_nlink > 1:
            if (found.st_dev, found.st_ino) in self.linked:
                return
            self.linked.add((found.st_dev, found.st_ino))
        self.size += found.st_blocks * BLOCK

    def _opened(self, here: _Level, mount: str) -> int | None:
        try:
            fd = os.open(here.below.pop(), _OPEN, dir_fd=here.fd)
        except PermissionError:
            self.unread += 1
            return None
        except (FileNotFoundError, NotADirectoryError):  # moved, or replaced by a link
            return None
        if os.fstat(fd).st_dev != here.identity[0] and _mount_of(fd) != mount:
            os.close(fd)
            return None
        return fd

    def _leave(self) -> None:
        left = self.levels.pop()
        while self.levels and (above := self.levels[-1]).fd < 0:
            above.fd = _parent(left.fd, above.identity)
            if above.fd >= 0:
                break
            self.levels.pop()  # it moved meanwhile: go on from where nothing can be lost
        os.close(left.fd)


def measure(root: str, stop: Callable[[Usage], bool] = lambda _: False) -> Usage:
    """Return what is below a directory; less when `stop` says that it is enough. Raises `OSError` for a missing root."""
    walk = _Walk(stop)
    walk.run(root)
    return walk.usage


def _parent(fd: int, identity: tuple[int, int]) -> int:
    try:
        up = os.open("..", _OPEN, dir_fd=fd)
    except OSError:
        return -1
    found = os.fstat(up)
    if (found.st_dev, found.st_ino) == identity:
        return up
    os.close(up)
    return -1


def _mount_of(fd: int) -> str:
    """Return the mount's number: a subvolume has a device of its own and is still the same mount."""
    with open(f"/proc/self/fdinfo/{fd}") as file:  # noqa: PTH123 - standard library alone, and no path of ours
        return next((line for line in file if line.startswith("mnt_id:")), "")


if __name__ == "__main__":
    _usage = measure(sys.argv[1])
    print(_usage.size, _usage.entries, _usage.unread)  # noqa: T201 - the answer of the script
