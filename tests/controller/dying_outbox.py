"""A controller's outbox in a process of its own that is killed between act and record. Started by a test.

Arguments: database URL, git cache, claim in seconds. It carries out what is due with the real executor for pushes and
kills itself when the push has happened.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from controller.background.bells import BellHub
from controller.background.outbox import Outbox
from controller.git_work import BranchPusher
from controller.metrics import Metrics
from controller.wiring import Place
from pipeline.adapters.clock import SystemClock
from pipeline.adapters.git.repository import open_repository
from pipeline.adapters.git.runner import GitCommands
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, Pushed
from pipeline.ports import Author, Repository
from pipeline.settings.process import EffectSettings
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.engine import Database
from tests.adapters.git_world import to


def pushing(cache: Path) -> BranchPusher:
    """Return the executor that controllers use."""

    async def opened(name: str, place: Place) -> Repository:
        commands = GitCommands(environment=os.environ)
        return await open_repository(
            name=name, remote=to(place.remote, commands=commands), cache_dir=cache, commands=commands,
            author=Author(name="Changeline", email="changeline@localhost"), clock=SystemClock(),
        )  # fmt: skip

    return BranchPusher(opened)


class DiesAfterActing:
    """Pushes, then is gone."""

    def __init__(self, push: BranchPusher) -> None:
        self._push = push

    async def execute(self, effect: Effect) -> Pushed:
        done = await self._push.execute(effect)
        os.kill(os.getpid(), signal.SIGKILL)
        return done


async def main(url: str, cache: str, claim_s: str) -> None:
    database = Database(url, tenant="default")
    outbox = Outbox(
        database=database, bells=BellHub(PostgresTenantBell(database, url)), metrics=Metrics(), owner="dies",
        executors={EffectKind.PUSH: DiesAfterActing(pushing(Path(cache)))}, settings=EffectSettings(claim_s=float(claim_s)),
    )  # fmt: skip
    await outbox.tick()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
