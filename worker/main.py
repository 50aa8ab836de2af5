"""A worker process from its order to its exit code: heartbeat, stop signals, one run."""

import asyncio
import contextlib
import signal

from langgraph.runtime import RunControl

from pipeline.settings import Settings
from worker.control import stop_asked
from worker.heartbeat import Heartbeat
from worker.loop import execute
from worker.order import Order
from worker.wiring import database_url, hands


def run(order: Order, settings: Settings) -> int:
    """Execute one lease in this process; returns the exit code."""
    return asyncio.run(_run(order, settings))


async def _run(order: Order, settings: Settings) -> int:
    drain = RunControl()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain.request_drain)
    async with hands(order, settings) as held:
        heartbeat = Heartbeat(
            database_url(settings),
            tenant=order.tenant,
            identity=held.identity,
            settings=settings.lease,
            activity=lambda: "working",
        )
        heartbeat.start()
        try:
            return await execute(held, lambda: stop_asked(held.runs, held.bell, order.cr_id), drain)
        finally:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
            heartbeat.stop()
