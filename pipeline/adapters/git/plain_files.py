"""Files that somebody else can write, read as plain data.

Problem: a name can be a link to elsewhere, a pipe that never ends, or a giant. Choice: only regular files and real
directories count, no link is followed at the end of a path, sizes are bounded. Everything here blocks.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

_LINKS_MAX = 40
"""As many as the kernel follows."""


def content(file: Path, max_bytes: int) -> bytes | None:
    """Return a regular file's bytes; None for anything else, what is not there, and more than `max_bytes`.

    Raises `PermissionError` for what this account may not read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
        os.close(descriptor)  # a directory cannot be made a file object at all
        return None
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read(max_bytes)


def entries(directory: Path) -> "list[os.DirEntry[str]]":
    """Return what is in a directory; nothing when it is gone, because a git at work there removes empty ones."""
    with suppress(FileNotFoundError), os.scandir(directory) as found:
        return list(found)
    return []


def exists(path: Path) -> bool:
    """Whether there is anything of this name, a dangling link included."""
    return os.path.lexists(path)


def is_directory(path: Path) -> bool:
    """Whether `path` is a directory itself, not a link to one."""
    return stat.S_ISDIR(_mode(path))


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file itself, not a link to one."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    """Return what lies at a path itself, as the system's word for kind and rights; 0 for nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def umask_like(directory: Path) -> int:
    """Return the umask by which new files are as open to others as their directory is."""
    return ~directory.stat().st_mode & 0o077


def owners_of_links(path: Path) -> set[int]:
    """Return whose symbolic links decide where an absolute path leads, at its end and on the way."""
    owners: set[int] = set()
    here, waiting, left = Path("/"), list(reversed(path.parts[1:])), _LINKS_MAX
    while waiting and left:
        part = waiting.pop()
        here = here.parent if part == ".." else here / part
        if here.is_symlink():
            left -= 1
            owners.add(here.lstat().st_uid)
            target = here.readlink()
            waiting.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            here = Path("/") if target.is_absolute() else here.parent
    return owners


def leads_straight(directory: Path, relative: str) -> bool:
    """Whether the way from a directory to a file passes no link, and ends at a regular file or at nothing.

    A regular file on the way is no crooked one: whoever writes is told by the system that no directory is there.
    """
    *ways, last = relative.split("/")
    here = directory
    for part in ways:
        here /= part
        if not exists(here) or is_file(here):
            return True
        if not is_directory(here):
            return False
    return not exists(here / last) or (not (here / last).is_symlink() and not _is_special(here / last))


def _is_special(path: Path) -> bool:
    return not stat.S_ISREG(path.lstat().st_mode) and not stat.S_ISDIR(path.lstat().st_mode)
