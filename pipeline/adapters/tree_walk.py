"""A walk over a tree that hostile processes may be changing meanwhile.

Problem: walking by paths follows links that are planted between look and use, recursion ends at a thousand levels, and
one descriptor for each level ends there, too. Choice: one open directory at a time; down by name without following
links, up by `..`, which must be the directory that was left. Invariant: only entries of directories that lay in the
tree are visited, however it is rearranged.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from pipeline.change_request import PauseReason
from pipeline.errors import TransientError

_NOT_TO_BE_ENTERED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES})
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
Visit = Callable[[int, str, os.stat_result], None]
"""(descriptor of the directory, name in it, its status, links not followed)."""


def each_entry(tree: Path, visit: Visit) -> None:
    """Visit everything below `tree`, a directory before what it holds. Blocks.

    What vanishes meanwhile is left out; a directory is entered after it was visited, if that may be. Raises
    `TransientError` when a directory was moved elsewhere during the walk.
    """
    fd = os.open(tree, DIRECTORY)
    try:
        trail = [(os.fstat(fd), _visit_all(fd, visit))]
        while trail:
            waiting = trail[-1][1]
            if waiting:
                inner = _entered(fd, waiting.pop())
                if inner is not None:
                    os.close(fd)
                    fd = inner
                    trail.append((os.fstat(fd), _visit_all(fd, visit)))
            else:
                trail.pop()
                if trail:
                    fd = _left(fd, trail[-1][0], tree)
    finally:
        os.close(fd)


def _visit_all(fd: int, visit: Visit) -> list[str]:
    """Visit the entries of one directory and return the directories among them."""
    directories = []
    with os.scandir(fd) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                visit(fd, entry.name, status)
            except FileNotFoundError:
                continue
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
    return directories


def _entered(fd: int, name: str) -> int | None:
    """Open a directory; None for one that is gone, is something else by now, or is closed to this process."""
    try:
        return os.open(name, DIRECTORY, dir_fd=fd)
    except OSError as error:
        if error.errno in _NOT_TO_BE_ENTERED:
            return None
        raise


def _left(fd: int, expected: os.stat_result, tree: Path) -> int:
    """Close a directory and return the one above it."""
    above = os.open("..", DIRECTORY, dir_fd=fd)
    if not os.path.samestat(os.fstat(above), expected):
        os.close(above)
        raise TransientError(
            "A directory was moved while its tree was handed to a tool.",
            reason=PauseReason.SANDBOX_UNAVAILABLE, path=str(tree),
        )  # fmt: skip
    os.close(fd)
    return above
