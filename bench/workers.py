"""Workers seen from outside: which there are, what they run, and the moment at which all of it is gone."""

import os
import select
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import psutil

from bench.door import WAIT_S, until
from bench.installation import Installation
from bench.machine import children, family

SLEEPER = "sleep"


def worker(installation: Installation) -> int:
    """Return the process of the one worker there is, as soon as there is one."""
    return until(lambda: next(iter(_workers(installation)), None), "the start of a worker")


def until_quiet(installation: Installation) -> None:
    """Wait until no worker is left, so that its end costs the next sample nothing."""
    until(lambda: None if _workers(installation) else True, "the end of every worker")


def sleeping_tree(pid: int, sleepers: int) -> list[int]:
    """Return everything below a worker once its tool has so many processes that sleep."""

    def found() -> list[int] | None:
        with suppress(psutil.NoSuchProcess):  # one of them ended while it was looked at
            below = family(pid)[1:]
            names = [psutil.Process(one).name() for one in below]
            return below if names.count(SLEEPER) == sleepers else None
        return None

    return until(found, "the start of the tool")


@dataclass(slots=True)
class Watch:
    """Watches processes from a thread, so that nothing else delays the moment at which the last one is gone."""

    pids: list[int]
    at: float | None = None
    """Monotonic seconds, once all are gone."""
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        # Opened before anything is told to die: afterwards the numbers could belong to others.
        descriptors = [os.pidfd_open(pid) for pid in self.pids]
        self._thread = threading.Thread(target=self._look, args=(descriptors,), name="watch", daemon=True)
        self._thread.start()

    def gone(self) -> float:
        """Return when the last one was gone."""
        self._thread.join(WAIT_S)
        if self.at is None:
            raise RuntimeError(f"processes are left over {WAIT_S} s later: {self.pids}")
        return self.at

    def _look(self, descriptors: list[int]) -> None:
        with ExitStack() as opened:
            for descriptor in descriptors:
                opened.callback(os.close, descriptor)
                select.select([descriptor], [], [])
            self.at = time.monotonic()


def _workers(installation: Installation) -> list[int]:
    return [pid for fork_server in children(installation.pid("controller")) for pid in children(fork_server)]
