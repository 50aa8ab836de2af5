"""Whatever dies and whoever leaves, each stream carries every event of its own once and in order.

A real controller process is killed and stopped, a real Redis is killed, emptied and started again, listening connections
to PostgreSQL are cut, clients hang up at random, and change requests begin meanwhile; seeds make a failure repeatable.
"""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from redis.asyncio import Redis

from controller.auth.service import ensure_local_principal
from pipeline import events
from pipeline.adapters.redis_bell import FallbackBell, RedisBell
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.adapters.test_redis_bell import needs_redis, redis
from tests.controller import line
from tests.controller.conftest import PATIENT, eventually
from tests.database import TestDatabase

CALAMITIES = 5
WRITERS = 3
CLIENTS_EACH = 2


@dataclass
class World:
    """The processes that come and go."""

    database: TestDatabase
    directory: Path
    token: str
    port: int
    redis_port: int
    chance: random.Random
    controller: "subprocess.Popen[str] | None" = None
    redis: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"

    def start_controller(self) -> None:
        argv = [sys.executable, "-m", "tests.controller.controller_process"]
        self.controller = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = {"database_url": self.database.app_url, "port": self.port, "redis_url": self.redis_url}
        assert self.controller.stdin is not None
        assert self.controller.stdout is not None
        self.controller.stdin.write(json.dumps(told) + "\n")
        self.controller.stdin.flush()
        for said in self.controller.stdout:
            if said.startswith("http"):
                return
        raise AssertionError("the controller did not start")

    def stop_controller(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.controller is not None:
            with self.controller as ended:
                ended.send_signal(how)

    def start_redis(self) -> None:
        self.redis.enter_context(redis(self.directory, self.redis_port))

    async def restart(self, how: signal.Signals) -> None:
        await asyncio.to_thread(self.stop_controller, how)
        await asyncio.to_thread(self.start_controller)

    async def lose_redis(self) -> None:
        await asyncio.to_thread(self.redis.close)
        await asyncio.sleep(self.chance.random())
        await asyncio.to_thread(self.start_redis)

    async def empty_redis(self) -> None:
        client = Redis.from_url(self.redis_url)
        await client.flushall()
        await client.aclose()

    async def cut_listeners(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.database.superuser_url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bell' AND datname = %s",
                (self.database.name,),
            )


@dataclass
class Follower:
    """A client that resumes by what it was told last, and checks what it is told."""

    path: str
    cr_id: str | None
    chance: random.Random
    complete: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def follow(self, client: httpx2.AsyncClient, until: Callable[[], int | None]) -> None:
        while not self._finished(until):
            try:
                await self._listen(client, until)
            except httpx2.TransportError:
                await asyncio.sleep(self.chance.random() * 0.2)

    async def _listen(self, client: httpx2.AsyncClient, until: Callable[[], int | None]) -> None:
        patience = self.chance.randint(5, 400)
        headers = {"Last-Event-ID": str(self.complete), "Accept": "text/event-stream"}
        async with client.stream("GET", self.path, headers=headers) as stream:
            async for text in stream.aiter_lines():
                if text.startswith("data: "):
                    self._take(json.loads(text[6:]))
                    patience -= 1
                    if patience == 0 or self._finished(until):
                        return

    def _take(self, told: dict[str, Any]) -> None:
        if "payload" in told:
            self.seen.append(told)
            before = told["previous"] if self.cr_id is None else told["previous_of_cr"]
            assert before <= self.complete < told["seq"], (self.path, before, self.complete, told["seq"])
        assert told["seq"] >= self.complete
        self.complete = told["seq"]

    def _finished(self, until: Callable[[], int | None]) -> bool:
        last = until()
        return last is not None and self.complete >= last


@asynccontextmanager
async def world(
    database: TestDatabase, store: Database, directory: Path, chance: random.Random, ports: tuple[int, int]
) -> AsyncIterator[World]:
    token = await ensure_local_principal(store)
    made = World(database, directory, token, *ports, chance)
    made.start_redis()
    made.start_controller()
    try:
        yield made
    finally:
        made.stop_controller()
        made.redis.close()


@needs_redis
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (2, 3, 4))])
async def test_nothing_is_lost_doubled_or_out_of_order_through_restarts_and_outages(
    database: TestDatabase, store: Database, tmp_path: Path, free_ports: tuple[int, int], seed: int
) -> None:
    chance = random.Random(seed)
    names = ["cr-1", "cr-2"]
    for name in names:
        await line.queued(store, name)
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(world(database, store, tmp_path, chance, free_ports))
        headers = {"Authorization": f"Bearer {around.token}"}
        client = await stack.enter_async_context(httpx2.AsyncClient(base_url=around.url, headers=headers, **PATIENT))
        last: list[int] = []
        followers = [
            Follower(path, cr_id, random.Random(seed * 100 + number))
            for number in range(CLIENTS_EACH)
            for path, cr_id in [
                ("/api/v1/events?after=0", None),
                *((f"/api/v1/change-requests/{name}/events", name) for name in names),
            ]
        ]
        following = [asyncio.create_task(one.follow(client, lambda: last[0] if last else None)) for one in followers]
        calm = asyncio.Event()
        writing = [
            asyncio.create_task(_write(store, around, names, number, random.Random(seed * 10 + number), calm))
            for number in range(WRITERS)
        ]
        await _suffer(around, store, names)
        calm.set()
        await asyncio.gather(*writing)
        await eventually(lambda: _all_numbered(database))
        written = [(seq, cr_id) for seq, cr_id in _rows(database) if seq is not None]
        last.append(written[-1][0])
        await asyncio.gather(*following)
    for one in followers:
        expected = [(seq, cr_id) for seq, cr_id in written if one.cr_id in {None, cr_id}]
        assert [(event["seq"], event["cr_id"]) for event in one.seen] == expected, one.path
    assert {cr_id for _, cr_id in written} == set(names)
    assert len(names) > 2


async def _suffer(around: World, store: Database, names: list[str]) -> None:
    """Bring every calamity at least once, in random order, with change requests that begin in between."""
    kinds: list[Callable[[], Any]] = [
        lambda: around.restart(signal.SIGKILL), lambda: around.restart(signal.SIGTERM), around.lose_redis,
        around.empty_redis, around.cut_listeners,
    ]  # fmt: skip
    chosen = [*kinds, *around.chance.choices(kinds, k=CALAMITIES - len(kinds))]
    around.chance.shuffle(chosen)
    for number, calamity in enumerate(chosen):
        await calamity()
        if number % 3 == 0:
            name = f"cr-later-{number}"
            await line.queued(store, name)
            names.append(name)
        await asyncio.sleep(around.chance.random() * 0.3)


async def _write(
    store: Database, around: World, names: list[str], number: int, chance: random.Random, calm: asyncio.Event
) -> None:
    """Append in transactions of random length, and ring as workers and controllers do, or not at all."""
    bell = FallbackBell(RedisBell(around.redis_url), PostgresTenantBell(store, around.database.app_url))
    count = 0
    while not calm.is_set() or count % 5:
        async with store.transaction() as connection:
            for _ in range(chance.randint(1, 3)):
                await Events(connection).append(chance.choice(names), events.Warned(message=f"{number}/{count}"))
            await asyncio.sleep(chance.random() * 0.02)
        count += 1
        # Events enough for every calamity to meet some; on a machine that is slow because of them, no more than that.
        await asyncio.sleep(chance.random() * 0.2)
        if chance.random() < 0.7:
            await bell.ring("default", "events")
    await bell.close()


def _all_numbered(database: TestDatabase) -> bool:
    return all(seq is not None for seq, _ in _rows(database))


def _rows(database: TestDatabase) -> list[tuple[int | None, str]]:
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute("SELECT seq, cr_id FROM events ORDER BY seq").fetchall()
