"""Workers as processes: started once, reported when they end, gone when their fork server is."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from controller.launch.child import ForkServerChild
from controller.launch.process import ForkServerLost, ProcessLauncher
from controller.wiring import NotLaunched
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import LossKind, WorkerLoss
from tests.controller.conftest import Starter, eventually

FORK_SERVER = [sys.executable, str(Path(__file__).with_name("fork_server.py"))]


def order(cr_id: str, epoch: int = 1) -> Dispatched:
    return Dispatched(tenant="default", cr_id=cr_id, attempt=1, epoch=epoch)


class Watcher:
    """Remembers what the launcher said."""

    def __init__(self) -> None:
        self.ready, self.exits, self.exited = asyncio.Event(), list[tuple[str, str]](), asyncio.Event()
        self.kinds: list[LossKind] = []

    def launcher_ready(self) -> None:
        self.ready.set()

    async def worker_lost(self, order: Dispatched, loss: WorkerLoss) -> None:
        self.exits.append((order.cr_id, loss.cause))
        self.kinds.append(loss.kind)
        self.exited.set()


@asynccontextmanager
async def running(
    begun: ForkServerChild | None = None,
) -> AsyncIterator[tuple[ProcessLauncher, Watcher, "asyncio.Task[None]"]]:
    launcher, watcher = ProcessLauncher(FORK_SERVER, begun=begun), Watcher()
    task = asyncio.create_task(launcher.run(watcher))
    await watcher.ready.wait()
    try:
        yield launcher, watcher, task
    finally:
        await launcher.close()
        with suppress(ForkServerLost):
            await task


def workers_of(fork_server: int) -> list[int]:
    children = Path(f"/proc/{fork_server}/task/{fork_server}/children").read_text().split()
    return [int(child) for child in children]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_worker_is_started_once_per_epoch_and_its_end_is_reported() -> None:
    async with running() as (launcher, watcher, _):
        assert launcher._child is not None
        pid = launcher._child.pid
        for _ in range(3):
            await launcher.launch(order("cr-1"))
        await launcher.launch(order("cr-1", epoch=2))
        await eventually(lambda: len(workers_of(pid)) == 2)
        await launcher.stop("cr-1", 1)
        await launcher.stop("cr-9", 1)
        await watcher.exited.wait()
        await launcher.launch(order("cr-1"))
        assert watcher.exits == [("cr-1", "the worker was killed by SIGTERM")]
        assert len(workers_of(pid)) == 1


async def test_a_fork_server_that_was_started_before_the_loop_is_the_one_that_serves() -> None:
    begun = ForkServerChild(FORK_SERVER)
    async with running(begun) as (launcher, watcher, task):
        await launcher.launch(order("cr-1"))
        await eventually(lambda: len(workers_of(begun.pid)) == 1)
        os.kill(begun.pid, signal.SIGKILL)
        with pytest.raises(ForkServerLost):
            await task
        assert [cr_id for cr_id, _ in watcher.exits] == ["cr-1"]
        again = asyncio.create_task(launcher.run(watcher))
        await eventually(lambda: launcher.ready)
        assert launcher._child is not None
        assert launcher._child.pid != begun.pid, "another one takes its place"
        await launcher.close()
        with suppress(ForkServerLost):
            await again


async def test_a_killed_fork_server_takes_its_workers_along_and_reports_them() -> None:
    async with running() as (launcher, watcher, task):
        assert launcher._child is not None
        await launcher.launch(order("cr-1"))
        await launcher.launch(order("cr-2"))
        pid = launcher._child.pid
        await eventually(lambda: len(workers_of(pid)) == 2)
        workers = workers_of(pid)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ForkServerLost):
            await task
        await eventually(lambda: not any(alive(worker) for worker in workers))
        assert sorted(cr_id for cr_id, _ in watcher.exits) == ["cr-1", "cr-2"]
        assert not launcher.ready
        assert watcher.kinds == [LossKind.LAUNCHER_LOST] * 2
        with pytest.raises(NotLaunched) as refused:
            await launcher.launch(order("cr-3"))
        assert refused.value.loss.kind is LossKind.LAUNCHER_AWAY


async def test_closing_leaves_no_process_behind() -> None:
    async with running() as (launcher, _, _):
        assert launcher._child is not None
        pid = launcher._child.pid
        await launcher.launch(order("cr-1"))
        await eventually(lambda: len(workers_of(pid)) == 1)
        worker = workers_of(pid)[0]
        await launcher.close()
        await eventually(lambda: not alive(pid) and not alive(worker))


def test_a_change_request_outlives_the_kill_of_its_fork_server(start: Starter) -> None:
    launcher = ProcessLauncher(FORK_SERVER)
    with start.running(launcher=launcher) as controller:
        cr_id = controller.submit()["id"]
        client = controller.client()
        with client.stream("GET", f"/api/v1/change-requests/{cr_id}/events") as stream:
            dispatched, lost = 0, []
            for line in stream.iter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                if event.get("payload", {}).get("status") == "running":
                    dispatched += 1
                    if dispatched == 2:
                        break
                    assert launcher._child is not None
                    os.killpg(launcher._child.pid, signal.SIGKILL)
                if event.get("type") == "worker_lost":
                    lost.append(event["payload"]["epoch"])
        assert lost == [1]
        worker = client.get(f"/api/v1/change-requests/{cr_id}").json()["worker"]
        assert (worker["epoch"], worker["alive"]) == (2, True)
