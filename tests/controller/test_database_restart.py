"""PostgreSQL restarts under a controller: loops and streams come back by themselves, and no event is missed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from pipeline import events
from pipeline.errors import DatabaseAway
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.controller.conftest import Controller, Starter, eventually
from tests.controller.test_events import received, signed_in
from tests.database import TestDatabase, TestServer, server

EVENTS = 60


@pytest.fixture(scope="module")
def restarted() -> Iterator[TestServer]:
    """A server of this module's own, because others would feel its restarts."""
    with server() as running:
        yield running


@pytest.fixture
def database(restarted: TestServer) -> Iterator[TestDatabase]:
    created = restarted.create("restarted", template="template_changeline")
    yield created
    restarted.drop(created.name)


@pytest.fixture
def controller(database: TestDatabase) -> Iterator[Controller]:
    with Starter(database).running() as running:
        yield running


@pytest.fixture
async def store(database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(database.app_url, tenant="default")
    yield opened
    await opened.close()


async def test_loops_bells_and_streams_outlive_restarts_of_the_database(
    controller: Controller, store: Database, restarted: TestServer
) -> None:
    cr_id = controller.submit()["id"]
    async with signed_in(controller) as client:
        following = asyncio.create_task(_follow(client, f"/api/v1/change-requests/{cr_id}/events"))
        for number in range(EVENTS):
            await _append(store, cr_id, f"event {number}")
            if number in {20, 40}:
                await asyncio.to_thread(restarted.restart)
        seen = await following
    numbers = [event["seq"] for event in seen]
    assert numbers == sorted(set(numbers))
    said = [event["payload"]["message"] for event in seen if event["type"] == "warned"]
    assert said == [f"event {number}" for number in range(EVENTS)]
    reader = controller.client()

    def well() -> bool:
        ready = reader.get("/readyz")
        return ready.status_code == 200 and set(ready.json()["checks"].values()) == {"ok"}

    await eventually(lambda: asyncio.to_thread(well))
    second = (await asyncio.to_thread(controller.submit))["id"]
    await eventually(lambda: second in {order.cr_id for order in controller.launcher.launched})


async def test_while_the_database_is_away_the_log_says_so_once_and_without_a_traceback(
    controller: Controller, restarted: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    cr_id, client = controller.submit()["id"], controller.client()
    with capture_logs() as lines:
        async with signed_in(controller) as watching:
            following = asyncio.create_task(_until_cut(watching, f"/api/v1/change-requests/{cr_id}/events"))
            await asyncio.to_thread(restarted.go_away)
            try:
                for _ in range(5):
                    refused = await asyncio.to_thread(client.get, "/api/v1/change-requests")
                    assert refused.status_code == 503
                await eventually(lambda: any(one["event"] == "outage_began" for one in lines))
            finally:
                await asyncio.to_thread(restarted.serve)
            await eventually(lambda: any(one["event"] == "outage_ended" for one in lines))
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    told = [one for one in lines if one["event"].startswith("outage")]
    assert [one["event"] for one in told] == ["outage_began", "outage_ended"], told
    assert told[0]["kind"] == "DatabaseAway" and told[1]["failures"] > 1
    assert [one for one in lines if one.get("exc_info")] == []
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []
    counted = client.get("/metrics").text
    assert 'route="/api/v1/change-requests",status="503"} 5.0' in counted


async def _until_cut(client: httpx2.AsyncClient, path: str) -> None:
    async with client.stream("GET", path) as stream:
        async for _ in received(stream):
            pass


async def _append(store: Database, cr_id: str, message: str) -> None:
    """Write one event, once, as the database comes and goes: a commit whose answer was lost is looked up."""
    while True:
        try:
            async with store.transaction() as connection:
                await Events(connection).append(cr_id, events.Warned(message=message))
        except DatabaseAway:
            await asyncio.sleep(0.05)
        else:
            return


async def _follow(client: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Follow as a browser does: whenever the stream breaks or is refused, again from the last id."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["payload"] != {"type": "warned", "message": f"event {EVENTS - 1}"}:
        headers = {"Last-Event-ID": str(seen[-1]["seq"])} if seen else {}
        try:
            async with client.stream("GET", path, headers=headers) as stream:
                if stream.status_code == 200:
                    async for event in received(stream):
                        seen.append(event)
                        if f"event {EVENTS - 1}" in str(event["payload"]):
                            return seen
        except httpx2.HTTPError:
            await asyncio.sleep(0.05)
    return seen
