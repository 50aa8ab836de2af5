"""Text that streams reaches whoever asked for it, over Redis or the database, and is never part of what lasts."""

import asyncio
import json
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import httpx2

from pipeline import events
from pipeline.adapters.redis_bell import RedisDeltas
from pipeline.errors import TransientError
from pipeline.ports import Deltas
from pipeline.store.deltas import PostgresDeltas
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.adapters.test_redis_bell import needs_redis, redis
from tests.controller.conftest import Controller, Starter
from tests.controller.test_events import signed_in


def said(cr_id: str, number: int) -> bytes:
    return json.dumps({"cr_id": cr_id, "turn": 1, "part": number, "text": f"word {number} "}).encode()


async def blocks(client: httpx2.AsyncClient, path: str) -> Any:
    """Yield (fields, data) of each block of a stream."""
    async with client.stream("GET", path) as stream:
        fields: dict[str, str] = {}
        async for text in stream.aiter_lines():
            name, _, value = text.partition(": ")
            if text and name:
                fields[name] = value
            elif not text and "data" in fields:
                yield fields, json.loads(fields["data"])
                fields = {}


async def show(controller: Controller, store: Database, deltas: Deltas) -> None:
    one, other = (controller.submit(title=name)["id"] for name in ("one", "other"))

    enough = asyncio.Event()

    async def speak() -> None:
        number = 0
        while not enough.is_set():
            # On a busy machine a send may be too late, which loses it: that is what the product promises.
            for body in (b"not json", said(other, number), said(one, number)):
                with suppress(TransientError):
                    await deltas.send(body)
            number += 1
            await asyncio.sleep(0.01)

    speaking = asyncio.create_task(speak())
    heard: list[dict[str, Any]] = []
    async with signed_in(controller) as client:
        path = f"/api/v1/change-requests/{one}/events"
        async with aclosing(blocks(client, f"{path}?deltas=true")) as following:
            async for fields, data in following:
                if fields["event"] == "delta":
                    assert "id" not in fields
                    heard.append(data)
                if len(heard) == 5:
                    break
        async with store.transaction() as connection:
            await Events(connection).append(one, events.Warned(message="the end"))
        async with aclosing(blocks(client, path)) as following:
            async for fields, data in following:
                assert fields["event"] != "delta"
                if data.get("payload", {}).get("message") == "the end":
                    break
    # Not cancelled: on Python 3.11 the `wait_for` of Redis's client may lose a cancellation.
    enough.set()
    await speaking
    await deltas.close()
    parts = [delta["part"] for delta in heard]
    assert {delta["cr_id"] for delta in heard} == {one}
    assert parts == sorted(set(parts))


async def test_without_redis_the_database_carries_what_models_say(controller: Controller, store: Database) -> None:
    await show(controller, store, PostgresDeltas(store))


@needs_redis
async def test_redis_carries_what_models_say(
    start: Starter, store: Database, tmp_path: Path, free_ports: tuple[int, int]
) -> None:
    with redis(tmp_path, free_ports[0]) as url, start.running(redis_url=url) as controller:
        await show(controller, store, RedisDeltas(url, "default"))


@needs_redis
async def test_a_stream_says_whether_it_will_carry_deltas(
    start: Starter, tmp_path: Path, free_ports: tuple[int, int]
) -> None:
    url = f"redis://127.0.0.1:{free_ports[0]}/0"
    with start.running(redis_url=url) as controller:
        async with signed_in(controller) as client:
            async with aclosing(blocks(client, "/api/v1/events?deltas=true")) as following:
                fields, data = await anext(following)
                assert (fields["event"], data["deltas"]) == ("position", "away")
            async with aclosing(blocks(client, "/api/v1/events")) as following:
                assert "deltas" not in (await anext(following))[1]
