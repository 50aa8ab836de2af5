"""What the journal adds to a turn: the time of its entries, and whether a late turn writes more than an early one.

One conversation of many turns with a stopwatch at the journal's port; everything else is the product. The floor is the
same bodies, as many rows in as many transactions, on a plain table.
"""

import asyncio
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bench import floors, sample
from bench.figures import Figure, Floor, figure
from bench.installation import Installation
from bench.leased import leased
from bench.turns import agent_ports, converse
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.ports import Journal, JournalEntry, JournalKey

GROUP = "journal"
AIM_MS = 5.0
SHOWN_TURNS = (5, 20, sample.MANY_TURNS)


@dataclass(slots=True)
class _Timed:
    """Implements `pipeline.ports.Journal`; notes what each turn wrote and how long that took."""

    journal: Journal
    took_ms: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    bodies: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        """See the port."""
        return await self.journal.load(key)

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """See the port."""
        started = time.perf_counter()
        await self.journal.append(key, entry)
        # What opens a conversation belongs to no turn.
        turn = int(entry.body.get("turn", 0))
        self.took_ms[turn] += (time.perf_counter() - started) * 1000
        self.bodies[turn].append(json.dumps(entry.body, ensure_ascii=False, separators=(",", ":")).encode())

    async def put_blob(self, content: bytes) -> str:
        """See the port."""
        return await self.journal.put_blob(content)

    async def get_blob(self, sha256: str) -> bytes:
        """See the port."""
        return await self.journal.get_blob(sha256)

    def turns(self) -> Iterator[int]:
        """Yield the turns in which the command ran; the last one hands in."""
        yield from range(1, sample.MANY_TURNS + 1)


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure long conversations, then the bare inserts."""
    return asyncio.run(_measure(installation, times=1 if quick else 3))


async def _measure(installation: Installation, *, times: int) -> list[Figure]:
    tree = installation.root / "journal-tree"
    tree.mkdir(exist_ok=True)
    sandbox = await start_sandbox(installation.settings.sandbox, installation.settings.environment, hidden=())
    watched: list[_Timed] = []
    async with leased(installation) as lease:
        ports = agent_ports(installation, lease, sandbox, tree)
        await converse(ports, lease, min(sample.TURNS))
        for _ in range(times):
            watched.append(_Timed(ports.journal))
            await converse(replace(ports, journal=watched[-1]), lease, sample.MANY_TURNS)
    took = [one.took_ms[turn] for one in watched for turn in one.turns()]
    (first, *_) = watched
    bare = floors.committed_rows(floors.plain_database(installation), [first.bodies[turn] for turn in first.turns()])
    rows = statistics.median(len(first.bodies[turn]) for turn in first.turns())
    floor = Floor("the same rows, bare committed inserts", statistics.median(bare))
    return [
        figure(GROUP, f"entries of a turn ({rows:.0f})", took, "ms", floor=floor, aim=AIM_MS),
        figure(GROUP, "floor: the same rows, bare committed inserts", bare, "ms"),
        *(
            Figure(group=GROUP, name=f"bytes of turn {turn}", value=sum(map(len, first.bodies[turn])), unit="bytes")
            for turn in SHOWN_TURNS
        ),
    ]
