"""The fork server's process, which may be started before there is an event loop to talk to it.

Problem: controller and fork server both import for seconds, and the one started the other only after its own imports.
Choice: the process and its pipes are plain, so that it can be started first of all, and the loop joins them later. Invariant:
writing never blocks; a child that does not read its orders is as good as gone.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

_LINE_MAX_BYTES = 1024 * 1024


class ForkServerChild:
    """A process that reads lines and writes lines, in a session of its own. Its standard error is ours."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it at once; `environment` None inherits this process's."""
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
        self._transport: asyncio.ReadTransport | None = None

    @property
    def pid(self) -> int:
        """Its process, which leads its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, None while it runs."""
        return self._process.poll()

    async def lines(self) -> asyncio.StreamReader:
        """Begin to read what it says; once."""
        reader = asyncio.StreamReader(limit=_LINE_MAX_BYTES)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        return reader

    def write(self, line: bytes) -> None:
        """Give it one line, shorter than a pipe takes at once. Raises `OSError` when it does not read any more."""
        if self._process.stdin is None or self._process.stdin.closed:
            raise BrokenPipeError
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        os.write(descriptor, line)

    def end_input(self) -> None:
        """Say that nothing more comes. Idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def let_go(self) -> None:
        """Stop reading, whoever still holds the other end. Idempotent."""
        if self._transport is not None:
            self._transport.close()

    def kill_group(self, number: signal.Signals) -> None:
        """Signal it and its workers: it leads a session of its own, so its group holds nobody else."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return
