"""Starts processes, keeps them running and ends them in order.

Problem: a server that dies takes the installation with it, and a process that outlives its supervisor blocks the next
start. Choice: one thread looks after all children (restart with back-off, capped logs); every child leads its own
session, so Ctrl-C reaches the supervisor only, which then stops the newest first; the guard does the same when the
supervisor itself is killed. Invariant: after `close` no child is left, and after a kill none stays.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Self

from cli.local import log_files
from cli.local.children import Child, ChildFailed, Ended, Running, how_it_ended, spawn
from cli.local.guard import Guard
from cli.local.processes import identity, kill_group
from pipeline.concurrency.back_off import BackOff
from pipeline.errors import CallerError

_TICK_S = 0.1
_READY_POLL_S = 0.02
_CAP_EVERY_TICKS = 50
_AGAIN = BackOff(first_s=0.2, longest_s=5.0)
_STEADY_AFTER_S = 30.0


class _Phase(Enum):
    STARTING = auto()  # whoever called `start` waits for it
    UP = auto()
    BACK_OFF = auto()
    RETURNING = auto()  # started again, not yet ready


@dataclass(slots=True)
class _Slot:
    child: Child
    process: subprocess.Popen[bytes]
    log_start: int
    phase: _Phase
    since: float
    failures: int = 0


class Supervisor:
    """Use as a context manager. `report` gets sentences for people, `changed` the list of running processes."""

    def __init__(
        self,
        logs: Path,
        *,
        report: Callable[[str], None],
        changed: Callable[[list[Running]], None] = lambda _running: None,
    ) -> None:
        self._logs = logs
        self._report = report
        self._changed = changed
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._end: Ended | None = None
        self._guard = Guard()
        self._thread = threading.Thread(target=self._tend_all, name="supervisor", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready.

        Raises:
            ChildFailed: it ended or was not ready in time; nothing of it is left.
        """
        with self._lock:
            slot = self._spawn(child, _Phase.STARTING)
        deadline = time.monotonic() + child.ready_within_s
        while slot.process.poll() is None and child.ready is not None and not child.ready():
            if time.monotonic() > deadline:
                self._give_up(slot, f"was not ready after {child.ready_within_s:.0f} s")
            time.sleep(_READY_POLL_S)
        if slot.process.returncode is not None:
            self._give_up(slot, f"ended while starting ({how_it_ended(slot.process.returncode)})")
        with self._lock:
            slot.phase, slot.since = _Phase.UP, time.monotonic()

    def stop(self, name: str) -> None:
        """End one child for good. Idempotent."""
        with self._lock:
            slot = self._slots.pop(name, None)
        if slot is None:
            return
        slot.process.send_signal(slot.child.stop_signal)
        try:
            slot.process.wait(slot.child.grace_s)
        except subprocess.TimeoutExpired:
            self._report(f"{name} did not stop within {slot.child.grace_s:.0f} s and is killed")
            kill_group(slot.process.pid)
            slot.process.wait()
        with self._lock:
            self._guard.forget(slot.process.pid)
            self._changed(self.running())

    def running(self) -> list[Running]:
        """The live children in the order of their start."""
        with self._lock:
            return [
                Running(slot.child.name, slot.process.pid, mark, int(slot.child.stop_signal))
                for slot in self._slots.values()
                if (mark := identity(slot.process.pid)) is not None
            ]

    def wait(self, seconds: float | None = None) -> Ended | None:
        """Return when a child with `restart=False` ended by itself, or after `seconds`."""
        self._ended.wait(seconds)
        return self._end

    def close(self) -> None:
        """Stop everything, the newest first. Idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        for name in reversed(list(self._slots)):
            self.stop(name)
        self._guard.release()

    def _spawn(self, child: Child, phase: _Phase) -> _Slot:
        if child.before_start is not None:
            child.before_start()
        log = log_files.log_of(self._logs, child.name)
        log_start = log.stat().st_size if log.exists() else 0
        process = spawn(child, log)
        self._guard.watch(process.pid, child.stop_signal)
        slot = _Slot(child, process, log_start, phase, time.monotonic())
        self._slots[child.name] = slot
        self._changed(self.running())
        return slot

    def _give_up(self, slot: _Slot, what: str) -> None:
        log = log_files.log_of(self._logs, slot.child.name)
        self.stop(slot.child.name)
        raise ChildFailed(slot.child.name, what, log_files.tail(log, since=slot.log_start), log)

    def _tend_all(self) -> None:
        try:
            ticks = 0
            while not self._stopping.wait(_TICK_S):
                ticks += 1
                self._tend_once(cap_logs=ticks % _CAP_EVERY_TICKS == 0)
        finally:
            # Nobody looks after the children any more: without a request to stop, that ends the run.
            if not self._stopping.is_set():
                self._end = self._end or Ended("supervisor", "internal error", "see the traceback above")
                self._ended.set()

    def _tend_once(self, *, cap_logs: bool) -> None:
        with self._lock:
            self._guard.renew_if_dead()
            for slot in list(self._slots.values()):
                self._tend(slot)
        if cap_logs:
            for log in self._logs.glob("*.log"):
                log_files.cap(log)

    def _tend(self, slot: _Slot) -> None:
        now = time.monotonic()
        match slot.phase:
            case _Phase.STARTING:
                return
            case _Phase.BACK_OFF:
                if now >= slot.since:
                    self._start_again(slot)
            case _Phase.UP | _Phase.RETURNING:
                if slot.process.poll() is not None:
                    self._handle_exit(slot, now)
                elif slot.phase is _Phase.RETURNING and (slot.child.ready is None or slot.child.ready()):
                    slot.phase, slot.since = _Phase.UP, now
                    self._report(f"{slot.child.name} is back")
                elif slot.phase is _Phase.UP and now - slot.since > _STEADY_AFTER_S:
                    slot.failures = 0

    def _handle_exit(self, slot: _Slot, now: float) -> None:
        name, how = slot.child.name, how_it_ended(slot.process.returncode)
        self._guard.forget(slot.process.pid)
        if not slot.child.restart:
            del self._slots[name]
            said = log_files.tail(log_files.log_of(self._logs, name), since=slot.log_start)
            self._end = self._end or Ended(name, how, said)
            self._ended.set()
        else:
            slot.failures += 1
            slot.phase, slot.since = _Phase.BACK_OFF, now + _AGAIN.pause_s(slot.failures)
            self._report(f"{name} ended unexpectedly ({how}); starting it again")
        self._changed(self.running())

    def _start_again(self, slot: _Slot) -> None:
        try:
            again = self._spawn(slot.child, _Phase.RETURNING)
        except CallerError as error:
            slot.since, slot.failures = time.monotonic() + _AGAIN.longest_s, slot.failures + 1
            self._report(error.message)
        else:
            again.failures = slot.failures
