"""Two controller processes on one database: either may be killed; everything still happens, and happens once."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from cli import own_processes
from pipeline.change_request import Status
from pipeline.gates.gate import Decision
from tests.controller.conftest import eventually
from tests.database import TestDatabase
from tests.line import scenarios
from tests.line.harness import LineRun, controller_of, settings_of
from tests.scripted import ScriptedServer, scripted_server

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]


@pytest.fixture
def root() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="changeline-test-controllers-"))
    made.chmod(0o755)
    (made / "data").mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def model() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.play(scenarios.scenario())
        yield server


@pytest.fixture
async def line(database: TestDatabase, model: ScriptedServer, root: Path) -> AsyncIterator[LineRun]:
    settings = settings_of(root, database, model)
    context = controller_of(settings)
    yield LineRun(database=database, model=model, root=root, settings=settings, controller=context)
    await context.bells.close()
    await context.database.close()


@contextmanager
def controller(line: LineRun) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a controller as its process, with a fork server of its own."""
    told = {
        "DATA_DIR": str(line.root / "data"), "SCENARIO": str(line.root / "scenario.yaml"),
        "DATABASE__URL": line.database.app_url, "REDIS__EMBEDDED": "false",
        "ANTHROPIC__BASE_URL": line.model.base_url, "ANTHROPIC__API_KEY": "sk-test",
        "ENVIRONMENT__OFFLINE": "true", "CONTROLLER__PORT": "0", "CONTROLLER__WORKERS_MAX": "4",
        "LEASE__BEAT_S": "1", "LEASE__LOST_AFTER_S": "12",
    }  # fmt: skip
    environment = {**own_processes.environment(), **{f"CHANGELINE_{name}": value for name, value in told.items()}}
    log = (line.root / f"controller-{os.urandom(4).hex()}.log").open("wb")
    with (
        log,
        subprocess.Popen(
            own_processes.command("controller"), env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@pytest.mark.thorough
@pytest.mark.parametrize("change_requests", [2, 12])
async def test_every_change_request_completes_once_though_one_of_two_controllers_is_killed(
    line: LineRun, change_requests: int
) -> None:
    lines = [replace(line, cr_id=f"cr-{number}", repositories={}) for number in range(change_requests)]
    for one in lines:
        one.repository(scenarios.FILES, name=f"sums-{one.cr_id}")
        await one.submit(title=scenarios.TITLE, body=scenarios.BODY)
    with controller(line) as first, controller(line) as second:
        await eventually(lambda: len(line.asked()) > change_requests)
        doomed = max(first, second, key=lambda one: _owned(line, one.pid))  # either may have been the quicker one
        assert _owned(line, doomed.pid) >= 1
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        await asyncio.gather(*(_approved(one) for one in lines))
    for one in lines:
        (repository,) = one.repositories.values()
        assert len(repository.subjects()) == 2, "merged once"
        assert repository.refs() == ["refs/heads/main"]
        kinds = Counter(effect.kind for effect in await one.effects())
        assert kinds == Counter(push=1, pull_request=1, merge=1, delete_ref=1, delete_snapshots=1)
        started = [event.payload["epoch"] for event in await one.events("worker_started")]
        assert len(started) == len(set(started)), "one worker per epoch"
        moves = [event.payload["status"] for event in await one.events("status_changed")]
        assert moves.count("completed") == moves.count("waiting") == 1


def _owned(line: LineRun, pid: int) -> int:
    """Return how many change requests run under a controller."""
    query = "SELECT count(*) FROM leases JOIN change_requests ON id = cr_id WHERE status = 'running' AND owner LIKE %s"
    with psycopg.connect(line.database.superuser_url) as connection:
        row = connection.execute(query, [f"%:{pid}:%"]).fetchone()
    return int(row[0]) if row else 0


async def _approved(line: LineRun) -> None:
    await _until(line, Status.WAITING)
    await line.decide(Decision.APPROVE)
    await _until(line, Status.COMPLETED)


async def _until(line: LineRun, wanted: Status) -> None:
    while (cr := await line.read()).status is not wanted:
        assert cr.status is not Status.PAUSED, json.dumps([cr.pause_reason, cr.pause_message, cr.pause_facts])
        await asyncio.sleep(0.5)
