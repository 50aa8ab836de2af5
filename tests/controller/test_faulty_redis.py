"""Redis stopped, flushed or slow: nobody who waits for an event or a worker notices more than a moment."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from redis import Redis

from pipeline import events
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.adapters.test_redis_bell import needs_redis, port, redis
from tests.controller.conftest import PACE, Starter, eventually
from tests.controller.test_events import received, signed_in

__all__ = ["port"]
ONLY_BELLS = replace(PACE, events_s=600, dispatch_s=600, outbox_s=600)
"""No loop looks by itself in time: what arrives was rung for."""


@dataclass
class SlowDoor:
    """A TCP proxy before Redis that holds back everything for `delay_s`."""

    port: int
    url: str = ""
    delay_s: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(self._pass(reader, inner_writer), self._pass(inner_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65_536):
                await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def slow_door(redis_port: int) -> AsyncIterator[SlowDoor]:
    door = SlowDoor(redis_port)
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    door.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield door
    finally:
        server.close()


def _slow(door: SlowDoor) -> None:
    door.delay_s = 2.5


def _stopped(door: SlowDoor) -> None:
    Redis(port=door.port).shutdown(nosave=True)


def _flushed(door: SlowDoor) -> None:
    Redis(port=door.port).flushall()


@needs_redis
@pytest.mark.parametrize("fault", [_slow, _stopped, _flushed])
async def test_streams_and_dispatch_go_on_without_redis(
    start: Starter, store: Database, tmp_path: Path, port: int, fault: Callable[[SlowDoor], None]
) -> None:
    with suppress(subprocess.SubprocessError), redis(tmp_path, port):
        async with slow_door(port) as door:
            await asyncio.to_thread(lambda: None)
            controller_of = await asyncio.to_thread(lambda: start.running(pace=ONLY_BELLS, redis_url=door.url))
            controller = await asyncio.to_thread(controller_of.__enter__)
            try:
                before = (await asyncio.to_thread(controller.submit))["id"]
                await eventually(lambda: len(controller.launcher.launched) == 1)
                async with signed_in(controller) as client, client.stream("GET", "/api/v1/events?after=0") as stream:
                    seen = received(stream)
                    await anext(seen)
                    await asyncio.to_thread(fault, door)
                    after = (await asyncio.to_thread(controller.submit))["id"]
                    await eventually(lambda: len(controller.launcher.launched) == 2)
                    async with store.transaction() as connection:
                        await Events(connection).append(after, events.Warned(message="last"))
                    await asyncio.to_thread(controller.submit)
                    numbers = [0]
                    async for event in seen:
                        numbers.append(event["seq"])
                        if event["payload"].get("message") == "last":
                            break
            finally:
                await asyncio.to_thread(controller_of.__exit__, None, None, None)
    assert before != after
    assert numbers == sorted(set(numbers))
