"""Where the controller listens, and how it says that it cannot."""

import asyncio
import signal
import socket
from collections.abc import Iterator

import psycopg
import pytest

from controller.serve import bind
from pipeline.errors import CallerError
from tests.controller.conftest import Controller, Starter, eventually, submission
from tests.controller.fakes import ScriptedLauncher


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_taken_port_is_one_clear_sentence(taken: int) -> None:
    with pytest.raises(CallerError, match="cannot be used") as refused:
        bind("127.0.0.1", taken)
    assert (refused.value.field, "CHANGELINE_CONTROLLER__PORT" in (refused.value.remedy or "")) == (
        "controller.port", True,
    )  # fmt: skip
    with pytest.raises(CallerError, match="not an address"):
        bind("127.0.0.1.nowhere.invalid", 0)


async def test_open_streams_end_when_the_controller_stops(start: Starter) -> None:
    lines: list[str] = []
    with start.running() as controller:
        client = controller.async_client()

        async def follow() -> None:
            async with client.stream("GET", "/api/v1/events") as stream:
                lines.extend([line async for line in stream.aiter_lines()])

        following = asyncio.create_task(follow())
        metrics = controller.async_client(None)

        async def open_streams() -> bool:
            return "changeline_event_streams 1.0" in (await metrics.get("/metrics")).text

        await eventually(open_streams)
        await metrics.aclose()
    await following
    await client.aclose()
    assert lines[0].startswith("retry: ")


def test_signals_of_the_process_are_left_alone_when_somebody_else_stops_it(start: Starter) -> None:
    before = signal.getsignal(signal.SIGINT)
    with start.running() as controller:
        assert controller.client().get("/healthz").status_code == 200
        assert signal.getsignal(signal.SIGINT) is before


def test_a_database_that_goes_away_is_a_problem_and_comes_back(start: Starter) -> None:
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        client = controller.client()
        _terminate_backends(controller)
        statuses = [client.get("/api/v1/change-requests").status_code]
        while statuses[-1] != 200:
            statuses.append(client.get("/api/v1/change-requests").status_code)
        # A back end may die under a request that has begun: that one is asked to come again, and none crashes.
        assert set(statuses) <= {200, 503}
        while client.get("/readyz").json()["checks"]["bells"] != "ok":
            client.get("/healthz")
        while (answer := client.post("/api/v1/change-requests", json=submission())).status_code == 503:
            assert answer.headers["Retry-After"]
        assert answer.status_code == 202


def _terminate_backends(controller: Controller) -> None:
    with psycopg.connect(controller.database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
