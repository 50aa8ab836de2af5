"""What is away is told once; what is broken keeps its traceback."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from controller.background.supervision import Loop, supervise
from controller.outages import QUIET_S, Outages
from pipeline.errors import DatabaseAway, TransientError


async def _fail_together(*errors: Exception) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as group:
        for error in errors:
            group.create_task(fail(error))


@pytest.mark.parametrize(
    ("second", "told"),
    [(TransientError("The remote is away."), "outage_began"), (KeyError("a bug"), "background_tick_failed")],
)
async def test_a_loop_whose_tasks_all_met_what_is_away_is_no_bug(second: Exception, told: str) -> None:
    reached = asyncio.Event()

    async def tick() -> None:
        reached.set()
        await _fail_together(DatabaseAway("Gone."), second)

    with capture_logs() as lines:
        running = asyncio.create_task(supervise([Loop(name="outbox", tick=tick, interval_s=60)], Outages()))
        await reached.wait()
        while not lines:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [one["event"] for one in lines] == [told]
    assert bool(lines[0].get("exc_info")) is (told == "background_tick_failed")


def test_another_outage_after_a_quiet_time_is_told_again() -> None:
    clock: Iterator[float] = iter([0.0, 1.0, 2.0, 2.0 + QUIET_S])
    outages, away = Outages(lambda: next(clock)), DatabaseAway("Gone.")
    with capture_logs() as lines:
        outages.note_failure(away, by="a")
        outages.note_failure(away, by="b")
        outages.note_recovery(away)
        outages.note_recovery(away)
        outages.note_failure(away, by="c")
    assert [(one["event"], one.get("by"), one.get("failures")) for one in lines] == [
        ("outage_began", "a", None), ("outage_ended", None, 2), ("outage_began", "c", None),
    ]  # fmt: skip
