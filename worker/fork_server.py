"""Starts workers by fork from a process that has imported everything, so that a change request begins at once.

Problem: importing the graph, the SDK and the drivers takes seconds per worker. Choice: one parent imports them once and
forks; it never runs a loop, a thread or a pool, so a fork is safe at any moment. It speaks JSON lines: orders come in on
stdin, births and deaths go out on stdout, so the launcher notices a death at once. When the launcher goes away (stdin
ends) or this process dies, every worker dies too: each asks the kernel for that.
"""

import ctypes
import gc
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from pipeline.machine.fork_messages import Exited, Launch, Report, Started, Wish, WorkerName
from pipeline.ports import Isolation
from pipeline.settings.process import ProcessSettings
from worker import surveys, warmth
from worker.main import run
from worker.order import Order
from worker.surveys import SurveyOrder

Work = Callable[[Order, ProcessSettings, Isolation | None], int]
Check = Callable[[SurveyOrder, ProcessSettings, Isolation | None], int]

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
READ_BYTES = 65_536


@dataclass(slots=True)
class ForkServer:
    """The parent. `workers` maps process ids to what they work on."""

    settings: ProcessSettings
    work: Work = run
    """What a forked process does with its order, given how tools are isolated here; returns its exit code."""
    check: Check = surveys.run
    """What a forked process does that checks a repository."""
    isolation: Isolation | None = None
    workers: dict[int, Order] = field(default_factory=dict)
    known: set[tuple[str, int, int]] = field(default_factory=set)
    checks: dict[int, str] = field(default_factory=dict)
    """Process ids of checks, by their runs; each ends by itself, or with this process."""
    stop_grace_s: float = 5.0
    """Between asking a worker to stop and killing it: one that is frozen would keep its locks from its successor."""
    overdue: dict[int, float] = field(default_factory=dict)
    """When a worker that was asked to stop is killed, by the monotonic clock."""

    def serve(self) -> None:
        """Serve until stdin ends, then stop every worker."""
        warmth.warm()
        self.isolation = warmth.isolation(self.settings)
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        gc.freeze()
        self._say(Report(ready=True))
        pending = b""
        while True:
            readable, _, _ = select.select([sys.stdin.fileno(), wake], [], [], self._patience_s())
            if wake in readable:
                os.read(wake, READ_BYTES)
                self._reap()
            if sys.stdin.fileno() in readable:
                chunk = os.read(sys.stdin.fileno(), READ_BYTES)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._obey(Wish.model_validate_json(line))
            self._kill_overdue()
        for pid in (*self.workers, *self.checks):
            os.kill(pid, signal.SIGKILL)

    def _obey(self, wish: Wish) -> None:
        if wish.launch is not None:
            self._launch(_order(wish.launch))
        elif wish.stop is not None:
            self._stop(wish.stop)
        elif wish.survey is not None and wish.survey.survey_id not in self.checks.values():
            self._check(SurveyOrder(tenant=wish.survey.tenant, survey_id=wish.survey.survey_id))

    def _stop(self, wanted: WorkerName) -> None:
        for pid, order in self.workers.items():
            if (order.cr_id, order.epoch) == (wanted.cr_id, wanted.epoch):
                os.kill(pid, signal.SIGTERM)
                self.overdue.setdefault(pid, time.monotonic() + self.stop_grace_s)

    def _patience_s(self) -> float | None:
        return max(0.0, min(self.overdue.values()) - time.monotonic()) if self.overdue else None

    def _kill_overdue(self) -> None:
        for pid in [pid for pid, at in self.overdue.items() if at <= time.monotonic()]:
            del self.overdue[pid]
            os.kill(pid, signal.SIGKILL)

    def _check(self, order: SurveyOrder) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(order.survey_id, lambda: self.check(order, self.settings, self.isolation))
        self.checks[pid] = order.survey_id

    def _launch(self, order: Order) -> None:
        identity = (order.cr_id, order.attempt, order.epoch)
        if identity in self.known:
            return
        self.known.add(identity)
        pid = os.fork()
        if pid == 0:
            self._become(order.cr_id, lambda: self.work(order, self.settings, self.isolation))
        self.workers[pid] = order
        self._say(Report(started=Started(cr_id=order.cr_id, epoch=order.epoch, pid=pid)))

    def _become(self, name: str, work: Callable[[], int]) -> NoReturn:
        code = 1
        try:
            kernel = ctypes.CDLL(None)
            kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            # What `ps` and `top` show, so that an operator sees which change request a process works on.
            kernel.prctl(PR_SET_NAME, name.encode())
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(2, 1)
            code = work()
        finally:
            # Nobody catches what ended this process, and `_exit` would take it along unsaid.
            if sys.exc_info()[0] is not None:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while self.workers or self.checks:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.overdue.pop(pid, None)
            self.checks.pop(pid, None)
            order = self.workers.pop(pid, None)
            if order is not None:
                code = os.waitstatus_to_exitcode(status)
                self._say(Report(exited=Exited(cr_id=order.cr_id, epoch=order.epoch, code=code)))

    def _say(self, report: Report) -> None:
        sys.stdout.write(report.line().decode())
        sys.stdout.flush()


def _order(wanted: Launch) -> Order:
    return Order(tenant=wanted.tenant, cr_id=wanted.cr_id, attempt=wanted.attempt, epoch=wanted.epoch)
