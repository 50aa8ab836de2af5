"""The `Sandbox` port where containment does not work: refuse, or run openly uncontained if the operator said so.

Invariant: neither ever claims an isolation. `Uncontained` still scrubs the environment, sets resource limits where
`prlimit` exists, and ends every process it can find: the session it started and, on Linux, whatever carries its mark.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.adapters.process_io import CappedOutput, Ending, PipeReader, exited, settle, watch
from pipeline.adapters.sandbox import visibility
from pipeline.adapters.sandbox.limits import limited, refuse_unstartable
from pipeline.adapters.sandbox.mounts import mountable
from pipeline.adapters.sandbox.results import remedy_for, result_of, unavailable
from pipeline.adapters.sandbox.tree_memory import MeasuredMemory
from pipeline.machine import tree_walk
from pipeline.ports import CommandResult, Isolation, SandboxCommand
from pipeline.settings.process import SandboxSettings

_POLL_S = 0.02


class Refusing:
    """Runs nothing: the machine cannot contain and the operator did not allow less."""

    def __init__(self, why: str) -> None:
        self._why = why

    def isolation(self) -> Isolation:
        """Say why nothing runs."""
        return Isolation(name="none", detail=f"tools are refused: {self._why}. {remedy_for(self._why)}")

    async def run(self, command: SandboxCommand) -> CommandResult:  # noqa: ARG002 - the port's name
        """Raise `PersonNeeded(sandbox_unavailable)`, always."""
        raise unavailable(self._why)


class Uncontained:
    """The same contract without walls: every file and address of this user is within reach of a command."""

    def __init__(self, settings: SandboxSettings, why: str) -> None:
        self._settings = settings
        self._why = why

    def isolation(self) -> Isolation:
        """Say that there is none."""
        return Isolation(name="none", detail=f"tools run uncontained, as the operator allowed: {self._why}")

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Run as the port says, as far as that goes without containment; the network is not limited either."""
        refuse_unstartable(command)
        command = await asyncio.to_thread(mountable, command)
        started = time.monotonic()
        output, ending = CappedOutput(command.output_max_bytes), Ending()
        with ExitStack() as stack:
            home = tempfile.mkdtemp(prefix="changeline-home-")
            stack.callback(tree_walk.discard, Path(home))
            stack.enter_context(_linked(command.mounts))
            mark = f"CHANGELINE_RUN={uuid.uuid4()}"
            try:
                process, printed = self._start(command, Path(home), mark)
            except OSError as error:
                return CommandResult(exit_code=127, output=f"{error.filename}: {error.strerror}\n")
            reader = PipeReader(printed, output.feed)
            memory = MeasuredMemory(limit=self._settings.memory_max_bytes)
            try:
                ending = await watch(
                    lambda: _ended(process),
                    timeout_s=command.timeout_s,
                    look=lambda: memory.look(process.pid),
                )
            finally:
                _, cancelled = await settle(_end(process, reader, mark))
            if cancelled is not None:
                raise cancelled
        code = process.returncode
        return result_of(ending, output, code if code >= 0 else 128 - code, time.monotonic() - started)

    def _start(self, command: SandboxCommand, home: Path, mark: str) -> tuple[subprocess.Popen[bytes], int]:
        name, _, value = mark.partition("=")
        own = {"HOME": str(home), "TMPDIR": str(home), name: value}
        variables = {**visibility.environment(command), **own, **command.environment}
        argv = limited(self._settings, command.argv, processes=False) if shutil.which("prlimit") else command.argv
        printed, printed_end = os.pipe()
        with ExitStack() as child:
            child.callback(os.close, printed_end)
            stdin = child.enter_context(tempfile.TemporaryFile())
            stdin.write(command.stdin or b"")
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=stdin,
                    stdout=printed_end,
                    stderr=printed_end,
                    env=variables,
                    cwd=command.cwd,
                    umask=0o022,
                    start_new_session=True,
                )
            except OSError:
                os.close(printed)
                raise
        return process, printed


@contextmanager
def _linked(mounts: Mapping[Path, Path]) -> Iterator[None]:
    """Show mounts as symbolic links for the length of one command; what stands there already is left alone."""
    made = []
    try:
        for destination, source in mounts.items():
            if not destination.exists():
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.symlink_to(source)
                made.append(destination)
        yield
    finally:
        for destination in made:
            if destination.is_symlink():
                destination.unlink()


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait without reaping, so that the process group's number stays its own until it was killed."""
    if sys.platform == "linux":
        pidfd = os.pidfd_open(process.pid)
        try:
            await exited(pidfd)
        finally:
            os.close(pidfd)
    else:
        while process.poll() is None:  # noqa: ASYNC110 - no pidfd on this platform
            await asyncio.sleep(_POLL_S)


async def _end(process: subprocess.Popen[bytes], reader: PipeReader, mark: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await _ended(process)
    process.wait()
    while survivors := _marked(mark):
        for pid in survivors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(_POLL_S)
    if sys.platform == "linux":
        await reader.ended.wait()
    else:
        reader.close()


def _marked(mark: str) -> list[int]:
    """Processes whose first environment carries the mark: daemons that left the session. A zombie shows none."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (directory / "environ").read_bytes().split(b"\0"):
                found.append(int(directory.name))
    return found
