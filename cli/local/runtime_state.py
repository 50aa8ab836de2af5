"""What runs now, for `status`, `down` and the next start.

Invariant: the file holds no secret, is replaced as a whole, and every process in it is named by number and start, so a
reader never mistakes a stranger for ours.
"""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from cli.local.children import Running
from cli.local.data_directory import DataDirectory
from cli.local.processes import end_process, identity
from pipeline.errors import InvariantBroken
from pipeline.machine.private_files import write_private

Phase = Literal["starting", "ready", "stopping"]
_LEFTOVER_GRACE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A server as people may see it."""

    kind: Literal["embedded", "external"]
    address: str
    """`host:port/database`, without user and password."""
    version: str | None = None
    own_role: bool = False
    """On an external database: the application logs in with a role that was made from here, not with the given one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The content of `runtime.json`."""

    pid: int
    identity: str
    started_at: str
    phase: Phase = "starting"
    database: Service | None = None
    redis: Service | None = None
    controller: str | None = None
    token_path: str | None = None
    model: str | None = None
    """Which model does the work, in words; None when none is configured."""
    children: tuple[Running, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return identity(self.pid) == self.identity


class RuntimeFile:
    """The supervisor's side: every change is written at once. Safe for several threads."""

    def __init__(self, directory: DataDirectory) -> None:
        mark = identity(os.getpid())
        if mark is None:
            raise InvariantBroken("A process cannot find itself in the process table.")
        self._directory = directory
        self._lock = threading.Lock()
        self._now = Runtime(pid=os.getpid(), identity=mark, started_at=datetime.now(UTC).isoformat(timespec="seconds"))
        self._write()

    def children_changed(self, children: list[Running]) -> None:
        """What the supervisor reports."""
        self._replace(lambda now: replace(now, children=tuple(children)))

    def services(self, database: Service, redis: Service | None) -> None:
        """Both are known once they answered."""
        self._replace(lambda now: replace(now, database=database, redis=redis))

    def controller(self, address: str, token_path: str | None, *, model: str | None = None) -> None:
        """Where people and the command line find the controller, and which model works for it."""
        self._replace(lambda now: replace(now, controller=address, token_path=token_path, model=model))

    def phase(self, phase: Phase) -> None:
        """`ready` is what `up --detach` waits for."""
        self._replace(lambda now: replace(now, phase=phase))

    def remove(self) -> None:
        """Nothing runs any more."""
        self._directory.runtime_file.unlink(missing_ok=True)

    def _replace(self, change: Callable[[Runtime], Runtime]) -> None:
        with self._lock:
            self._now = change(self._now)
            self._write()

    def _write(self) -> None:
        write_private(self._directory.runtime_file, json.dumps(asdict(self._now), indent=1))


def read_runtime(directory: DataDirectory) -> Runtime | None:
    """What the last supervisor wrote; None when it ended in good order. A damaged file counts as none."""
    try:
        raw = json.loads(directory.runtime_file.read_text(encoding="utf-8"))
        children = tuple(Running(**child) for child in raw.pop("children"))
        database, redis = (Service(**raw.pop(key)) if raw[key] else raw.pop(key) for key in ("database", "redis"))
        return Runtime(**raw, children=children, database=database, redis=redis)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def end_leftovers(directory: DataDirectory, report: Callable[[str], None]) -> int:
    """End what a killed supervisor left running, the newest first. Only for the holder of the directory's lock."""
    last = read_runtime(directory)
    ended = 0
    for child in reversed(last.children if last else ()):
        if end_process(child.pid, child.identity, first=signal.Signals(child.stop_signal), grace_s=_LEFTOVER_GRACE_S):
            ended += 1
            report(f"Stopped {child.name}, left over from a run that was killed (pid {child.pid})")
    directory.runtime_file.unlink(missing_ok=True)
    return ended
