"""The life of an installation on this machine: `up`, `up --detach`, `status`, `down`.

Choice: `up` is one foreground process that owns everything; a detached one is the same process in a session of its own,
found again through the data directory. Invariant: one run per data directory, and every way out of `serve` ends all of
its processes.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

from cli.local import log_files
from cli.local.children import Child, ChildFailed, how_it_ended
from cli.local.data_directory import DataDirectory, locate
from cli.local.processes import end_process, gone_within, identity
from cli.local.runtime_state import Runtime, end_leftovers, read_runtime
from cli.local.servers import LocalServers
from pipeline.errors import CallerError, Conflict
from pipeline.settings.process import ProcessSettings

_POLL_S = 0.05
_STOP_S = 90.0
_UP_LOG = "up"


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """What `status` shows. `runtime` is None when nothing runs."""

    state: Literal["stopped", "starting", "ready", "stopping"]
    data_dir: Path
    logs: Path
    runtime: Runtime | None


def serve(
    settings: ProcessSettings,
    *,
    migrate: Callable[[LocalServers], None],
    children: Callable[[LocalServers], Sequence[Child]],
    ready: Callable[[LocalServers], None],
    report: Callable[[str], None],
    directory: DataDirectory | None = None,
    durable: bool = True,
) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP: servers, then `migrate`, then each child until it is ready, then `ready`.

    `children` is asked once the servers answer, so it may put their addresses into environments; it or `ready` names
    the controller through `servers.runtime.controller`. Call it from the main thread.

    Raises:
        CallerError: the start failed; everything that had started is stopped.
        ChildFailed: a child with `restart=False` ended by itself.
    """
    try:
        with (
            _stop_signals_raise(),
            LocalServers(settings, report=report, durable=durable, directory=directory) as servers,
        ):
            migrate(servers)
            for child in children(servers):
                report(f"Starting {child.name}")
                servers.supervisor.start(child)
            ready(servers)
            servers.runtime.phase("ready")
            ended = servers.supervisor.wait()
    except KeyboardInterrupt:
        report("Stopped")
        return
    if ended is not None:
        log = log_files.log_of(servers.directory.logs, ended.name)
        raise ChildFailed(ended.name, f"ended ({ended.how})", ended.said, log)


def start_detached(
    settings: ProcessSettings,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    report: Callable[[str], None],
    ready_within_s: float = 600.0,
    directory: DataDirectory | None = None,
) -> Runtime:
    """Start `argv`, which must end in `serve` on the same data directory, and wait until it is ready.

    What it prints goes to `logs/up.log` and, until it is ready, to `report` line by line.

    Raises:
        Conflict: it already runs.
        CallerError: it ended before it was ready; the message is the last thing it said.
    """
    directory = directory or DataDirectory.at(locate(settings))
    directory.prepare()
    if directory.is_locked():
        raise Conflict(
            f"Changeline already runs on the data directory {directory.path}.", remedy="See `changeline status`."
        )
    log = log_files.log_of(directory.logs, _UP_LOG)
    log_files.cap(log)
    output = log_files.open_for_appending(log)
    try:
        start = os.fstat(output).st_size
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            {**env, "PYTHONUNBUFFERED": "1"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
    mark = identity(pid)
    try:
        return _await_ready(directory, pid, log, start, report=report, ready_within_s=ready_within_s)
    except BaseException:
        if mark is not None and end_process(pid, mark, first=signal.SIGTERM, grace_s=_STOP_S):
            os.waitpid(pid, 0)
        raise


def status(settings: ProcessSettings, directory: DataDirectory | None = None) -> LocalStatus:
    """What runs on the data directory now; starts and changes nothing."""
    directory = directory or DataDirectory.at(locate(settings))
    now = read_runtime(directory) if directory.is_locked() else None
    if now is None or not now.alive:
        return LocalStatus("stopped", directory.path, directory.logs, None)
    return LocalStatus(now.phase, directory.path, directory.logs, now)


def down(settings: ProcessSettings, *, report: Callable[[str], None], directory: DataDirectory | None = None) -> bool:
    """Stop what runs on the data directory and wait for it; False when nothing ran. Idempotent.

    Raises:
        CallerError: another command, such as a restore, uses the directory now.
    """
    directory = directory or DataDirectory.at(locate(settings))
    if not directory.path.exists():
        return False
    now = read_runtime(directory)
    ran = directory.is_locked()
    if ran and (now is None or not now.alive):
        raise Conflict(
            f"Another command uses the data directory {directory.path}.", remedy="Wait for it and try again."
        )
    if ran and now is not None:
        report(f"Stopping Changeline (pid {now.pid})")
        os.kill(now.pid, signal.SIGTERM)
        if not gone_within(now.pid, now.identity, _STOP_S):
            report("It does not stop in good order and is killed")
            os.kill(now.pid, signal.SIGKILL)
            gone_within(now.pid, now.identity, _STOP_S)
    if not directory.runtime_file.exists():
        return ran
    with directory.locked():
        return end_leftovers(directory, report) > 0 or ran


@contextmanager
def _stop_signals_raise() -> Iterator[None]:
    """The first stop signal raises KeyboardInterrupt in the main thread; later ones do not disturb the stopping."""
    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _await_ready(
    directory: DataDirectory, pid: int, log: Path, start: int, *, report: Callable[[str], None], ready_within_s: float
) -> Runtime:
    deadline = time.monotonic() + ready_within_s
    with log.open("rb") as said:
        said.seek(start)
        partial = b""
        while True:
            gone, code = os.waitpid(pid, os.WNOHANG)
            now = read_runtime(directory)
            *lines, partial = (partial + said.read()).split(b"\n")
            for line in lines:
                report(line.decode(errors="replace"))
            if gone:
                how = how_it_ended(os.waitstatus_to_exitcode(code))
                last = log_files.tail(log, since=start, lines=1) or f"Changeline ended while starting ({how})."
                raise CallerError(last, remedy=f"The log is {log}.", log=str(log))
            if now is not None and now.pid == pid and now.phase == "ready":
                report(f"Changeline runs in the background (pid {pid}); its logs are in {directory.logs}")
                return now
            if time.monotonic() > deadline:
                raise CallerError(
                    f"Changeline was not ready after {ready_within_s:.0f} s.", remedy=f"The log is {log}."
                )
            time.sleep(_POLL_S)
