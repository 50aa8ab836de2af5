"""How fast and how completely events reach 1, 100 and 1,000 clients of one controller on one core, beside a bare server.

Each event is stamped before its transaction begins, so a figure covers commit, bell, numbering, reading, encoding and
sending. Controller and floor are bound to one core; clients, writer and servers share the others. Both send frames of the
same bytes, and processor time stands beside each latency: other load on the machine moves it far less.
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bench import stream_floor
from bench.bare_redis import BareRedis
from bench.figures import Figure, Floor
from bench.installation import Installation
from bench.leased import Leased, leased
from bench.machine import cpu_s, memory
from bench.stream_clients import stamp
from cli import own_processes
from controller.background.windows import encode
from pipeline import events
from pipeline.identifiers import new_id
from pipeline.records import StoredEvent
from pipeline.store.run_records.of_run import records_of

GROUP = "streams"
CLIENTS = (1, 100, 1_000)
QUICK_CLIENTS = (1, 50)
PER_SECOND = 50
AIM_TIMES = 2.0
_PATIENCE_S = 30
_PATH = "/api/v1/events"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a crowd of clients reported."""

    p50_ms: float
    p99_ms: float
    received: int
    lost: int
    doubled: int
    out_of_order: int
    clients_busy: float
    """The part of the time that the clients' own process computed; near 1 the clients are what was measured."""
    server_cpu_s: float = 0.0

    @property
    def cpu_ms_per_1000(self) -> float:
        """Processor time of the serving process for a thousand deliveries."""
        return self.server_cpu_s * 1_000_000 / max(1, self.received)


Write = Callable[[int], Awaitable[object]]
"""Writes the event of that number."""


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Measure each crowd at the floor and at the controller."""
    return asyncio.run(_measure(installation, QUICK_CLIENTS if quick else CLIENTS, seconds=2 if quick else 10))


async def _measure(installation: Installation, crowds: tuple[int, ...], *, seconds: int) -> list[Figure]:
    rows: list[Figure] = []
    total = seconds * PER_SECOND
    pid = installation.pid("controller")
    async with leased(installation) as lease, _writer(lease) as write:
        with _on_one_core(pid):
            for clients in crowds:
                floor = await _floor(installation, clients, total)
                before = memory(pid).private
                crowd = _Crowd(installation.url, _request(installation), clients, total)
                with crowd.connected():
                    taken_mb = memory(pid).private - before
                    seen = await crowd.served(write, total, pid)
                rows.extend(_rows(clients, seen, floor, taken_mb))
    return rows


def _rows(clients: int, seen: Seen, floor: Seen | None, taken_mb: float) -> list[Figure]:
    name = f"{clients:,} {'client' if clients == 1 else 'clients'}, {PER_SECOND} events/s"
    beside = "Redis to bare sockets, joined alike"
    rows = []
    for part, value in (("p50", seen.p50_ms), ("p99", seen.p99_ms)):
        least = Floor(beside, getattr(floor, f"{part}_ms")) if floor else None
        aim = least.value * AIM_TIMES if least and part == "p99" else None
        rows.append(
            Figure(
                group=GROUP, name=f"{name}: written to received, {part}", value=value, unit="ms", floor=least, aim=aim
            )
        )
    rows.append(
        Figure(
            group=GROUP, name=f"{name}: processor time per 1,000 deliveries", value=seen.cpu_ms_per_1000, unit="ms",
            floor=Floor(beside, floor.cpu_ms_per_1000) if floor else None,
        )
    )  # fmt: skip
    rows.append(
        Figure(group=GROUP, name=f"{name}: the clients' own part of a core", value=100 * seen.clients_busy, unit="%")
    )
    for part, count in (("lost", seen.lost), ("doubled", seen.doubled), ("out of order", seen.out_of_order)):
        rows.append(Figure(group=GROUP, name=f"{name}: {part}", value=float(count), unit="events", aim=0.0))
    if clients > 1:
        each = max(0.0, taken_mb) * 1024 / clients
        rows.append(Figure(group=GROUP, name=f"{name}: controller memory per client", value=each, unit="kB"))
    return rows


async def _floor(installation: Installation, clients: int, total: int) -> Seen | None:
    url = installation.servers.redis_url
    if url is None:
        return None
    redis = await BareRedis.open(url)
    with _process("bench.stream_floor") as server:
        try:
            port = int(_said(server, url))
            with _on_one_core(server.pid):
                crowd = _Crowd(f"http://127.0.0.1:{port}", "GET / HTTP/1.1\r\n\r\n", clients, total)

                async def publish(number: int) -> None:
                    await redis.publish(stream_floor.CHANNEL, encode(_like(number)).wire)

                with crowd.connected():
                    return await crowd.served(publish, total, server.pid)
        finally:
            redis.close()


def _like(number: int) -> StoredEvent:
    """Return what the writer writes, as the controller would read it, so that the floor sends the same bytes."""
    message = events.Warned(message=stamp(number)).model_dump(mode="json")
    before = 100_000 + number
    return StoredEvent(
        seq=before + 1, previous=before, previous_of_cr=before, cr_id=new_id("cr"), type="warned", payload=message,
        at=datetime.now(UTC),
    )  # fmt: skip


class _Crowd:
    """A process of clients of one address."""

    def __init__(self, url: str, request: str, clients: int, expected: int) -> None:
        address = urlsplit(url)
        self._told = {
            "host": address.hostname, "port": address.port, "request": request, "clients": clients,
            "expected": expected, "patience_s": expected // PER_SECOND + _PATIENCE_S,
        }  # fmt: skip
        self._process: subprocess.Popen[str] | None = None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Every client is connected inside."""
        with _process("bench.stream_clients") as process:
            self._process = process
            if _said(process, json.dumps(self._told)) != "ready":
                raise RuntimeError("The clients could not connect.")
            yield

    async def served(self, write: Write, total: int, pid: int) -> Seen:
        """Write events at an even pace; return what the clients saw of them and what the process that served them took."""
        started, before = time.monotonic(), cpu_s(pid)
        for number in range(total):
            await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
            await write(number)
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("The clients are not connected.")
        line = await asyncio.to_thread(self._process.stdout.readline)
        return Seen(**json.loads(line), server_cpu_s=cpu_s(pid) - before)


@asynccontextmanager
async def _writer(lease: Leased) -> AsyncIterator[Write]:
    records = records_of(lease.database, cr_id=lease.identity.cr_id, attempt=1)

    async def write(number: int) -> None:
        await records.events.emit(events.Warned(message=stamp(number)))

    yield write


def _request(installation: Installation) -> str:
    host = urlsplit(installation.url).netloc
    lines = [f"GET {_PATH} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {installation.token}"]
    return "\r\n".join([*lines, "Accept: text/event-stream", "", ""])


@contextmanager
def _process(module: str) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        own_processes.module(module),
        env=own_processes.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _said(process: "subprocess.Popen[str]", told: str) -> str:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("A process of the bench has no pipes.")
    process.stdin.write(f"{told}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


@contextmanager
def _on_one_core(pid: int) -> Iterator[None]:
    """Bind a process to one core for the length of a measurement, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(pid)
    os.sched_setaffinity(pid, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(pid, before)
