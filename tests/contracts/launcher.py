"""What every `Launcher` must do; a test module binds it by the fixtures `launcher`, `watcher` and `end`.

`end` makes a signal end one running worker.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from controller.wiring import Launcher, NotLaunched
from pipeline.store.dispatching import Dispatched
from pipeline.worker_loss import LossKind, WorkerLoss

End: TypeAlias = Callable[[str, int], Awaitable[None]]
"""(change request, epoch)."""


def order(cr_id: str, epoch: int = 1) -> Dispatched:
    return Dispatched(tenant="default", cr_id=cr_id, attempt=1, epoch=epoch)


class Watcher:
    """Remembers what a launcher said."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.lost: asyncio.Queue[tuple[Dispatched, WorkerLoss]] = asyncio.Queue()

    def launcher_ready(self) -> None:
        self.ready.set()

    async def worker_lost(self, order: Dispatched, loss: WorkerLoss) -> None:
        self.lost.put_nowait((order, loss))


class LauncherContract:
    """Each epoch once, and a typed word about every worker that is no more."""

    async def test_a_worker_that_ends_from_outside_is_told_by_its_order_and_a_kind(
        self, launcher: Launcher, watcher: Watcher, end: End
    ) -> None:
        await launcher.launch(order("cr-1"))
        await launcher.launch(order("cr-1", epoch=2))
        await end("cr-1", 1)

        lost, loss = await watcher.lost.get()

        assert lost == order("cr-1")
        assert loss.kind is LossKind.KILLED
        assert loss.cause
        assert watcher.lost.empty()

    async def test_an_epoch_is_started_once_even_after_it_ended(
        self, launcher: Launcher, watcher: Watcher, end: End
    ) -> None:
        for _ in range(2):
            await launcher.launch(order("cr-1"))
        await end("cr-1", 1)
        await watcher.lost.get()

        await launcher.launch(order("cr-1"))
        await launcher.launch(order("cr-2"))
        await end("cr-2", 1)

        lost, _ = await watcher.lost.get()
        assert lost == order("cr-2"), "the first never came back"

    async def test_ending_what_does_not_run_is_nothing(self, launcher: Launcher, watcher: Watcher) -> None:
        await launcher.stop("cr-9", 1)

        assert watcher.lost.empty()

    async def test_who_cannot_launch_says_so_and_why(self, launcher: Launcher) -> None:
        await launcher.close()

        assert not launcher.ready
        with pytest.raises(NotLaunched) as refused:
            await launcher.launch(order("cr-1"))
        assert refused.value.loss.kind is LossKind.LAUNCHER_AWAY
