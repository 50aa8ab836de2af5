"""A worker process that is frozen past its lease and woken: nothing it does is visible to anyone."""

import os
import signal
import subprocess
from datetime import timedelta

import psycopg

from cli import own_processes
from pipeline.change_request import Status
from pipeline.store.dispatching import Dispatched, Limit, dispatch_next
from pipeline.store.leases import Leases
from tests.controller.conftest import eventually
from tests.line import scenarios
from tests.line.harness import LineRun
from worker.loop import FENCED_EXIT

BEAT_S, LOST_AFTER_S = 0.3, 3.0


async def dispatched(line: LineRun) -> Dispatched:
    async with line.store.transaction() as connection:
        sent = await dispatch_next(
            connection, owner="test", limit=Limit(workers_max=1, tenant_workers_max=1),
            lost_after=timedelta(seconds=60),
        )  # fmt: skip
    assert sent is not None
    line.epoch = sent.epoch
    return sent


def worker(line: LineRun, order: Dispatched) -> "subprocess.Popen[bytes]":
    """Start a real worker process on this line."""
    settings = {
        "CHANGELINE_DATA_DIR": str(line.root / "data"),
        "CHANGELINE_SCENARIO": str(line.root / "scenario.yaml"),
        "CHANGELINE_DATABASE__URL": line.database.app_url,
        "CHANGELINE_ANTHROPIC__BASE_URL": line.model.base_url,
        "CHANGELINE_ANTHROPIC__API_KEY": "sk-test",
        "CHANGELINE_ENVIRONMENT__OFFLINE": "true",
        "CHANGELINE_LEASE__BEAT_S": str(BEAT_S),
        "CHANGELINE_LEASE__LOST_AFTER_S": str(LOST_AFTER_S),
    }
    argv = own_processes.command("worker", "--cr", order.cr_id, "--epoch", str(order.epoch))
    return subprocess.Popen(argv, env={**own_processes.environment(), **settings}, start_new_session=True)


def everything(line: LineRun) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, and every ref of the remote."""
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    with psycopg.connect(line.database.superuser_url) as connection:
        names = [str(row[0]) for row in connection.execute(tables).fetchall()]
        rows: dict[str, list[tuple[object, ...]]] = {
            name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1").fetchall()  # noqa: S608 - tables of our own
            for name in names
        }
    return {**rows, "refs": [(ref, line.repositories["sums"].head(ref)) for ref in line.repositories["sums"].refs()]}


async def test_a_worker_frozen_past_its_lease_and_woken_changes_nothing(line: LineRun) -> None:
    slow = scenarios.part(
        "code_writer",
        scenarios.turn(scenarios.bash("echo stale >> calc.py"), delay_ms=1_500),
        scenarios.turn(scenarios.create("calc.py", scenarios.CODE)),
        scenarios.turn(scenarios.submit_code()),
    )
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(slow))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    frozen = worker(line, await dispatched(line))
    try:
        await line.until_asked("code_writer")
        os.kill(frozen.pid, signal.SIGSTOP)

        async def fell_silent() -> bool:
            async with line.store.transaction() as connection:
                return bool(await Leases(connection).expired())

        await eventually(fell_silent)
        await line.bury()
        await line.to_the_gate()
        assert line.epoch == 2
        before, asked = everything(line), len(line.asked())
        os.kill(frozen.pid, signal.SIGCONT)
        assert frozen.wait() == FENCED_EXIT
    finally:
        frozen.kill()
        frozen.wait()
    assert everything(line) == before
    assert len(line.asked()) == asked, "it asked nothing more"
    await line.decide_and_finish()
    assert line.repositories["sums"].text("calc.py") == scenarios.CODE.strip()
    assert (await line.read()).status is Status.COMPLETED
