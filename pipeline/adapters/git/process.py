"""One git process: started, read, ended.

Problem: git starts transport children that outlive it, and a hostile remote can answer without end. Choice: a session of
its own for each process, output read as it comes and up to a limit. Invariant: when `run` returns, the session is gone or
has ended by itself.
"""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from git.cmd import Git

from pipeline.errors import InvariantBroken

OUTPUT_MAX_BYTES = 512 * 1024**2
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
_COMPLAINT_MAX_BYTES = 64 * 1024
_CHUNK = 1024**2
_DYING_MAX_S = 30.0
"""For what was killed to be gone; only a process that left the session could take longer."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a command ended. `text` decodes paths so that they can be given back to git byte for byte."""

    code: int
    stdout: bytes
    stderr: bytes
    cut: bool = False
    """It was ended because it printed absurdly much; `stdout` is empty then."""

    @property
    def text(self) -> str:
        """The standard output without its last newline."""
        return decoded(self.stdout).removesuffix("\n")

    @property
    def fields(self) -> list[str]:
        """The parts of an output that was asked for with `-z`."""
        return decoded(self.stdout).split("\0")[:-1] if self.stdout else []

    @property
    def complaint(self) -> str:
        """The end of the standard error, free of user names and passwords."""
        return _USERINFO.sub("", self.stderr.decode("utf-8", "replace").strip())[-2000:]


def decoded(raw: bytes) -> str:
    """Decode as git paths are: UTF-8, other bytes as surrogates that encode back to themselves."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Undo `decoded`."""
    return text.encode("utf-8", "surrogateescape")


class Child:
    """One git process that leads its own session, so that one signal reaches it and its transport."""

    def __init__(self, argv: list[str], *, cwd: Path, stdin: bytes, lock: int | None, umask: int | None = None) -> None:
        self._argv = argv
        self._cwd = cwd
        self._stdin = stdin
        self._lock = lock
        self._umask = -1 if umask is None else umask
        self._guard = threading.Lock()
        self._killed = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, timeout_s: float) -> Output | None:
        """Block until the process ended; None when it was killed or ran out of time."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(self._stdin)
            stdin.seek(0)
            with self._guard:
                if self._killed:
                    return None
                started = Git(self._cwd).execute(
                    self._argv,
                    istream=stdin,
                    as_process=True,
                    start_new_session=True,
                    umask=self._umask,
                    pass_fds=() if self._lock is None else (self._lock,),
                )
                process = self._process = started.proc
        if process is None:
            raise InvariantBroken("GitPython handed out no process.")
        return self._followed(process, time.monotonic() + timeout_s)

    def _followed(self, process: "subprocess.Popen[bytes]", deadline: float) -> Output | None:
        printed = _Printed(process)
        while printed.open and not printed.too_much and (left := deadline - time.monotonic()) > 0:
            printed.take(left)
        too_much, unfinished = printed.too_much, printed.open
        if unfinished:
            self.kill()
            self._buried(printed)
        printed.close()
        process.wait()
        if too_much:
            return Output(process.returncode, b"", bytes(printed.errors), cut=True)
        if unfinished or self._was_killed():
            return None
        return Output(process.returncode, bytes(printed.output), bytes(printed.errors))

    def _buried(self, printed: "_Printed") -> None:
        """Wait until every process of the session has let go of the pipes: a transport dies a moment after git."""
        deadline = time.monotonic() + _DYING_MAX_S
        while printed.open and (left := deadline - time.monotonic()) > 0:
            printed.take(left)
            printed.output.clear()

    def kill(self) -> None:
        """End the whole session at once; a child that has not started yet will not start."""
        with self._guard:
            self._killed = True
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _was_killed(self) -> bool:
        with self._guard:
            return self._killed


class _Printed:
    """What a process prints, read as it comes: the output up to a limit, the end of the complaints."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is None or process.stderr is None:
            raise InvariantBroken("GitPython handed out no pipes.")
        self.output, self.errors = bytearray(), bytearray()
        self._pipes = (process.stdout, process.stderr)
        self._selector = selectors.DefaultSelector()
        self._selector.register(process.stdout, selectors.EVENT_READ, self.output)
        self._selector.register(process.stderr, selectors.EVENT_READ, self.errors)

    @property
    def open(self) -> bool:
        """Whether more may come."""
        return bool(self._selector.get_map())

    @property
    def too_much(self) -> bool:
        """Whether the output is beyond what anyone would read."""
        return len(self.output) > OUTPUT_MAX_BYTES

    def take(self, timeout_s: float) -> None:
        """Wait for the next piece and keep it."""
        for key, _ in self._selector.select(timeout_s):
            chunk = os.read(key.fd, _CHUNK)
            key.data.extend(chunk)
            if not chunk:
                self._selector.unregister(key.fileobj)
        del self.errors[:-_COMPLAINT_MAX_BYTES]

    def close(self) -> None:
        """Give the descriptors back."""
        for pipe in self._pipes:
            pipe.close()
