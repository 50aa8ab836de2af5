"""A cancellation reaches whoever waits, also in the moment in which the wait is over."""

import asyncio
from contextlib import suppress

import pytest

from pipeline.agents.interruption import SpokenTo, unless_spoken_to
from pipeline.concurrency.cancellation import ended, until_set


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancellation_in_the_moment_of_a_ring_is_not_lost(steps: int) -> None:
    rung = asyncio.Event()

    async def listen() -> None:
        while True:
            await until_set(rung, 60)
            rung.clear()

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    rung.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    listening.cancel()
    await asyncio.wait({listening})
    assert listening.cancelled()


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    begun = asyncio.Event()

    async def deaf_once() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf_once())
    await begun.wait()
    await ended(task)
    assert task.cancelled()


async def test_work_is_over_before_anything_follows_whoever_ends_it() -> None:
    noted = list[str]()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
            return ""
        finally:
            await asyncio.sleep(0.01)
            noted.append("put away")

    async def spoken() -> None:
        await asyncio.sleep(0)

    with pytest.raises(SpokenTo):
        await unless_spoken_to(work(), spoken())
    assert noted == ["put away"]
    paused = asyncio.create_task(unless_spoken_to(work(), asyncio.Event().wait()))  # type: ignore[arg-type]  # never returns
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    paused.cancel()
    await asyncio.wait({paused})
    assert paused.cancelled()
    assert noted == ["put away"] * 2


async def test_who_cannot_listen_only_waits() -> None:
    async def work() -> str:
        await asyncio.sleep(0.01)
        return "done"

    async def spoken() -> None:
        raise ConnectionError

    assert await unless_spoken_to(work(), spoken()) == "done"
