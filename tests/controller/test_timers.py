"""Timers: due-time rows on the database's clock. Time passes here by moving rows, never by waiting."""

from typing import Any

import pytest
from sqlalchemy import text

from controller.background.bells import BellHub
from controller.background.timers import TimerLoop
from pipeline import events
from pipeline.change_request import Move, PauseReason, RepositoryTarget, Status, WaitKind
from pipeline.gates.gate import Decision
from pipeline.records import NewChangeRequest
from pipeline.settings.process import TimerSettings
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.leases import Leases
from tests.controller.test_background import LOST, look
from tests.database import TestDatabase
from tests.gates import release


class Line:
    """One change request, the timers of its controller, and a clock that is the rows' own."""

    def __init__(self, store: Database, database: TestDatabase) -> None:
        self.store = store
        self._url = database.app_url

    async def tick(self) -> None:
        """As one controller does; a fresh one each time, so nothing is remembered but rows."""
        hub = BellHub(PostgresTenantBell(self.store, self._url))
        await TimerLoop(database=self.store, bells=hub, settings=TimerSettings()).tick()

    async def passes(self, time: str) -> None:
        """Let time pass: everything that was happened that much earlier."""
        moved = (
            ("timers", "due_at"), ("gates", "created_at"), ("events", "at"), ("leases", "acquired_at"),
            ("change_requests", "updated_at"),
        )  # fmt: skip
        async with self.store.transaction() as connection:
            for table, column in moved:
                await connection.execute(
                    text(f"UPDATE {table} SET {column} = {column} - CAST(:time AS interval)"),  # noqa: S608 - names of this test
                    {"time": time},
                )
            since = (
                "jsonb_set(payload, '{since}', to_jsonb((payload->>'since')::timestamptz - CAST(:time AS interval)))"
            )
            await connection.execute(
                text(f"UPDATE timers SET payload = {since} WHERE payload ? 'since'"),  # noqa: S608 - a constant of this test
                {"time": time},
            )

    async def says(self, event: Any) -> None:
        async with self.store.transaction() as connection:
            await Events(connection).append("cr-1", event)

    async def warnings(self, about: str) -> list[str]:
        async with self.store.transaction() as connection:
            await Events(connection).number()
        async with self.store.transaction() as connection:
            told = await Events(connection).read(after=0, types=["warned"])
        return [one.payload["message"] for one in told if one.payload.get("about") == about]

    async def move(self, move: Move, **said: Any) -> None:
        async with self.store.transaction() as connection:
            await ChangeRequests(connection).move("cr-1", move, **said)


@pytest.fixture
async def line(store: Database, database: TestDatabase) -> Line:
    target = RepositoryTarget(name="sums", remote="/srv/sums", base_branch="main")
    new = NewChangeRequest(
        id="cr-1", title="t", body="b", created_by="me", repositories=(target,), settings_snapshot={}
    )
    async with store.transaction() as connection:
        await ChangeRequests(connection).create(new)
        await ChangeRequests(connection).move("cr-1", Move.DISPATCH)
        await Leases(connection).take("cr-1", "ctl", lost_after=LOST)
    return Line(store, database)


async def test_an_open_gate_is_reminded_of_each_day_until_it_is_decided(line: Line) -> None:
    await line.move(Move.WAIT, wait=WaitKind.GATE, wait_id="g")
    async with line.store.transaction() as connection:
        gate, _ = await Gates(connection).open(
            cr_id="cr-1", attempt=1, activation="a", content=release(), content_hash="h"
        )
    await line.passes("23 hours")
    await line.tick()
    assert await line.warnings("reminder") == []
    for day in (1, 2):
        await line.passes("25 hours")
        await line.tick()
        await line.tick()
        assert len(await line.warnings("reminder")) == day
    await line.passes("100 days")
    await line.tick()
    await line.tick()
    assert len(await line.warnings("reminder")) == 3
    async with line.store.transaction() as connection:
        await Gates(connection).decide(gate.id, decision=Decision.APPROVE, content_hash="h", actor="me")
    await line.passes("25 hours")
    await line.tick()
    assert len(await line.warnings("reminder")) == 3


async def test_a_review_that_nobody_gives_pauses_after_two_days(line: Line) -> None:
    await line.move(Move.WAIT, wait=WaitKind.REVIEW, wait_id="pr-1")
    await line.tick()
    await line.passes("47 hours")
    await line.tick()
    assert (await look(line.store, "cr-1")).status is Status.WAITING
    await line.passes("2 hours")
    await line.tick()
    cr = await look(line.store, "cr-1")
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.REVIEW_TIMEOUT)
    assert cr.pause_message == "Nobody reviewed the pull request for 48 hours."
    await line.tick()


async def test_a_review_that_came_leaves_no_timer_to_the_next_one(line: Line) -> None:
    await line.move(Move.WAIT, wait=WaitKind.REVIEW, wait_id="pr-1")
    await line.tick()
    await line.passes("47 hours")
    await line.move(Move.REQUEUE)
    await line.move(Move.DISPATCH)
    await line.move(Move.WAIT, wait=WaitKind.REVIEW, wait_id="pr-2")
    await line.passes("2 hours")
    await line.tick()
    assert (await look(line.store, "cr-1")).status is Status.WAITING
    await line.passes("47 hours")
    await line.tick()
    assert (await look(line.store, "cr-1")).pause_reason is PauseReason.REVIEW_TIMEOUT


async def test_silence_is_reported_once_until_something_is_heard_again(line: Line) -> None:
    await line.says(events.StageEntered())
    await line.tick()
    await line.passes("4 minutes")
    await line.tick()
    assert await line.warnings("silence") == []
    for _ in range(3):
        await line.passes("2 minutes")
        await line.tick()
    assert await line.warnings("silence") == ["It runs, but nothing was heard of it for 5 minutes."]
    await line.says(events.AgentTurn(instance="sums", turn=1))
    await line.tick()
    await line.passes("6 minutes")
    await line.tick()
    assert len(await line.warnings("silence")) == 2
    assert (await look(line.store, "cr-1")).status is Status.RUNNING


async def test_what_waits_or_was_just_taken_up_again_is_not_silent(line: Line) -> None:
    await line.says(events.StageEntered())
    await line.move(Move.WAIT, wait=WaitKind.GATE, wait_id="g")
    await line.passes("3 hours")
    await line.tick()
    await line.move(Move.REQUEUE)
    await line.move(Move.DISPATCH)
    async with line.store.transaction() as connection:
        await Leases(connection).take("cr-1", "ctl", lost_after=LOST)
    await line.tick()
    assert await line.warnings("silence") == []
