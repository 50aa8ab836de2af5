"""A ring travels with the commit that it announces: never before it, never without it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import psycopg
import pytest

from pipeline import events
from pipeline.change_request import Move, Status, WaitKind
from pipeline.store.bell import CHANNEL, PostgresTenantBell, ring_at_commit
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.leases import Leases
from pipeline.store.run_records.of_run import records_of
from pipeline.store.runs import Ending, Runs
from tests.database import TestDatabase

Heard = Callable[[Awaitable[None]], Awaitable[list[str]]]


@pytest.fixture
async def heard(database: TestDatabase, store: Database) -> AsyncIterator[Heard]:
    """Returns what rings while something is done; rings come in the order of commits, so a last one ends the list."""
    async with await psycopg.AsyncConnection.connect(database.app_url, autocommit=True) as listening:
        await listening.execute(f"LISTEN {CHANNEL}")

        async def during(act: Awaitable[None]) -> list[str]:
            await act
            await PostgresTenantBell(store, database.app_url).ring("default", "last")
            topics: list[str] = []
            async for ring in listening.notifies():
                if ring.payload == "default/last":
                    break
                topics.append(ring.payload)
            return topics

        yield during


async def test_an_event_rings_with_its_own_commit(store: Database, cr: str, heard: Heard) -> None:
    records = records_of(store, cr_id=cr, attempt=1)
    assert await heard(records.events.emit(events.Warned(message="look"))) == ["default/events"]


async def test_what_is_rolled_back_never_rings(store: Database, heard: Heard) -> None:
    async def fail() -> None:
        async with store.transaction() as connection:
            await ring_at_commit(connection, "default", "events")
            await connection.rollback()

    assert await heard(fail()) == []


@pytest.mark.parametrize(
    ("ending", "rung"),
    [
        (
            Ending(move=Move.WAIT, status=Status.WAITING, wait=WaitKind.GATE, wait_id="g-1"),
            ["default/events", "default/effects"],
        ),
        (Ending(move=Move.REQUEUE, status=Status.QUEUED), ["default/events", "default/queue"]),
    ],
)
async def test_a_worker_that_leaves_is_heard_by_whoever_has_to_go_on(
    store: Database, cr: str, heard: Heard, ending: Ending, rung: list[str]
) -> None:
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(cr, Move.DISPATCH)
        epoch = await Leases(connection).take(cr, "me", lost_after=timedelta(seconds=90))
    assert await heard(Runs(store, cr_id=cr, epoch=epoch).end(ending)) == rung


async def test_a_listener_that_is_cancelled_twice_leaves_no_connection_behind(
    store: Database, database: TestDatabase
) -> None:
    bell = PostgresTenantBell(store, database.app_url)
    heard = asyncio.Event()

    async def listen() -> None:
        async for _ in bell.listen():
            heard.set()

    listening = asyncio.create_task(listen())
    while not heard.is_set():
        await bell.ring("default", "events")
        await asyncio.sleep(0)
    listening.cancel()
    await asyncio.sleep(0)
    listening.cancel()
    await asyncio.wait({listening})
    del listening
    gc.collect()  # an open connection would be told as a ResourceWarning, which is an error here
