"""The scripted launcher and the one of real processes keep one contract."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from controller.launch.process import ForkServerLost, ProcessLauncher
from controller.wiring import Launcher
from pipeline.worker_loss import LossKind, WorkerLoss
from tests.contracts.launcher import End, LauncherContract, Watcher, order
from tests.controller.fakes import ScriptedLauncher

FORK_SERVER = [sys.executable, str(Path(__file__).parents[1] / "controller" / "fork_server.py")]


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


async def serving(launcher: Launcher, watcher: Watcher) -> "asyncio.Task[None]":
    task = asyncio.create_task(launcher.run(watcher))
    await watcher.ready.wait()
    return task


class TestScriptedLauncher(LauncherContract):
    @pytest.fixture
    async def launcher(self, watcher: Watcher) -> AsyncIterator[ScriptedLauncher]:
        launcher = ScriptedLauncher()
        task = await serving(launcher, watcher)
        yield launcher
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @pytest.fixture
    def end(self, watcher: Watcher) -> End:
        async def end(cr_id: str, epoch: int) -> None:
            await watcher.worker_lost(order(cr_id, epoch), WorkerLoss(kind=LossKind.KILLED, cause="a test ended it"))

        return end


class TestProcessLauncher(LauncherContract):
    @pytest.fixture
    async def launcher(self, watcher: Watcher) -> AsyncIterator[ProcessLauncher]:
        launcher = ProcessLauncher(FORK_SERVER)
        task = await serving(launcher, watcher)
        yield launcher
        await launcher.close()
        with suppress(ForkServerLost):
            await task

    @pytest.fixture
    def end(self, launcher: ProcessLauncher) -> End:
        return launcher.stop
