"""When this machine runs out of something: told apart from a remote that is away, because another person mends it.

Problem: a full disk reaches us as an `OSError` of our own or as git's prose, from any depth, and looked like a bug or an
unreachable remote. Choice: one place knows the signs and words the pause. Invariant: it names what ran out, and going on
after there is room again needs nothing else, because whatever was half written is never referred to.
"""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.change_request import PauseReason
from pipeline.errors import TransientError

_SIGNS = {
    "disk": re.compile(r"No space left|Disk quota exceeded|disk full", re.IGNORECASE),
    "memory": re.compile(r"Cannot allocate memory|Out of memory", re.IGNORECASE),
    "processes": re.compile(r"Resource temporarily unavailable|Too many open files"),
}
_FAR_SIDE = ("remote:", "fatal: remote error:")
ROOM_MIN_BYTES = 64 * 1024
_ERRNO = {
    errno.ENOSPC: "disk", errno.EDQUOT: "disk", errno.ENOMEM: "memory",
    errno.EAGAIN: "processes", errno.EMFILE: "processes", errno.ENFILE: "processes",
}  # fmt: skip
_REMEDY = {
    "disk": "The disk is full. Make room in the data directory's file system, then resume.",
    "memory": "This machine is out of memory. Free some, or run fewer change requests at once, then resume.",
    "processes": "This machine is out of processes or open files. Raise the limit, then resume.",
}


def told_by(words: str, *, quoted: bool = True) -> TransientError | None:
    """Return what a local program's complaint says this machine is short of; a remote's own words do not count.

    `quoted` repeats the complaint among the facts, which is for words that nobody outside wrote.
    """
    # Only what git itself takes for the end of a line: a remote's words may hold other marks that look like one.
    ours = "\n".join(line for line in re.split(r"[\r\n]", words) if not line.startswith(_FAR_SIDE))
    short_of = next((what for what, sign in _SIGNS.items() if sign.search(ours)), None)
    return None if short_of is None else _error(short_of, ours[-500:] if quoted else "")


def without_room(places: Iterable[Path]) -> TransientError | None:
    """Return a full disk under one of these places: a program that failed there may not have said why."""
    for place in places:
        existing = next(path for path in (place, *place.parents) if path.exists())
        found = os.statvfs(existing)
        if found.f_blocks and found.f_bavail * found.f_frsize < ROOM_MIN_BYTES:
            return _error("disk", f"No room is left below {existing}.")
    return None


def short_of_disk(detail: str) -> TransientError:
    """Return the error for a disk that was kept from running full."""
    return _error("disk", detail)


def behind(error: BaseException) -> TransientError | None:
    """Return what this machine is short of, if that is what an unexpected error comes from."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _ERRNO:
            return _error(_ERRNO[cause.errno], f"{cause.strerror}: {cause.filename}" if cause.filename else str(cause))
        cause = cause.__cause__ or cause.__context__
    return None


def _error(short_of: str, detail: str) -> TransientError:
    return TransientError(_REMEDY[short_of], reason=PauseReason.MACHINE_SHORT, short_of=short_of, detail=detail)
