"""Finish a durable step even when the task around it is cancelled.

Problem: a cancellation in the middle of a journal append leaves nobody knowing whether the entry exists, and the next
entry would then take its place. Choice: the step runs as a task of its own; a cancellation waits for its end and is
raised only then.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(step: Coroutine[Any, Any, T]) -> T:
    """Run `step` to its end; a cancellation that arrives meanwhile is raised afterwards.

    If the step itself fails, its own error is raised, because it says more than the cancellation.
    """
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
    result = task.result()
    if cancelled is not None:
        raise cancelled
    return result
