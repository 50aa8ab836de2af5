"""Programs, files and addresses that tell when somebody touches them.

Problem: that nothing ran is proven only by something that would have told. Choice: each canary writes a file of its own into
a directory that every user can write and that no sandbox shows; files tell by inotify, addresses by a waiting connection.
Invariant: a canary names its trap, its user and its arguments, and does what the trapped program would do, so that one that
fired hides no other.
"""

import ctypes
import os
import re
import select
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_EVENT = struct.Struct("iIII")
_READ = 0x1 | 0x20  # IN_ACCESS | IN_OPEN
_PROBE_S = 0.05
_SETTLED_MS = 100
_SHOWN_MAX = 300


class Canaries:
    """All canaries of one place. `directory` is readable by every user."""

    def __init__(self, directory: Path) -> None:
        self.programs = directory / "programs"
        self.marks = directory / "marks"
        self.programs.mkdir()
        self.marks.mkdir()
        self.programs.chmod(0o755)
        self.marks.chmod(0o1777)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._watched: dict[int, str] = {}
        self._listeners: dict[str, socket.socket] = {}

    def program(self, name: str, *, then: str = "exit 0", at: Path | None = None) -> Path:
        """Write an executable that marks `name` and then goes on with a line of shell."""
        path = at or self.programs / _file_name(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{self.shell(name)}\n{then}\n")
        path.chmod(0o755)
        return path

    def shell(self, name: str) -> str:
        """Return a line of shell that marks `name`, silently where the marks cannot be reached."""
        mark = f"{self.marks}/{_file_name(name)}.$$"
        return f"{{ echo '{name}' \"uid=$(/usr/bin/id -u) in=$PWD argv=$0 $*\" >> {mark}; }} 2>/dev/null"

    def python(self, name: str) -> str:
        """Return the source of a module that marks `name` when it is imported."""
        return (
            "import os\ntry:\n"
            f"    with open('{self.marks}/{_file_name(name)}.' + str(os.getpid()), 'a') as mark:\n"
            f"        mark.write('{name} uid=%d in=%s\\n' % (os.getuid(), os.getcwd()))\n"
            "except OSError:\n    pass\n"
        )

    def watch(self, name: str, file: Path) -> Path:
        """Tell when `file` is opened or read from now on."""
        number = int(self._libc.inotify_add_watch(self._inotify, os.fsencode(file), _READ))
        assert number >= 0, os.strerror(ctypes.get_errno())
        self._watched[number] = name
        return file

    def address(self, name: str) -> str:
        """Return `host:port` of a listener that tells when somebody connects."""
        if name not in self._listeners:
            listener = socket.create_server(("127.0.0.1", 0))
            listener.setblocking(False)
            self._listeners[name] = listener
        host, port = self._listeners[name].getsockname()
        return f"{host}:{port}"

    def told(self) -> list[str]:
        """Return what fired, sorted, and forget it."""
        ran = []
        for mark in sorted(self.marks.iterdir()):
            ran += [line[:_SHOWN_MAX] for line in mark.read_text(errors="replace").splitlines()]
            mark.unlink()
        connected = [f"{name} was connected to" for name, listener in self._listeners.items() if _visited(listener)]
        return sorted({*ran, *connected, *(f"{name} was read" for name in self._read_files())})

    def close(self) -> None:
        os.close(self._inotify)
        for listener in self._listeners.values():
            listener.close()

    def _read_files(self) -> Iterator[str]:
        with suppress(BlockingIOError):
            while chunk := os.read(self._inotify, 65_536):
                while chunk:
                    number, mask, _, length = _EVENT.unpack_from(chunk)
                    chunk = chunk[_EVENT.size + length :]
                    if mask & _READ:
                        yield self._watched[number]


class Fifos:
    """Named pipes that nobody writes. Whoever waits for one is noticed and let go, so that a fault does not hang the suite."""

    def __init__(self, canaries: Canaries) -> None:
        self._marks = canaries.marks
        self._paths: dict[str, Path] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="fifos")

    def make(self, name: str, path: Path) -> Path:
        """Make a named pipe at `path`, in place of what is there."""
        if path.is_symlink() or path.exists():
            path.unlink()
        os.mkfifo(path)
        path.chmod(0o666)
        self._paths[name] = path
        return path

    def _watch(self) -> None:
        while not self._ended.wait(_PROBE_S):
            for name, path in list(self._paths.items()):
                self._probe(name, path)

    def _probe(self, name: str, path: Path) -> None:
        try:
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody waits, or the pipe was removed
            return
        try:
            if not stat.S_ISFIFO(os.fstat(writer).st_mode):
                return
            # A look that does not wait is gone by now; who is still there would have hung.
            left = select.poll()
            left.register(writer, 0)
            if not left.poll(_SETTLED_MS):
                (self._marks / f"{_file_name(name)}.fifo").write_text(f"{name} was waited for\n")
        finally:
            os.close(writer)

    @contextmanager
    def watched(self) -> Iterator["Fifos"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._thread.join()


def _visited(listener: socket.socket) -> bool:
    with suppress(BlockingIOError):
        listener.accept()[0].close()
        return True
    return False


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)
