"""Dispatch, reaper, outbox and timers: within limits, once, and safe beside another controller."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from controller.background.bells import BellHub
from controller.background.outbox import Outbox
from controller.background.workers import Workers
from controller.metrics import Metrics
from pipeline import events
from pipeline.change_request import Move, PauseReason, RepositoryTarget, Stage, Status
from pipeline.effects.effect import Effect, UnreadableEffect
from pipeline.effects.kinds import ClosePullRequest, EffectKind, EffectStatus, Payload, Push, Pushed, Refusal
from pipeline.errors import Conflict, PersonNeeded, TransientError
from pipeline.ports import EntryKind, JournalEntry, JournalKey
from pipeline.records import ChangeRequest, NewChangeRequest
from pipeline.settings.process import EffectSettings, ProcessSettings
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.dispatching import Dispatched, Limit, dispatch_next
from pipeline.store.effects import TRIES_MAX, Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.journal import PostgresJournal
from pipeline.store.leases import Leases
from pipeline.store.worker_deaths import worker_died
from pipeline.worker_loss import LossKind, WorkerLoss
from tests.controller.conftest import Controller, Starter, eventually
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestDatabase
from tests.effects import push, pushed
from tests.gates import release

DEATHS_MAX, LOST = 3, timedelta(seconds=90)


async def queue(store: Database, cr_id: str, tenant: str = "default") -> None:
    target = RepositoryTarget(name="sample", remote="/srv/sample", base_branch="main")
    new = NewChangeRequest(
        id=cr_id, title=cr_id, body="b", created_by="me", repositories=(target,), settings_snapshot={}
    )
    async with store.transaction(tenant) as connection:
        await ChangeRequests(connection).create(new)


async def look(store: Database, cr_id: str) -> ChangeRequest:
    async with store.transaction() as connection:
        return await ChangeRequests(connection).get(cr_id)


async def types(store: Database, cr_id: str) -> list[str]:
    async with store.transaction() as connection:
        await Events(connection).number()
    async with store.transaction() as connection:
        return [event.type for event in await Events(connection).read(after=0, cr_id=cr_id)]


async def dispatch(store: Database, owner: str, *, total: int = 4, each: int = 4) -> Dispatched | None:
    async with store.transaction() as connection:
        limit = Limit(workers_max=total, tenant_workers_max=each)
        return await dispatch_next(connection, owner=owner, limit=limit, lost_after=LOST)


async def test_two_dispatchers_never_start_one_twice_nor_exceed_the_limit(
    store: Database, database: TestDatabase
) -> None:
    for number in range(12):
        await queue(store, f"cr-{number:02}")
    other = Database(database.app_url, tenant="default")
    try:
        found = await asyncio.gather(
            *(dispatch(one, f"ctl-{n}", total=7, each=7) for one in (store, other) for n in range(8))
        )
    finally:
        await other.close()
    started = [order.cr_id for order in found if order]
    assert sorted(started) == [f"cr-{number:02}" for number in range(7)]
    async with store.transaction() as connection:
        assert await ChangeRequests(connection).count(Status.RUNNING) == 7
        assert {await Leases(connection).epoch(cr_id) for cr_id in started} == {1}


async def test_tenants_take_turns_and_none_exceeds_its_own_limit(store: Database, database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('other', 'Other')")
    for number in range(5):
        await queue(store, f"ours-{number}")
    await queue(store, "theirs-0", "other")
    await queue(store, "theirs-1", "other")
    order: list[str] = []
    while started := await dispatch(store, "ctl", total=5, each=3):
        order.append(started.cr_id)
    assert order == ["ours-0", "theirs-0", "ours-1", "theirs-1", "ours-2"]


def test_a_submitted_change_request_is_launched_once_with_its_epoch(controller: Controller) -> None:
    cr_id = controller.submit()["id"]
    with controller.client().stream("GET", f"/api/v1/change-requests/{cr_id}/events") as stream:
        for line in stream.iter_lines():
            if '"status":"running"' in line:
                break
    client = controller.client()
    detail = client.get(f"/api/v1/change-requests/{cr_id}").json()
    assert (detail["status"], detail["worker"]["epoch"], detail["worker"]["alive"]) == ("running", 1, True)
    assert detail["queue_position"] is None
    while not controller.launcher.launched:
        client.get("/healthz")
    assert controller.launcher.launched == [Dispatched(tenant="default", cr_id=cr_id, attempt=1, epoch=1)]


def test_nothing_is_dispatched_while_workers_cannot_be_launched(start: Starter) -> None:
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        first, second = controller.submit()["id"], controller.submit()["id"]
        client = controller.client()
        positions = [client.get(f"/api/v1/change-requests/{cr_id}").json() for cr_id in (first, second)]
        assert [(one["status"], one["queue_position"]) for one in positions] == [("queued", 1), ("queued", 2)]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["workers"]) == (503, "workers cannot be started yet")


async def test_a_silent_worker_is_replaced_by_the_next_epoch(start: Starter, store: Database) -> None:
    await queue(store, "cr-1")
    async with store.transaction() as connection:
        await ChangeRequests(connection).move("cr-1", Move.DISPATCH)
        await Leases(connection).take("cr-1", "dead", lost_after=timedelta(seconds=-1))
    with start.running() as controller:
        await eventually(lambda: controller.launcher.launched)
        assert [order.epoch for order in controller.launcher.launched] == [2]
        assert controller.launcher.stopped == [("cr-1", 1)]
    assert "worker_lost" in await types(store, "cr-1")


async def test_a_controller_that_is_alone_replaces_its_predecessors_workers_at_once(
    start: Starter, store: Database
) -> None:
    await queue(store, "cr-1")
    assert await dispatch(store, "predecessor")
    with start.running(alone=True) as controller:
        await eventually(lambda: controller.launcher.launched)
        assert [order.epoch for order in controller.launcher.launched] == [2]


async def test_a_death_counts_once_and_a_worker_that_only_dies_pauses(store: Database) -> None:
    await queue(store, "cr-1")
    for death in range(1, DEATHS_MAX + 1):
        started = await dispatch(store, "ctl")
        assert started is not None and started.epoch == death
        outcomes = [await _died(store, death) for _ in range(3)]
        last = Status.PAUSED if death == DEATHS_MAX else Status.QUEUED
        assert outcomes == [last, None, None]
    paused = await look(store, "cr-1")
    assert (paused.pause_reason, paused.pause_facts["deaths"]) == (PauseReason.ATTEMPTS_EXHAUSTED, DEATHS_MAX)
    assert paused.pause_facts["last_kind"] == LossKind.CRASHED_AT_START, "none of them took its change request up"
    assert (await types(store, "cr-1")).count("worker_lost") == DEATHS_MAX


async def test_progress_between_deaths_begins_the_count_again(store: Database) -> None:
    await queue(store, "cr-1")
    for death in range(1, DEATHS_MAX + 3):
        assert await dispatch(store, "ctl")
        key = JournalKey(cr_id="cr-1", attempt=1, activation=f"a{death}", role="code_writer", instance="sample")
        await PostgresJournal(store).append(key, JournalEntry(seq=0, kind=EntryKind.ANSWERED, body={}))
        assert await _died(store, death) is Status.QUEUED


KILLED = WorkerLoss(kind=LossKind.KILLED, cause="killed")


async def _died(store: Database, epoch: int) -> Status | None:
    async with store.transaction() as connection:
        return await worker_died(connection, "cr-1", epoch, KILLED, deaths_max=DEATHS_MAX)


class Recorder:
    """Executes effects by a script: each key's next error, or success."""

    def __init__(self, errors: Mapping[str, list[BaseException]] | None = None) -> None:
        self.errors = dict(errors or {})
        self.executed: list[str] = []

    async def execute(self, effect: Effect) -> Pushed:
        self.executed.append(effect.key)
        if self.errors.get(effect.key):
            raise self.errors[effect.key].pop(0)
        return pushed(commit=effect.needs(Push).commit)


async def intend(store: Database, *keys: str, payload: Payload | None = None) -> None:
    async with store.transaction() as connection:
        for key in keys:
            await Effects(connection).intend(key=key, cr_id="cr-1", repository="sample", payload=payload or push())


def outbox(store: Database, database: TestDatabase, executor: Recorder, owner: str = "ctl") -> Outbox:
    """One whose next try of anything comes after the test, however long the first one takes on a busy machine."""
    return Outbox(
        database=store, bells=BellHub(PostgresTenantBell(store, database.app_url)),
        executors={EffectKind.PUSH: executor}, metrics=Metrics(), owner=owner,
        settings=EffectSettings(retry_s=3_600, retry_max_s=3_600),
    )  # fmt: skip


async def test_each_outcome_of_an_effect_is_recorded_with_its_event(store: Database, database: TestDatabase) -> None:
    await queue(store, "cr-1")
    await intend(store, "good", "refused", "person", "later", "bug")
    await intend(store, "not ours", payload=ClosePullRequest(attempt=1, comment="Never mind."))
    dirty = PersonNeeded(PauseReason.TARGET_CHECKOUT_DIRTY, "The checkout is dirty.", path="/srv/sample")
    executor = Recorder(
        {"refused": [Conflict("It moved.", field="ref", now="d")], "person": [dirty], "later": [TransientError("Away.")],
         "bug": [ValueError("ours")]}
    )  # fmt: skip
    await outbox(store, database, executor).tick()
    async with store.transaction() as connection:
        found = {effect.key: effect for effect in await Effects(connection).of("cr-1")}
    assert {key: effect.status for key, effect in found.items()} == {
        "good": "done", "refused": "conflict", "person": "refused", "later": "retry", "bug": "retry", "not ours": "retry",
    }  # fmt: skip
    assert found["good"].result == pushed()
    assert found["refused"].refusal == Refusal(facts={"now": "d"})
    assert found["person"].refusal == Refusal(reason=dirty.reason, facts={"path": "/srv/sample"})
    assert "ours" not in found["bug"].error
    assert (await types(store, "cr-1")).count("effect_recorded") == 3


async def test_what_cannot_be_read_holds_up_nothing_and_is_named_when_it_is_looked_at(
    store: Database, database: TestDatabase
) -> None:
    await queue(store, "cr-1")
    await intend(store, "k", "later", "damaged")
    async with store.transaction() as connection:
        await connection.execute(text("UPDATE effects SET kind = 'telegram' WHERE key = 'later'"))
        await connection.execute(text("UPDATE effects SET payload = '{}' WHERE key = 'damaged'"))
    executor = Recorder()
    await outbox(store, database, executor).tick()
    assert executor.executed == ["k"]
    async with store.transaction() as connection:
        with pytest.raises(UnreadableEffect) as unreadable:
            await Effects(connection).with_status(EffectStatus.INTENDED)
    assert unreadable.value.facts["kind"] == "telegram"


async def test_two_outboxes_execute_each_effect_once(store: Database, database: TestDatabase) -> None:
    await queue(store, "cr-1")
    await intend(store, *(f"k{number}" for number in range(30)))
    executor = Recorder()
    await asyncio.gather(*(outbox(store, database, executor, f"ctl-{n}").tick() for n in range(4)))
    assert sorted(executor.executed) == sorted(f"k{number}" for number in range(30))


async def test_a_crash_between_act_and_record_leads_to_another_look_not_another_outcome(
    store: Database, database: TestDatabase
) -> None:
    await queue(store, "cr-1")
    await intend(store, "k")
    async with store.transaction() as connection:
        (claimed,) = await Effects(connection).claim("crashed")
    executor = Recorder()
    await outbox(store, database, executor).tick()
    assert executor.executed == []
    async with store.transaction() as connection:
        await connection.execute(text("UPDATE effects SET claimed_until = now() - interval '1 second'"))
    await outbox(store, database, executor).tick()
    async with store.transaction() as connection:
        assert not await Effects(connection).record(claimed.id, status=EffectStatus.CONFLICT)
        await Effects(connection).retry_later(claimed, after=timedelta(0), error="late")
        assert (await Effects(connection).get(claimed.id)).status == "done"
    assert executor.executed == ["k"]
    assert (await types(store, "cr-1")).count("effect_recorded") == 1


async def test_an_effect_whose_executor_never_comes_back_becomes_a_dead_letter(
    store: Database, database: TestDatabase
) -> None:
    await queue(store, "cr-1")
    await intend(store, "k")
    async with store.transaction() as connection:
        await connection.execute(text("UPDATE effects SET tries = :tries"), {"tries": TRIES_MAX})
    executor = Recorder()
    await outbox(store, database, executor).tick()
    async with store.transaction() as connection:
        assert [effect.key for effect in await Effects(connection).with_status(EffectStatus.DEAD)] == ["k"]
    assert executor.executed == []


async def test_an_open_gate_is_reminded_of_once(start: Starter, store: Database) -> None:
    await queue(store, "cr-1")
    async with store.transaction() as connection:
        await Gates(connection).open(cr_id="cr-1", attempt=1, activation="a", content=release(), content_hash="h")
        await connection.execute(text("UPDATE gates SET created_at = now() - interval '2 days'"))
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        client = controller.client()
        with client.stream("GET", "/api/v1/change-requests/cr-1/events") as stream:
            for line in stream.iter_lines():
                if "waits for a person" in line:
                    break
        metrics = client.get("/metrics").text
    assert (await types(store, "cr-1")).count("warned") == 1
    assert 'changeline_background_healthy{loop="timers"} 1.0' in metrics


async def test_a_loop_that_fails_is_reported_and_comes_back(start: Starter, store: Database) -> None:
    await queue(store, "cr-1")
    async with store.transaction() as connection:
        await Events(connection).append("cr-1", events.Warned(message="hello", stage=Stage.INTAKE))
    failures = 3

    def fail_first(_order: Dispatched) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise RuntimeError("a bug in the launcher")

    launcher = ScriptedLauncher(on_launch=fail_first)
    with start.running(launcher=launcher) as controller:
        for number in range(4):
            await queue(store, f"cr-{number + 2}")
        await eventually(lambda: len(launcher.launched) >= 4)
        client = controller.client()
        await eventually(lambda: client.get("/readyz").json()["checks"]["dispatch"] == "ok")


async def test_what_is_in_an_executors_hands_when_its_change_request_ends_is_not_tried_again(
    store: Database, database: TestDatabase
) -> None:
    await queue(store, "cr-1")
    await intend(store, "succeeds", "fails", "vanishes")
    async with store.transaction() as connection:
        claimed = {effect.key: effect for effect in await Effects(connection).claim("ctl")}
    async with store.transaction() as connection:
        assert await Effects(connection).dismiss_open("cr-1") == []
        assert await Effects(connection).record(claimed["succeeds"].id, status=EffectStatus.DONE)
        assert not await Effects(connection).retry_later(claimed["fails"], after=timedelta(0), error="Away.")
        await connection.execute(text("UPDATE effects SET claimed_until = now() - interval '1 second'"))
    executor = Recorder()
    await outbox(store, database, executor).tick()
    async with store.transaction() as connection:
        found = {effect.key: effect.status for effect in await Effects(connection).of("cr-1")}
    assert found == {"succeeds": "done", "fails": "dismissed", "vanishes": "dismissed"}
    assert executor.executed == []


@pytest.mark.parametrize("status", [EffectStatus.DONE, EffectStatus.DISMISSED])
async def test_what_a_person_ended_is_not_executed(
    store: Database, database: TestDatabase, status: EffectStatus
) -> None:
    await queue(store, "cr-1")
    await intend(store, "k")
    async with store.transaction() as connection:
        (effect,) = await Effects(connection).of("cr-1")
        await Effects(connection).record(effect.id, status=status)
    executor = Recorder()
    await outbox(store, database, executor).tick()
    assert executor.executed == []


class DatabaseAtTimes(Database):
    """A database that is away while it is told so."""

    away = False

    @asynccontextmanager
    async def transaction(self, tenant: str | None = None) -> AsyncIterator[AsyncConnection]:
        if self.away:
            raise TransientError("The database did not answer.")
        async with super().transaction(tenant) as connection:
            yield connection


async def test_a_death_seen_while_the_database_was_away_is_recorded_when_it_is_back_and_not_when_the_lease_ends(
    store: Database, database: TestDatabase
) -> None:
    await queue(store, "cr-1")
    order = await dispatch(store, "ctl")
    assert order is not None
    at_times = DatabaseAtTimes(database.app_url, tenant="default")
    bells = BellHub(PostgresTenantBell(store, database.app_url))
    workers = Workers(
        database=at_times, bells=bells, launcher=ScriptedLauncher(), settings=ProcessSettings(), metrics=Metrics(), owner="ctl",
        alone=False, on_ready=lambda: None,
    )  # fmt: skip
    try:
        at_times.away = True
        await workers.worker_lost(order, KILLED)
        assert (await look(store, "cr-1")).status is Status.RUNNING
        with pytest.raises(TransientError):
            await workers.reap()
        at_times.away = False
        await workers.reap()
    finally:
        await at_times.close()
    assert ((await look(store, "cr-1")).status, (await types(store, "cr-1")).count("worker_lost")) == ("queued", 1)
