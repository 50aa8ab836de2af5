"""Waiting and ending in ways that a cancellation always reaches.

Problem: on Python 3.11 `asyncio.wait_for` loses a cancellation that comes in the moment in which what it waits for is done,
and a loop around it then runs for ever while somebody waits for its end. Choice: our own waits use `asyncio.timeout`, which
loses none; tasks that run a driver's waits are cancelled until they are done.
"""

import asyncio
from typing import Any

_CANCEL_AGAIN_S = 1.0


async def until_set(event: asyncio.Event, at_most_s: float) -> None:
    """Return when `event` is set, or after the time."""
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        return


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks until they are done, whatever they end with. Not for tasks that clean up for long when cancelled."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
