"""Do several things at once, and leave nothing running when one of them fails.

Problem: after `asyncio.gather` raised, the other tasks go on: they spend money and write to conversations that the next
run takes up as well. Choice: the first failure cancels the rest, waits until they are gone, and is raised as it is, so
that a pause keeps its type.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """Return the results in the order given, or raise the first failure after everything has ended."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
