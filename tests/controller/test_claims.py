"""Claims of effects: short, renewed while somebody works, given back by who stops, taken over from who died."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from controller.background.bells import BellHub
from controller.background.outbox import Outbox
from controller.metrics import Metrics
from controller.wiring import EffectExecutor
from pipeline.change_request import RepositoryTarget
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, EffectStatus, Push, Pushed
from pipeline.records import NewChangeRequest
from pipeline.settings.process import EffectSettings
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from tests.controller.conftest import eventually
from tests.controller.dying_outbox import pushing
from tests.controller.test_git_work import at
from tests.database import TestDatabase
from tests.effects import push, pushed
from tests.line.repositories import SampleRepository

ROOT = Path(__file__).parents[2]


async def intend(store: Database, key: str, payload: Push | None = None, lane: str | None = None) -> None:
    async with store.transaction() as connection:
        requests = ChangeRequests(connection)
        if await requests.live_for("test", "1") is None:
            target = RepositoryTarget(name="sums", remote="/srv/sums", base_branch="main")
            new = NewChangeRequest(
                id="cr-1", title="t", body="b", created_by="me", repositories=(target,), settings_snapshot={},
                source="test", external_id="1",
            )  # fmt: skip
            await requests.create(new)
        await Effects(connection).intend(key=key, cr_id="cr-1", repository="sums", payload=payload or push(), lane=lane)


async def states(store: Database) -> list[str]:
    async with store.transaction() as connection:
        return [effect.status for effect in await Effects(connection).of("cr-1")]


def outbox(
    store: Database, database: TestDatabase, executor: EffectExecutor, owner: str, *, claim_s: float = 15.0,
    alone: bool = False,
) -> Outbox:  # fmt: skip
    return Outbox(
        database=store, bells=BellHub(PostgresTenantBell(store, database.app_url)), executors={EffectKind.PUSH: executor},
        metrics=Metrics(), owner=owner, alone=alone, settings=EffectSettings(claim_s=claim_s),
    )  # fmt: skip


class Gate:
    """Works until it is let go."""

    def __init__(self) -> None:
        self.begun, self.open, self.executed = asyncio.Event(), asyncio.Event(), list[str]()

    async def execute(self, effect: Effect) -> Pushed:
        self.executed.append(effect.key)
        self.begun.set()
        await self.open.wait()
        return pushed()


@pytest.mark.parametrize(("claim_s", "alone"), [(0.5, False), (3600.0, True)], ids=["claim-runs-out", "restart-alone"])
async def test_the_successor_of_a_controller_killed_between_act_and_record_adopts_what_it_did(
    store: Database, database: TestDatabase, tmp_path: Path, claim_s: float, alone: bool
) -> None:
    sample, cache = SampleRepository.create(tmp_path / "sums", {"a.py": "x = 1\n"}), tmp_path / "cache"
    commit = subprocess.run(
        ["git", "-C", str(sample.path), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    payload = push(remote=str(sample.path), commit=commit)
    await _fetched(cache, str(sample.path))
    await intend(store, "push", payload)

    argv = [sys.executable, "-m", "tests.controller.dying_outbox", database.app_url, str(cache), str(claim_s)]
    dead = await asyncio.to_thread(
        subprocess.run, argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert await states(store) == ["claimed"]
    successor = outbox(store, database, pushing(cache), "successor", claim_s=claim_s, alone=alone)

    async def adopted() -> bool:
        await successor.tick()
        return await states(store) == ["done"]

    await eventually(adopted)
    assert sample.head("changeline/cr-1") == commit
    moved = sample.git("reflog", "show", "--format=%gs", "changeline/cr-1").splitlines()
    assert len(moved) == 1, "the branch moved once"


async def test_a_claim_is_kept_while_its_executor_works_however_long(store: Database, database: TestDatabase) -> None:
    await intend(store, "k")
    slow, other = Gate(), Gate()
    other.open.set()
    # Four renewals are longer than the claim, and a machine that stalls for a second or two takes nothing from anybody.
    working = asyncio.create_task(outbox(store, database, slow, "slow", claim_s=3.0).tick())
    await slow.begun.wait()
    seen: set[str] = set()

    async def renewed_often() -> bool:
        await outbox(store, database, other, "other", claim_s=3.0).tick()
        assert other.executed == []
        with psycopg.connect(database.superuser_url) as connection:
            seen.update(str(row[0]) for row in connection.execute("SELECT claimed_until FROM effects").fetchall())
        return len(seen) > 4

    await eventually(renewed_often)
    slow.open.set()
    await working
    assert (await states(store), slow.executed, other.executed) == (["done"], ["k"], [])


async def test_who_stops_gives_its_claims_back_at_once(store: Database, database: TestDatabase) -> None:
    await intend(store, "k")
    first, second = Gate(), Gate()
    second.open.set()
    working = asyncio.create_task(outbox(store, database, first, "first", claim_s=3600).tick())
    await first.begun.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    async with store.transaction() as connection:
        (effect,) = await Effects(connection).of("cr-1")
    assert (effect.status, effect.tries) == ("retry", 0)
    await outbox(store, database, second, "second").tick()
    assert (await states(store), second.executed) == (["done"], ["k"])


async def test_one_that_is_not_alone_takes_nothing_from_a_living_one(store: Database, database: TestDatabase) -> None:
    await intend(store, "k")
    async with store.transaction() as connection:
        await Effects(connection).claim("living")
    other = Gate()
    await outbox(store, database, other, "other").tick()
    assert (await states(store), other.executed) == (["claimed"], [])


async def test_the_successor_of_one_that_was_working_when_its_change_request_ended_begins_nothing_anew(
    store: Database, database: TestDatabase
) -> None:
    await intend(store, "k")
    async with store.transaction() as connection:
        await Effects(connection).claim("dead")
        await Effects(connection).dismiss_open("cr-1")
        await connection.execute(text("UPDATE effects SET claimed_until = now() - interval '1 second'"))
    successor = Gate()
    await outbox(store, database, successor, "successor", alone=True).tick()
    assert (await states(store), successor.executed) == (["dismissed"], [])


async def test_a_lane_is_carried_out_in_order_and_waits_for_what_is_tried_again(store: Database) -> None:
    for number in range(3):
        await intend(store, f"k{number}", lane="cr-1")
    async with store.transaction() as connection:
        (first,) = await Effects(connection).claim("one")
        assert await Effects(connection).claim("two") == []
        await connection.execute(
            text("UPDATE effects SET status = 'retry', next_try_at = now() + interval '1 hour' WHERE key = 'k0'")
        )
        assert (first.key, await Effects(connection).claim("two")) == ("k0", [])
        await Effects(connection).record(first.id, status=EffectStatus.DEAD)
        assert [effect.key for effect in await Effects(connection).claim("two")] == ["k1"]


async def _fetched(cache: Path, remote: str) -> None:
    repository = await pushing(cache)._open("sums", at(Path(remote)))
    await repository.fetch()
