"""What a controller may take from another: nothing that lives."""

import os
import socket
import subprocess
from datetime import timedelta

from pipeline.change_request import Move
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.leases import Leases
from tests.controller.conftest import Starter, eventually
from tests.controller.test_background import queue


async def leased(store: Database, cr_id: str, owner: str) -> None:
    await queue(store, cr_id)
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(cr_id, Move.DISPATCH)
        await Leases(connection).take(cr_id, owner, lost_after=timedelta(hours=1))


async def test_a_controller_that_believes_to_be_alone_leaves_the_workers_of_a_living_sibling(
    start: Starter, store: Database
) -> None:
    host = socket.gethostname()
    dead = subprocess.Popen(["true"])
    dead.wait()
    await leased(store, "cr-living", f"{host}:{os.getppid()}:ctl-sibling")
    await leased(store, "cr-dead", f"{host}:{dead.pid}:ctl-predecessor")
    await leased(store, "cr-same-pid", f"{host}:{os.getpid()}:ctl-before-the-restart")
    with start.running(alone=True) as controller:
        await eventually(lambda: len(controller.launcher.launched) == 2)
        assert {order.cr_id for order in controller.launcher.launched} == {"cr-dead", "cr-same-pid"}
        async with store.transaction() as connection:
            assert await Leases(connection).epoch("cr-living") == 1
