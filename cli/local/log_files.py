"""Logs of child processes, capped.

Choice: children append to the file directly, so nothing breaks when the supervisor dies; now and then the supervisor
copies a long file away and cuts it (an appending writer goes on at the new end). Invariant: a log and its one
predecessor together never take much more than twice the cap.
"""

import os
import shutil
from pathlib import Path

LOG_BYTES_MAX = 8 * 1024**2


def log_of(directory: Path, name: str) -> Path:
    """The log of the process called `name`."""
    return directory / f"{name}.log"


def open_for_appending(path: Path) -> int:
    """A descriptor to hand to a child; the caller closes its own copy."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def cap(path: Path, *, bytes_max: int = LOG_BYTES_MAX) -> bool:
    """Move what is there to `<name>.log.1` once it is too long."""
    if not path.exists() or path.stat().st_size <= bytes_max:
        return False
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    path.with_name(f"{path.name}.1").chmod(0o600)
    os.truncate(path, 0)
    return True


def tail(path: Path, *, since: int = 0, lines: int = 3) -> str:
    """The last non-empty lines written after offset `since`, joined by ` / `."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - 8192))
        text = file.read().decode(errors="replace")
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])
