"""What a supervised process is: how it is started, when it counts as up, how it is ended.

Invariant: a child sees the environment it was given and nothing else, and leads a session of its own.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.local import log_files
from cli.local.processes import ServerAccount
from pipeline.errors import CallerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to run. `env` is its whole environment and may hold secrets; `argv` is public."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool] | None = None
    """Asked again and again after a start; None means ready at once."""
    ready_within_s: float = 60.0
    restart: bool = True
    """False: its end is the end of the whole run."""
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 15.0
    """Between the stop signal and SIGKILL to the process group."""
    account: ServerAccount | None = None
    stdin: bytes | None = field(default=None, repr=False)
    cwd: Path | None = None
    before_start: Callable[[], None] | None = None
    """Called before each start and restart, to clear what a crash left behind."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the next start must know to find this process again."""

    name: str
    pid: int
    identity: str
    stop_signal: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A child with `restart=False` ended by itself."""

    name: str
    how: str
    said: str
    """The last lines of its log."""


class ChildFailed(CallerError):
    """A process ended, or did not become ready, while it was started."""

    def __init__(self, name: str, what: str, said: str, log: Path) -> None:
        super().__init__(f"{name} {what}{': ' + said if said else ''}", remedy=f"Its log is {log}.", log=str(log))
        self.said = said


def spawn(child: Child, log: Path) -> subprocess.Popen[bytes]:
    """Start the process with its output appended to `log`.

    Raises:
        CallerError: the program does not exist, or this user may not run it.
    """
    output = log_files.open_for_appending(log)
    account = child.account
    try:
        process = subprocess.Popen(
            list(child.argv),
            env=dict(child.env),
            stdin=subprocess.DEVNULL if child.stdin is None else subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=child.cwd,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
        )
    except OSError as error:
        raise CallerError(f"{child.name} cannot be started: {error.filename or ''} {error.strerror}.") from error
    finally:
        os.close(output)
    if process.stdin is not None and child.stdin is not None:
        # A child that ended at once is noticed by whoever waits for it.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(child.stdin)
            process.stdin.close()
    return process


def how_it_ended(code: int) -> str:
    """`exit 1` or `SIGKILL`."""
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
