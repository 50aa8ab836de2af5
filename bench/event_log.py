"""How fast events are written down, numbered and read, beside inserts that nobody numbers or reads.

Each event is a transaction of its own, fenced by the worker's lease, as workers write them.
"""

import asyncio
import time

from bench import floors
from bench.figures import RATE, Figure, Floor, figure
from bench.installation import Installation
from bench.leased import Leased, leased
from pipeline import events
from pipeline.store.engine import Database
from pipeline.store.events import Events

GROUP = "events"
PAGE = 500
WRITERS = 4
EVENT = events.AgentTurn(instance="bench", turn=1, text="The model said one line that people read in the live view.")


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Append by one writer and by several, then number and read everything."""
    return asyncio.run(_measure(installation, rounds=3 if quick else 8, each=100 if quick else 200))


async def _measure(installation: Installation, *, rounds: int, each: int) -> list[Figure]:
    door = Database(installation.servers.app_url, tenant=installation.settings.tenant, pool_max=1)
    alone: list[float] = []
    together: list[float] = []
    served: list[float] = []
    after = 0
    async with leased(installation) as lease:
        await _append(lease, each)
        after, _ = await _number_and_read(door, after)
        for _ in range(rounds):
            alone.append(each / await _append(lease, each))
            started = time.perf_counter()
            await asyncio.gather(*(_append(lease, each) for _ in range(WRITERS)))
            together.append(WRITERS * each / (time.perf_counter() - started))
            after, took_s = await _number_and_read(door, after)
            served.append((1 + WRITERS) * each / took_s)
    await door.close()
    body = EVENT.model_dump_json().encode()
    inserts = floors.committed_inserts(floors.plain_database(installation), rounds * each, body)
    bare = [1000 / sample for sample in inserts]
    bare_figure = figure(GROUP, "floor: bare committed inserts, one connection", bare, RATE)
    floor = Floor("bare committed inserts", bare_figure.value)
    return [
        figure(GROUP, "append, one writer", alone, RATE, floor=floor),
        figure(GROUP, f"append, {WRITERS} writers", together, RATE, floor=floor),
        figure(GROUP, "number and read", served, RATE, floor=floor),
        bare_figure,
    ]


async def _append(lease: Leased, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        async with lease.database.transaction() as connection:
            await Events(connection).append(lease.identity.cr_id, EVENT)
    return time.perf_counter() - started


async def _number_and_read(door: Database, after: int) -> tuple[int, float]:
    """Number and read to the end, as the tailer does; returns the last number and the seconds."""
    started = time.perf_counter()
    while True:
        async with door.transaction() as connection:
            if not await Events(connection).number():
                break
    while True:
        async with door.transaction() as connection:
            found = await Events(connection).read(after=after, limit=PAGE)
        if not found:
            return after, time.perf_counter() - started
        after = found[-1].seq
