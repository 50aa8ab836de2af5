"""A worker process from its order to its exit code: heartbeat, stop signals, one run."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

from langgraph.runtime import RunControl

from pipeline.ports import Isolation
from pipeline.settings.process import ProcessSettings
from worker.control import Stop, first_to_stop, stop_asked, time_used_up
from worker.heartbeat import Heartbeat
from worker.loop import execute
from worker.order import Order
from worker.wiring import Hands, database_url, hands

Prepare = Callable[[Hands], Hands]
"""Changes what a worker works with before it starts, such as wrapping a port to time it."""


def run(
    order: Order, settings: ProcessSettings, isolation: Isolation | None = None, *, prepare: Prepare | None = None
) -> int:
    """Execute one lease in this process; returns the exit code. `isolation` saves another look at this machine."""
    return asyncio.run(_run(order, settings, isolation, prepare))


async def stop_wanted(held: Hands) -> Stop:
    """Return once a person or the clock stops this run."""
    context = held.context
    limits = context.settings.pipeline
    return await first_to_stop(
        stop_asked(held.runs, held.bell, context.cr_id, held.heard),
        time_used_up(context.progress, limits, context.clock),
    )


async def _run(order: Order, settings: ProcessSettings, isolation: Isolation | None, prepare: Prepare | None) -> int:
    drain = RunControl()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain.request_drain)
    async with hands(order, settings, isolation) as held:
        heartbeat = Heartbeat(
            database_url(settings),
            tenant=order.tenant,
            identity=held.identity,
            settings=settings.lease,
            activity=lambda: "working",
        )
        heartbeat.start()
        try:
            working = prepare(held) if prepare else held
            return await execute(working, lambda: stop_wanted(working), drain)
        finally:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            heartbeat.stop()
