"""One running bubblewrap and the process namespace below it: start, watch, end.

Problem: killing bubblewrap kills its tree only eventually, and a fast cancellation can come before it has one. Choice:
bubblewrap reports the first process of the namespace and holds the payload at a gate until this module has a pidfd of
that process. Invariant: after `end`, the pidfd has said that the whole namespace is gone.
"""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from pipeline.adapters.process_io import CappedOutput, Ending, PipeReader, exited, watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start. `descriptors` are further open files named in `arguments`."""

    executable: str
    arguments: tuple[str, ...]
    payload: tuple[str, ...]
    stdin: bytes | None
    seccomp: bytes | None
    descriptors: tuple[int, ...]


class Limit(Protocol):
    """Something that bounds what a command uses."""

    def take(self, first: int) -> None:
        """Begin with the namespace's first process, which waits and has no child yet. Raises `OSError`."""

    async def look(self, first: int) -> Ending | None:
        """Say whether the command has to be killed."""


def in_memory(stack: ExitStack, content: bytes) -> int:
    """Return a descriptor with `content`, read from its beginning, closed with the stack."""
    fd = os.memfd_create("changeline")
    stack.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Namespace:
    """A started command. Must be made on the event loop's thread, and `end` must be awaited to its end."""

    def __init__(self, launch: Launch, output: CappedOutput) -> None:
        gate, self._gate = os.pipe()
        status, status_end = os.pipe()
        printed, printed_end = os.pipe()
        with ExitStack() as child:
            for fd in (gate, status_end, printed_end):
                child.callback(os.close, fd)
            own = ["--json-status-fd", str(status_end), "--block-fd", str(gate)]
            passed = [gate, status_end, *launch.descriptors]
            if launch.seccomp is not None:
                passed.append(in_memory(child, launch.seccomp))
                own += ["--seccomp", str(passed[-1])]
            passed.append(in_memory(child, b"".join(os.fsencode(part) + b"\0" for part in (*own, *launch.arguments))))
            self._monitor = subprocess.Popen(
                (launch.executable, "--args", str(passed[-1]), "--", *launch.payload),
                stdin=subprocess.DEVNULL if launch.stdin is None else in_memory(child, launch.stdin),
                stdout=printed_end,
                stderr=printed_end,
                pass_fds=passed,
                env={},
                cwd="/",
                umask=0o022,
                start_new_session=True,
            )
        self._monitor_pidfd = os.pidfd_open(self._monitor.pid)
        self._first: int | None = None
        self._status = _Status(status)
        self._printed = PipeReader(printed, output.feed)

    @property
    def exit_code(self) -> int | None:
        """The payload's, 128 + signal if it was killed; None when bubblewrap could not start it. Known after `end`."""
        return self._monitor.returncode if self._status.payload_ended else None

    async def watch(self, limits: Sequence[Limit], *, timeout_s: float) -> Ending:
        """Let the payload run, within its limits from its first instruction, until it ends or has to be killed."""
        await self._attach()
        if (first := self._status.first) is None:  # bubblewrap failed, and says why
            return await watch(self._ended, timeout_s=timeout_s, look=_nothing)
        for limit in limits:
            limit.take(first)
        with contextlib.suppress(BrokenPipeError):  # bubblewrap failed before the gate
            os.write(self._gate, b"\0")

        async def look() -> Ending | None:
            for limit in limits:
                if (ending := await limit.look(first)) is not None:
                    return ending
            return None

        return await watch(self._ended, timeout_s=timeout_s, look=look)

    async def _ended(self) -> None:
        await exited(self._monitor_pidfd)

    async def end(self) -> None:
        """Kill what is left, wait until all of it is gone and everything it printed is read."""
        await self._attach()
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            await exited(self._first)
            os.close(self._first)
        await exited(self._monitor_pidfd)
        self._monitor.wait()
        await self._printed.ended.wait()
        await self._status.reader.ended.wait()
        for fd in (self._monitor_pidfd, self._gate):
            os.close(fd)

    async def _attach(self) -> None:
        await self._status.reported.wait()
        if self._first is None and self._status.first is not None:
            with contextlib.suppress(ProcessLookupError):  # it failed before the gate and is gone
                self._first = os.pidfd_open(self._status.first)


async def _nothing() -> None:
    """Look at nothing."""


class _Status:
    """What bubblewrap reports: the first process of the namespace, and later that the payload ended."""

    def __init__(self, fd: int) -> None:
        self._text = ""
        self.first: int | None = None
        self.reported = asyncio.Event()
        self.reader = PipeReader(fd, self._take)

    @property
    def payload_ended(self) -> bool:
        return '"exit-code"' in self._text

    def _take(self, chunk: bytes) -> None:
        self._text += chunk.decode()
        if self.first is None and (found := re.search(r'"child-pid": (\d+)\b', self._text)):
            self.first = int(found[1])
        if self.first is not None or not chunk:
            self.reported.set()
