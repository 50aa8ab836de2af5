"""Directories of a tree that somebody else writes, entered one by one without following a link, however deep.

Problem: `os.walk`, `os.fwalk` and `shutil.rmtree` recurse, so that two thousand nested directories break them, and a path
longer than the system takes cannot be opened by its name. Choice: one descriptor that goes down by name and up by `..`,
compared with where it came from; a path is only ever put together when somebody asks for it. Invariant: no link is
followed below the root, and nothing here needs more stack or descriptors for a deeper tree.
"""

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pipeline.change_request import PauseReason
from pipeline.errors import TransientError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMED_ONLY = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REPEATED_MAX = 3

Visit: TypeAlias = Callable[[int, str, os.stat_result], None]
"""(descriptor of the directory, name in it, its status, links not followed)."""


@dataclass(slots=True, kw_only=True)
class Directory:
    """One directory. Descriptor and entries hold until the next one is asked for."""

    descriptor: int
    entries: list["os.DirEntry[str]"]
    inner: list[str]
    """The directories in it that will be entered; whoever walks may shorten this."""
    names: tuple[str, ...] | list[str]
    """The way here from the root, shared with the walk: copy what is to be kept."""

    @property
    def depth(self) -> int:
        """0 for the root."""
        return len(self.names)

    def path(self, name: str = "") -> str:
        """Return the path of an entry, or of the directory itself, relative to the root."""
        return "/".join([*self.names, name] if name else self.names)


@dataclass(slots=True)
class _Level:
    identity: tuple[int, int]
    waiting: list[str] = field(default_factory=list)


def each_entry(root: Path, visit: Visit) -> None:
    """Visit everything below `root`, a directory before what it holds. Blocks.

    What vanishes meanwhile is left out; a directory is entered after it was visited, if that may be. Raises
    `TransientError` when a directory was moved elsewhere during the walk.
    """
    try:
        for directory in directories(root, pass_over_closed=True):
            for entry in directory.entries:
                try:
                    visit(directory.descriptor, entry.name, entry.stat(follow_symlinks=False))
                except FileNotFoundError:
                    continue
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        raise TransientError(
            "A directory was moved while its tree was handed to a tool.",
            reason=PauseReason.SANDBOX_UNAVAILABLE, path=str(root),
        ) from error  # fmt: skip


def directories(
    root: Path, *, repair: bool = False, pass_over_closed: bool = False, listed_max: int | None = None
) -> Iterator[Directory]:
    """Yield every directory from the root down, parents first. What vanishes meanwhile is left out.

    Of one directory no more than `listed_max` entries are read. `repair` gives the owner back what they need to read and
    change a directory. Raises `OSError` for one that cannot be entered, unless `pass_over_closed` leaves it out, and with
    ESTALE when a directory is moved away while it is read.
    """
    left_out = (FileNotFoundError, NotADirectoryError, *((PermissionError,) if pass_over_closed else ()))
    current = _entered(None, str(root), repair=repair)
    levels: list[_Level] = []
    names: list[str] = []
    try:
        while True:
            directory = _listed(current, names, listed_max)
            yield directory
            levels.append(_Level(_identity(current), directory.inner[::-1]))
            below = None
            while below is None:
                if levels[-1].waiting:
                    name = levels[-1].waiting.pop()
                    with contextlib.suppress(*left_out):
                        below = _entered(current, name, repair=repair)
                        names.append(name)
                    continue
                levels.pop()
                if not levels:
                    return
                current = _back(current, levels[-1].identity)
                names.pop()
            os.close(current)
            current = below
    finally:
        os.close(current)


def remove(path: Path) -> None:
    """Remove whatever `path` is, however deep or protected, without following a link. Idempotent.

    Raises `OSError` when something stays, for instance because somebody still writes there.
    """
    for _ in range(_REPEATED_MAX):
        try:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                path.unlink()
                return
            _emptied(path)
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        else:
            return
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))


def discard(path: Path) -> None:
    """Remove whatever `path` is as far as that goes; what cannot be removed now is left for a later cleanup."""
    with contextlib.suppress(OSError):
        remove(path)


def _emptied(root: Path) -> None:
    """Remove everything below a directory; a directory goes when the walk has come back from what is in it."""
    current = _entered(None, str(root), repair=True)
    levels = [_Level(_identity(current), _cleared(current))]
    try:
        while True:
            if not levels[-1].waiting:
                levels.pop()
                if not levels:
                    return
                current = _back(current, levels[-1].identity)
                _without(current, levels[-1].waiting.pop())
                continue
            try:
                below = _entered(current, levels[-1].waiting[-1], repair=True)
            except (FileNotFoundError, NotADirectoryError):
                levels[-1].waiting.pop()
                continue
            os.close(current)
            current = below
            levels.append(_Level(_identity(current), _cleared(current)))
    finally:
        os.close(current)


def _cleared(descriptor: int) -> list[str]:
    """Unlink all that is no directory and return the directories."""
    inner = []
    with os.scandir(descriptor) as listed:
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.name)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=descriptor)
    return inner


def _without(descriptor: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=descriptor)


def _listed(descriptor: int, names: list[str], listed_max: int | None) -> Directory:
    with os.scandir(descriptor) as listed:
        entries = list(itertools.islice(listed, listed_max))
    inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return Directory(descriptor=descriptor, entries=entries, inner=inner, names=names)


def _entered(parent: int | None, name: str, *, repair: bool) -> int:
    if repair:
        _repaired(parent, name)
    return os.open(name, _DIRECTORY, dir_fd=parent)


def _repaired(parent: int | None, name: str) -> None:
    """Let the owner read, write and enter a directory; by a descriptor, so that a link is never changed instead."""
    if stat.S_IMODE(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode) & stat.S_IRWXU == stat.S_IRWXU:
        return
    descriptor = os.open(name, _NAMED_ONLY, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        Path(f"/proc/self/fd/{descriptor}").chmod(mode | stat.S_IRWXU)
    finally:
        os.close(descriptor)


def _back(current: int, expected: tuple[int, int]) -> int:
    """Close a directory and return the one above it, which must be the one that the walk came from."""
    above = os.open("..", _DIRECTORY, dir_fd=current)
    if _identity(above) != expected:
        os.close(above)
        raise OSError(errno.ESTALE, "a directory was moved away while it was read")
    os.close(current)
    return above


def _identity(descriptor: int) -> tuple[int, int]:
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino
