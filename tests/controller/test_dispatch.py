"""Dispatch: fair between tenants, across controllers and restarts; what ran before goes first; the reason is shown."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from pipeline.access import Role
from pipeline.change_request import Move, Status, WaitKind
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.dispatching import Dispatched, Limit, dispatch_next
from pipeline.store.engine import Database
from pipeline.store.leases import Leases
from tests.controller.conftest import Starter, eventually
from tests.controller.fakes import ScriptedLauncher
from tests.controller.test_background import queue
from tests.database import TestDatabase

QUIET = ("quiet-a", "quiet-b", "quiet-c")


def tenants(database: TestDatabase, *names: str) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        for name in names:
            connection.execute("INSERT INTO tenants (id, name) VALUES (%s, %s)", (name, name))


async def dispatched(store: Database, owner: str, limit: Limit) -> Dispatched | None:
    async with store.transaction() as connection:
        return await dispatch_next(connection, owner=owner, limit=limit, lost_after=timedelta(seconds=90))


async def ended(store: Database, one: Dispatched) -> None:
    async with store.transaction(one.tenant) as connection:
        await ChangeRequests(connection).move(one.cr_id, Move.COMPLETE)
        await Leases(connection).release(one.cr_id, one.epoch)


@pytest.mark.parametrize("seed", [0, 3, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (1, 2))])
async def test_beside_one_noisy_tenant_each_quiet_change_request_starts_within_its_fair_turn(
    store: Database, database: TestDatabase, seed: int
) -> None:
    """Whatever arrives and ends when: a tenant's n-th in line starts within n rounds of all tenants, restarts included."""
    chance = random.Random(seed)
    places = seed + 1
    arrivals = [(chance.choice(QUIET), chance.randrange(12)) for _ in range(6)]
    tenants(database, *QUIET)
    for number in range(50):
        await queue(store, f"noisy-{number:02}")
    limit = Limit(workers_max=places, tenant_workers_max=places)
    running: list[Dispatched] = []
    turns_left: dict[str, int] = {}
    for turn in range(34):
        for index, (tenant, _) in enumerate(one for one in arrivals if one[1] == turn):
            in_line = 1 + sum(name.startswith(tenant) for name in turns_left)
            turns_left[f"{tenant}/{turn}-{index}"] = in_line * (1 + len(QUIET))
            await queue(store, f"{tenant}/{turn}-{index}", tenant)
        if len(running) == places:
            await ended(store, running.pop(chance.randrange(places)))
        while started := await dispatched(store, f"controller-{turn}", limit):
            running.append(started)
            turns_left.pop(started.cr_id, None)
            turns_left = {name: left - 1 for name, left in turns_left.items()}
            assert all(left > 0 for left in turns_left.values()), (arrivals, turns_left)
    assert turns_left == {}


async def test_what_ran_before_goes_before_what_is_new(store: Database) -> None:
    one = Limit(workers_max=1, tenant_workers_max=1)
    await queue(store, "cr-old")
    first = await dispatched(store, "ctl", one)
    assert first is not None
    for number in range(3):
        await queue(store, f"cr-new-{number}")
    async with store.transaction() as connection:
        requests = ChangeRequests(connection)
        await requests.move("cr-old", Move.WAIT, wait=WaitKind.GATE, wait_id="g")
        await requests.move("cr-old", Move.REQUEUE)
    order = []
    while started := await dispatched(store, "ctl", one):
        order.append(started.cr_id)
        await ended(store, started)
    assert order == ["cr-old", "cr-new-0", "cr-new-1", "cr-new-2"]


async def test_a_changed_limit_holds_at_once_and_the_queue_says_what_holds_it(
    start: Starter, store: Database, database: TestDatabase
) -> None:
    tenants(database, "other")
    with start.running(launcher=ScriptedLauncher(), workers_max=3, tenant_workers_max=1) as controller:
        ids = [controller.submit()["id"] for _ in range(4)]
        client = controller.client()

        def queued() -> dict[str, dict[str, object]]:
            items = client.get("/api/v1/change-requests").json()["items"]
            return {one["id"]: one["queue"] for one in items if one["queue"]}

        await eventually(lambda: len(queued()) == 3)
        places = {cr_id: place for place, cr_id in enumerate(ids[1:], 1)}
        assert queued() == {
            cr_id: {"position": place, "held_by": "tenant_limit", "running": 1, "limit": 1}
            for cr_id, place in places.items()
        }
        client.put("/api/v1/settings/dispatch", json={"value": {"workers_max": 2}, "version": 0})
        await eventually(lambda: len(queued()) == 2)
        assert {queue["held_by"] for queue in queued().values()} == {"tenant_limit"}
        await queue(store, "theirs", "other")
        await eventually(lambda: len(controller.launcher.launched) == 3)
        client.put("/api/v1/settings/dispatch", json={"value": {"workers_max": 9}, "version": 1})
        detail = client.get(f"/api/v1/change-requests/{ids[3]}").json()
        assert detail["queue"] == {"position": 2, "held_by": "global_limit", "running": 3, "limit": 3}
        assert detail["queue_position"] == 2
        async with store.transaction() as connection:
            assert await ChangeRequests(connection).count(Status.RUNNING) == 2


async def test_the_limit_of_all_tenants_changes_at_once_and_only_by_the_controllers_own_tenant(
    start: Starter, token_of: Callable[..., str], database: TestDatabase
) -> None:
    with start.running(launcher=ScriptedLauncher(), workers_max=1, tenant_workers_max=9) as controller:
        for _ in range(5):
            controller.submit()
        client = controller.client()

        def limit(value: int | None, version: int) -> None:
            said = {"value": {"all_workers_max": value}, "version": version}
            assert client.put("/api/v1/settings/dispatch", json=said).status_code == 200

        def held() -> list[dict[str, object]]:
            items = client.get("/api/v1/change-requests").json()["items"]
            return [{**one["queue"], "position": 0} for one in items if one["queue"]]

        await eventually(lambda: len(controller.launcher.launched) == 1)
        limit(3, 0)
        await eventually(lambda: len(controller.launcher.launched) == 3)
        assert held() == [{"position": 0, "held_by": "global_limit", "running": 3, "limit": 3}] * 2
        limit(2, 1)
        assert held() == [{"position": 0, "held_by": "global_limit", "running": 3, "limit": 2}] * 2
        limit(None, 2)
        assert {one["limit"] for one in held()} == {1}
        tenants(database, "other")
        token = await asyncio.to_thread(token_of, "olaf", Role.ADMIN, tenant="other")
        said = {"value": {"all_workers_max": 500}, "version": 0}
        refused = controller.client(token).put("/api/v1/settings/dispatch", json=said)
        assert (refused.status_code, refused.json()["field"]) == (422, "dispatch.all_workers_max")


@pytest.mark.parametrize("reopened", [False, True], ids=["same-controller", "after-a-restart"])
async def test_whose_turn_it_is_survives_a_restart(store: Database, database: TestDatabase, *, reopened: bool) -> None:
    tenants(database, "zeta")
    for number in range(3):
        await queue(store, f"ours-{number}")
        await queue(store, f"theirs-{number}", "zeta")
    order = []
    for _ in range(6):
        other = Database(database.app_url, tenant="default", pool_max=1) if reopened else store
        started = await dispatched(other, "ctl", Limit(workers_max=9, tenant_workers_max=9))
        assert started is not None
        order.append(started.tenant)
        if reopened:
            await other.close()
    assert order == ["default", "zeta"] * 3
