"""Work that stops when a person says something: the answer of a model, or a tool.

Problem: an instruction that waits for the end of an hour's command steers nothing. Choice: whatever an agent waits for is
raced against its people; when they are first it is cancelled, as a pause would cancel it, and the conversation goes on with
their words. Invariant: cancelled work is waited for, so what it must write down is written before anything follows.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pipeline.concurrency.cancellation import ended

T = TypeVar("T")


class SpokenTo(Exception):
    """Somebody said something before the work was done; it was cancelled."""


async def unless_spoken_to(work: Coroutine[Any, Any, T], spoken: Coroutine[Any, Any, None]) -> T:
    """Return what `work` comes to, or cancel it and raise `SpokenTo` when `spoken` returns first.

    Problems of listening are no problems of the work: then it is only waited for.
    """
    working, hearing = asyncio.ensure_future(work), asyncio.ensure_future(spoken)
    try:
        await asyncio.wait({working, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and hearing.exception() is None:
            working.cancel()
            await asyncio.wait({working})
            if working.cancelled():
                raise SpokenTo
        return await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await ended(hearing)
