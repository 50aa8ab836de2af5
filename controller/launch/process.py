"""Workers as forked processes: the controller talks to one fork server child by JSON lines.

Problem: a worker's imports take seconds, and a worker must not outlive what supervises it. Choice: a child that has
imported everything forks workers on request; it is told `{"launch": …}` and `{"stop": …}` on its standard input and says
`{"ready": true}`, `{"started": …}` and `{"exited": …}` on its standard output. Invariants: an epoch is launched once
however often it is asked for; when the child dies its whole process group is killed before its workers are reported as
gone; when the controller dies, the child reads the end of its input and goes too.
"""

import asyncio
import signal
from collections.abc import Mapping, Sequence

import structlog
from pydantic import ValidationError

from controller.launch.child import ForkServerChild
from controller.wiring import LaunchObserver, NotLaunched
from pipeline.errors import TransientError
from pipeline.machine.fork_messages import Launch, Report, SurveyName, Wish, WorkerName
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import LossKind, WorkerLoss

_CLOSE_S = 10.0
_TERMINATE_S = 5.0
_DRAIN_S = 1.0
_EXIT_POLL_S = 0.05
_REMEMBERED_MAX = 10_000

_log = structlog.get_logger(__name__)

_Key = tuple[str, int]


class ForkServerLost(TransientError):
    """The fork server ended; its workers ended with it."""


class ProcessLauncher:
    """Implements `controller.wiring.Launcher`, and `SurveyStarter`. `argv` starts the fork server; `begun` is one that already starts."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        begun: ForkServerChild | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = list(argv)
        self._environment = environment
        self._begun = begun
        self._child: ForkServerChild | None = None
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
        child, self._begun = self._begun or ForkServerChild(self._argv, self._environment), None
        self._child = child
        reading, exit_ = asyncio.create_task(self._read(child, observer)), asyncio.create_task(_exit_of(child))
        try:
            # Forked workers hold the same pipe, so its end says nothing about the fork server; its exit does.
            await asyncio.wait({reading, exit_}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ready = False
            exit_.cancel()
            child.kill_group(signal.SIGKILL)
            code = await _end_of(child, reading)
        for order in list(self._running.values()):
            lost = WorkerLoss(kind=LossKind.LAUNCHER_LOST, cause=f"its fork server {_how(code)}")
            await self._report_exit(order, lost, observer)
        if not self._closing:
            raise ForkServerLost("The fork server ended and is started again.", code=code)

    async def launch(self, order: Dispatched) -> None:
        """Ask for a worker, once per epoch; raises `NotLaunched` while the fork server is away."""
        key = (order.cr_id, order.epoch)
        if key in self._launched:
            return
        if not self._ready:
            raise _away("The fork server is not ready.")
        self._launched[key] = None
        self._running[key] = order
        launch = Launch(tenant=order.tenant, cr_id=order.cr_id, attempt=order.attempt, epoch=order.epoch)
        self._write(Wish(launch=launch))
        while len(self._launched) > _REMEMBERED_MAX:
            del self._launched[next(iter(self._launched))]

    async def stop(self, cr_id: str, epoch: int) -> None:
        """Ask for the end of a worker that runs here. Idempotent."""
        if (cr_id, epoch) in self._running:
            self._write(Wish(stop=WorkerName(cr_id=cr_id, epoch=epoch)))

    async def survey(self, tenant: str, survey_id: str) -> None:
        """Implements `controller.wiring.SurveyStarter` with the same fork server."""
        if not self._ready:
            raise _away("The fork server is not ready.")
        self._write(Wish(survey=SurveyName(tenant=tenant, survey_id=survey_id)))

    async def close(self) -> None:
        """End the fork server and its workers: by the end of its input, then by signals."""
        self._closing, self._ready = True, False
        child = self._child or self._begun
        if child is None or child.returncode is not None:
            return
        child.end_input()
        for patience_s, number in ((_CLOSE_S, signal.SIGTERM), (_TERMINATE_S, signal.SIGKILL)):
            try:
                async with asyncio.timeout(patience_s):
                    await _exit_of(child)
                    return
            except TimeoutError:
                child.kill_group(number)
        await _exit_of(child)

    def _write(self, wish: Wish) -> None:
        if self._child is None:
            raise _away("The fork server is not there.")
        try:
            self._child.write(wish.line())
        except OSError as error:
            raise _away("The fork server does not listen.") from error

    async def _read(self, child: ForkServerChild, observer: LaunchObserver) -> None:
        async for line in await child.lines():
            try:
                said = Report.model_validate_json(line)
            except ValidationError:
                _log.warning("fork_server_said_something_else", line=line[:200].decode(errors="replace"))
                continue
            await self._handle_report(said, observer)

    async def _handle_report(self, said: Report, observer: LaunchObserver) -> None:
        if said.ready:
            self._ready = True
            observer.launcher_ready()
        elif said.started is not None:
            _log.info("worker_started", **said.started.model_dump())
        elif said.exited is not None:
            order = self._running.get((said.exited.cr_id, said.exited.epoch))
            if order is not None:
                await self._report_exit(order, _loss(said.exited.code), observer)

    async def _report_exit(self, order: Dispatched, loss: WorkerLoss, observer: LaunchObserver) -> None:
        self._running.pop((order.cr_id, order.epoch), None)
        await observer.worker_lost(order, loss)


async def _exit_of(child: ForkServerChild) -> int:
    while (code := child.returncode) is None:  # noqa: ASYNC110 - a plain process sets no event
        await asyncio.sleep(_EXIT_POLL_S)
    return code


async def _end_of(child: ForkServerChild, reading: "asyncio.Task[None]") -> int:
    """Read to the end and let go of the pipes; a stray process that still holds one is not waited for."""
    child.end_input()
    done, _ = await asyncio.wait({reading}, timeout=_DRAIN_S)
    if not done:
        _log.warning("fork_server_pipe_still_open")
        reading.cancel()
    child.let_go()
    await asyncio.gather(reading, return_exceptions=done == set())
    return await _exit_of(child)


def _away(why: str) -> NotLaunched:
    return NotLaunched(WorkerLoss(kind=LossKind.LAUNCHER_AWAY, cause=why))


def _loss(code: int) -> WorkerLoss:
    kind = LossKind.KILLED if code < 0 else LossKind.CRASHED if code else LossKind.LEFT
    return WorkerLoss(kind=kind, cause=f"the worker {_how(code)}")


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
