"""Workers as forked processes: the controller talks to one fork server child by JSON lines.

Problem: a worker's imports take seconds, and a worker must not outlive what supervises it. Choice: a child that has
imported everything forks workers on request; it is told `{"launch": …}` and `{"stop": …}` on its standard input and says
`{"ready": true}`, `{"started": …}` and `{"exited": …}` on its standard output. Invariants: an epoch is launched once
however often it is asked for; when the child dies its whole process group is killed before its workers are reported as
gone; when the controller dies, the child reads the end of its input and goes too.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from controller.wiring import LaunchObserver
from pipeline.errors import TransientError
from pipeline.store.dispatching import Dispatched

_CLOSE_S = 10.0
_TERMINATE_S = 5.0
_DRAIN_S = 1.0
_EXIT_POLL_S = 0.05
_LINE_MAX_BYTES = 1024 * 1024
_REMEMBERED_MAX = 10_000

_log = structlog.get_logger(__name__)

_Key = tuple[str, int]


class ForkServerLost(TransientError):
    """The fork server ended; its workers ended with it."""


class ProcessLauncher:
    """Implements `controller.wiring.Launcher`. `argv` starts the fork server; `environment` None inherits this process's."""

    def __init__(self, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self._argv = list(argv)
        self._environment = dict(environment) if environment is not None else None
        self._child: asyncio.subprocess.Process | None = None
        self._ready = False
        self._closing = False
        self._running: dict[_Key, Dispatched] = {}
        self._launched: dict[_Key, None] = {}

    @property
    def ready(self) -> bool:
        """Whether the fork server has said that it is ready."""
        return self._ready

    async def run(self, observer: LaunchObserver) -> None:
        """Start the fork server and read from it to its end; then report its workers and raise `ForkServerLost`."""
        child = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
            limit=_LINE_MAX_BYTES,
        )
        self._child = child
        reading, exit_ = asyncio.create_task(self._read(child, observer)), asyncio.create_task(_exit_of(child))
        try:
            # Forked workers hold the same pipe, so its end says nothing about the fork server; its exit does.
            await asyncio.wait({reading, exit_}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ready = False
            exit_.cancel()
            _kill_group(child, signal.SIGKILL)
            code = await _end_of(child, reading)
        for order in list(self._running.values()):
            await self._gone(order, f"its fork server {_how(code)}", observer)
        if not self._closing:
            raise ForkServerLost("The fork server ended and is started again.", code=code)

    async def launch(self, order: Dispatched) -> None:
        """Ask for a worker, once per epoch; raises `TransientError` while the fork server is away."""
        key = (order.cr_id, order.epoch)
        if key in self._launched:
            return
        if not self._ready:
            raise TransientError("The fork server is not ready.")
        self._launched[key] = None
        self._running[key] = order
        launch = {"tenant": order.tenant, "cr_id": order.cr_id, "attempt": order.attempt, "epoch": order.epoch}
        await self._write({"launch": launch})
        while len(self._launched) > _REMEMBERED_MAX:
            del self._launched[next(iter(self._launched))]

    async def stop(self, cr_id: str, epoch: int) -> None:
        """Ask for the end of a worker that runs here. Idempotent."""
        if (cr_id, epoch) in self._running:
            await self._write({"stop": {"cr_id": cr_id, "epoch": epoch}})

    async def close(self) -> None:
        """End the fork server and its workers: by the end of its input, then by signals."""
        self._closing = True
        child = self._child
        if child is None or child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()
        for patience_s, number in ((_CLOSE_S, signal.SIGTERM), (_TERMINATE_S, signal.SIGKILL)):
            try:
                async with asyncio.timeout(patience_s):
                    await _exit_of(child)
                    return
            except TimeoutError:
                _kill_group(child, number)
        await _exit_of(child)

    async def _write(self, message: Mapping[str, Any]) -> None:
        if self._child is None or self._child.stdin is None:
            raise TransientError("The fork server is not there.")
        try:
            self._child.stdin.write(json.dumps(message).encode() + b"\n")
            await self._child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise TransientError("The fork server does not listen.") from error

    async def _read(self, child: asyncio.subprocess.Process, observer: LaunchObserver) -> None:
        if child.stdout is None:
            return
        async for line in child.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                _log.warning("fork_server_said_something_else", line=line[:200].decode(errors="replace"))
                continue
            if isinstance(said, dict):
                await self._heard(said, observer)

    async def _heard(self, said: Mapping[str, Any], observer: LaunchObserver) -> None:
        if said.get("ready"):
            self._ready = True
            observer.launcher_ready()
        elif started := said.get("started"):
            _log.info("worker_started", **started)
        elif exited := said.get("exited"):
            order = self._running.get((str(exited["cr_id"]), int(exited["epoch"])))
            if order is not None:
                await self._gone(order, f"the worker {_how(int(exited['code']))}", observer)

    async def _gone(self, order: Dispatched, cause: str, observer: LaunchObserver) -> None:
        self._running.pop((order.cr_id, order.epoch), None)
        await observer.worker_exited(order, cause)


async def _exit_of(child: asyncio.subprocess.Process) -> int:
    # `Process.wait` also waits for the pipes, which forked workers hold open.
    while child.returncode is None:  # noqa: ASYNC110 - the child watcher sets it; there is no event to wait for
        await asyncio.sleep(_EXIT_POLL_S)
    return child.returncode


async def _end_of(child: asyncio.subprocess.Process, reading: "asyncio.Task[None]") -> int:
    """Read to the end and let go of the pipes; a stray process that still holds one is not waited for."""
    if child.stdin is not None:
        child.stdin.close()
    done, _ = await asyncio.wait({reading}, timeout=_DRAIN_S)
    if not done:
        _log.warning("fork_server_pipe_still_open")
        reading.cancel()
    await asyncio.gather(reading, return_exceptions=done == set())
    return await _exit_of(child)


def _kill_group(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # The child leads a session of its own, so its group holds its workers and nobody else.
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
