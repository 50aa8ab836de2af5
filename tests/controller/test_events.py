"""The live view loses nothing, repeats nothing and keeps the order, whatever clients and writers do."""

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from pipeline import events
from pipeline.change_request import Move, Stage, Status
from pipeline.findings import Risk
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.controller.conftest import PACE, Controller, Starter, eventually

WRITERS, EACH, CLIENTS = 6, 20, 5


@asynccontextmanager
async def signed_in(controller: Controller) -> AsyncIterator[httpx2.AsyncClient]:
    async with controller.async_client() as client:
        yield client


async def received(stream: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """Parse a stream; the `id:` of each event has to be its number."""
    event: dict[str, str] = {}
    async for line in stream.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif "data" in event:
            data = json.loads(event["data"])
            if event["event"] == "position":
                assert int(event["id"]) == data["seq"]
                event = {}
                continue
            if event["event"] != "end":
                assert (int(event["id"]), event["event"]) == (data["seq"], data["type"])
            yield {**data, "event": event["event"]}
            event = {}


def dice(seed: int) -> random.Random:
    return random.Random(seed)


async def write(store: Database, cr_id: str, number: int, chance: random.Random, each: int = EACH) -> None:
    for count in range(each):
        async with store.transaction() as connection:
            await Events(connection).append(cr_id, events.Warned(message=f"{number}/{count}"))
            await asyncio.sleep(chance.random() * 0.004)


async def follow_with_disconnects(
    client: httpx2.AsyncClient, path: str, total: int, seed: int, *, patience_max: int = 60
) -> list[dict[str, Any]]:
    """Follow to the end, dropping the connection at random and resuming by the last id seen.

    On a busy machine the controller may cut off a follower that took nothing for too long: one more reason to resume.
    """
    chance, seen = dice(seed), list[dict[str, Any]]()
    while len(seen) < total:
        patience = chance.randint(1, patience_max)
        headers = {"Last-Event-ID": str(seen[-1]["seq"])} if seen else {}
        with suppress(httpx2.ReadError, httpx2.RemoteProtocolError):
            async with client.stream("GET", path, headers=headers) as stream:
                async for event in received(stream):
                    seen.append(event)
                    patience -= 1
                    if patience == 0 or len(seen) >= total:
                        break
    return seen


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (2, 3))])
async def test_clients_that_drop_and_resume_beside_concurrent_writers_miss_and_repeat_nothing(
    controller: Controller, store: Database, seed: int
) -> None:
    one, other = (controller.submit(title=name)["id"] for name in ("one", "other"))
    chance = dice(seed)
    async with signed_in(controller) as client:
        path = f"/api/v1/change-requests/{one}/events"
        # Both change requests are queued and dispatched before anything is written, by two events each.
        total = WRITERS * EACH + 2
        followers = [follow_with_disconnects(client, path, total, seed * 100 + number) for number in range(CLIENTS)]
        everything = follow_with_disconnects(client, "/api/v1/events?after=0", 2 * total, seed)
        writers = [write(store, cr_id, number, chance) for cr_id in (one, other) for number in range(WRITERS)]
        *streams, whole = (await asyncio.gather(*followers, everything, *writers))[: CLIENTS + 1]
    for stream in [*streams, whole]:
        assert stream is not None
        numbers = [event["seq"] for event in stream]
        assert numbers == sorted(set(numbers))
    for stream in streams:
        assert stream is not None
        assert {event["cr_id"] for event in stream} == {one}
        for number in range(WRITERS):
            said = [event["payload"]["message"] for event in stream if event["type"] == "warned"]
            assert [text for text in said if text.startswith(f"{number}/")] == [f"{number}/{n}" for n in range(EACH)]


@pytest.mark.parametrize("each_writes", [20, pytest.param(150, marks=pytest.mark.thorough)])
async def test_what_eight_slow_writers_say_reaches_every_stream_once_and_in_order(
    controller: Controller, store: Database, each_writes: int
) -> None:
    """The same order for everybody: a change request's stream is the tenant's, without the others."""
    mine = [controller.submit(title=name)["id"] for name in ("one", "other", "third", "fourth")]
    chance, all_of_them = dice(8), 8 * each_writes
    async with signed_in(controller) as client:
        each = all_of_them // len(mine) + 2
        paths = [(f"/api/v1/change-requests/{cr_id}/events", each) for cr_id in mine]
        everything = ("/api/v1/events?after=0", all_of_them + 2 * len(mine))
        streams = [
            follow_with_disconnects(client, *one, seed) for seed, one in enumerate([*paths, everything, everything])
        ]
        writers = [write(store, mine[number % len(mine)], number, chance, each_writes) for number in range(8)]
        seen = (await asyncio.gather(*streams, *writers))[: len(streams)]
    orders = [[event["seq"] for event in stream or []] for stream in seen]
    assert all(order == sorted(set(order)) for order in orders), "in order, once"
    assert [len(order) for order in orders] == [each] * len(mine) + [all_of_them + 2 * len(mine)] * 2, "all"
    assert orders[-1] == orders[-2] == sorted(number for order in orders[: len(mine)] for number in order)
    said = [event["payload"]["message"] for event in seen[-1] or [] if event["type"] == "warned"]
    for number in range(8):
        assert [text for text in said if text.startswith(f"{number}/")] == [f"{number}/{n}" for n in range(each_writes)]


async def test_a_page_holds_the_same_events_as_the_stream(controller: Controller, store: Database) -> None:
    cr_id = controller.submit()["id"]
    await write(store, cr_id, 0, dice(0))
    async with signed_in(controller) as client:
        items: list[dict[str, Any]] = []
        after = 0
        while page := (await _page(client, f"/api/v1/change-requests/{cr_id}/events", after)):
            items += page
            after = page[-1]["seq"]
        streamed = await follow_with_disconnects(client, f"/api/v1/change-requests/{cr_id}/events", len(items), 1)
    assert [item["seq"] for item in items] == [event["seq"] for event in streamed]
    assert len(items) == EACH + 2


async def test_a_history_read_from_its_end_is_whole_and_its_summary_counts_what_it_leaves_out(
    controller: Controller, store: Database
) -> None:
    cr_id = controller.submit()["id"]
    path = f"/api/v1/change-requests/{cr_id}/events"
    at: dict[str, Any] = {"stage": Stage.DEVELOPMENT, "repository": "shop"}
    agent = {"role": "code_writer", "instance": "w"}
    async with store.transaction() as connection:
        log = Events(connection)
        await log.append(cr_id, events.StageEntered(round=1, **at))
        for turn in range(1, 41):
            await log.append(cr_id, events.AgentTurn(turn=turn, **at, **agent))
            call = events.ToolCalled(
                turn=turn, tool="bash", summary=f"call {turn}", ok=True, duration_s=0, **at, **agent
            )
            await log.append(cr_id, call)
        await log.append(
            cr_id, events.RiskFlagged(risk=Risk.HIGH, pattern="overrides", quote="ignore", stage=Stage.SCREENING)
        )
    async with signed_in(controller) as client:
        forwards = (await client.get(path, headers={"Accept": "application/json"})).json()["items"]
        page = (await client.get(f"{path}/newest?limit=15")).json()
        newest, whole = page, page["items"]
        while page["next_before"] is not None:
            page = (await client.get(f"{path}/newest?before={page['next_before']}&limit=15")).json()
            whole = page["items"] + whole
        summary = (await client.get(f"{path}/summary")).json()
        narrow = (await client.get(f"{path}/newest?stage=screening")).json()
        streamed = await follow_with_disconnects(client, path, len(whole), 3)
    assert [(one["seq"], one["payload"]) for one in whole] == [(one["seq"], one["payload"]) for one in forwards]
    assert [event["seq"] for event in whole] == [event["seq"] for event in streamed]
    assert newest["complete_to"] >= whole[-1]["seq"]
    assert [one["type"] for one in narrow["items"]] == ["risk_flagged"]
    assert narrow["next_before"] is None
    assert (summary["total"], summary["tool_calls"]) == (len(whole), {"shop": 40})
    told = [(one["type"], one["payload"].get("summary")) for one in summary["milestones"]]
    assert told[-4:] == [
        ("stage_entered", None),
        ("agent_turn", None),
        ("tool_called", "call 40"),
        ("risk_flagged", None),
    ]
    assert summary["complete_to"] >= whole[-1]["seq"]


async def _page(client: httpx2.AsyncClient, path: str, after: int) -> list[dict[str, Any]]:
    answer = await client.get(f"{path}?after={after}&limit=15", headers={"Accept": "application/json"})
    items: list[dict[str, Any]] = answer.json()["items"]
    assert answer.json()["next_after"] == (items[-1]["seq"] if items else after)
    return items


async def test_a_stream_until_finished_ends_after_the_last_event(controller: Controller, store: Database) -> None:
    cr_id = controller.submit()["id"]
    async with signed_in(controller) as client:
        path = f"/api/v1/change-requests/{cr_id}/events?until=finished"

        async def to_the_end(address: str) -> list[dict[str, Any]]:
            async with client.stream("GET", address) as stream:
                return [event async for event in received(stream)]

        following = asyncio.create_task(to_the_end(path))
        await write(store, cr_id, 0, dice(0))
        async with store.transaction() as connection:
            await ChangeRequests(connection).move(cr_id, Move.CANCEL)
            await Events(connection).append(cr_id, events.StatusChanged(status=Status.CANCELLED))
            await Events(connection).append(cr_id, events.Warned(message="last words"))
        seen = await following
        assert seen[-1] == {"event": "end", "cr_id": cr_id, "status": "cancelled", "last_seq": seen[-2]["seq"]}
        assert seen[-2]["payload"]["message"] == "last words"
        assert await to_the_end(path) == seen
        assert [event["event"] for event in await to_the_end(f"{path}&after={seen[-2]['seq']}")] == ["end"]


async def test_silence_is_filled_with_comments(controller: Controller) -> None:
    async with signed_in(controller) as client, client.stream("GET", "/api/v1/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith(": still here"):
                return


@pytest.mark.thorough
async def test_a_client_that_takes_nothing_is_cut_and_resumes_without_a_gap(start: Starter, store: Database) -> None:
    with start.running(pace=replace(PACE, client_stall_s=0.3)) as controller:
        cr_id = controller.submit()["id"]
        host, port = controller.url.removeprefix("http://").split(":")
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect((host, int(port)))
            ask = f"GET /api/v1/change-requests/{cr_id}/events HTTP/1.1\r\nHost: {host}\r\n"
            stalled.sendall(f"{ask}Authorization: Bearer {controller.token}\r\n\r\n".encode())
            await _flood(store, cr_id, megabytes=8)
            async with signed_in(controller) as client:
                await _until_no_stream_is_open(client)
                path = f"/api/v1/change-requests/{cr_id}/events"
                seen = await follow_with_disconnects(client, path, 8 * 64 + 2, 7, patience_max=400)
    assert len({event["seq"] for event in seen}) == 8 * 64 + 2


async def test_clients_that_lag_now_and_then_get_everything_once_beside_those_that_keep_up(
    start: Starter, store: Database
) -> None:
    """What is written straight to a connection and what goes the slow way with flow control make one stream."""
    with start.running(pace=replace(PACE, client_stall_s=60.0)) as controller:
        cr_id = controller.submit()["id"]
        other = controller.submit(title="other")["id"]
        each = 12 * 8
        lagging = [
            asyncio.create_task(_lag(controller, path, each * streams, dice(number)))
            for number, (path, streams) in enumerate(
                [("/api/v1/events?after=0", 2), (f"/api/v1/change-requests/{cr_id}/events", 1)] * 2
            )
        ]
        async with signed_in(controller) as client:
            prompt = asyncio.create_task(follow_with_disconnects(client, "/api/v1/events?after=0", 2 * each + 4, 3))
            for _ in range(12):
                for name in (cr_id, other):
                    async with store.transaction() as connection:
                        for _ in range(8):
                            await Events(connection).append(name, events.Warned(message="y" * 8_000))
                await asyncio.sleep(0.02)
            orders = await asyncio.gather(*lagging)
            whole = [event["seq"] for event in await prompt]
    for order in orders:
        assert order == sorted(set(order))
    assert orders[0] == orders[2] == whole[-len(orders[0]) :]
    assert orders[1] == orders[3]


async def _lag(controller: Controller, path: str, warned: int, chance: random.Random) -> list[int]:
    """Read a stream in bursts through a small window until that many warnings came; return their numbers."""
    host, port = controller.url.removeprefix("http://").split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain, limit=16_384)
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {controller.token}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    body = b""
    while body.count(b"event: warned\n") < warned or not body.endswith(b"\n\n"):
        size = int(await reader.readline(), 16)
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
        if chance.random() < 0.2:
            await asyncio.sleep(chance.random() * 0.1)
    writer.close()
    blocks = [block.splitlines() for block in body.split(b"\n\n") if b"event: warned" in block]
    return [int(line[4:]) for block in blocks for line in block if line.startswith(b"id: ")]


async def test_a_client_that_is_ahead_of_this_controller_gets_nothing_twice(
    controller: Controller, store: Database
) -> None:
    """Another controller may have numbered and shown what this one has not read yet."""
    cr_id = controller.submit()["id"]
    async with signed_in(controller) as client:
        page = await _page(client, "/api/v1/events", 0)
        ahead = page[-1]["seq"] + 5
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": str(ahead)}) as stream:
            following = received(stream)
            await write(store, cr_id, 0, dice(1), each=10)
            first = await anext(following)
    assert first["seq"] == ahead + 1


async def _flood(store: Database, cr_id: str, *, megabytes: int) -> None:
    for _ in range(megabytes):
        async with store.transaction() as connection:
            for _ in range(64):
                await Events(connection).append(cr_id, events.Warned(message="x" * 16_384))


async def _until_no_stream_is_open(client: httpx2.AsyncClient) -> None:
    async def none_open() -> bool:
        return "changeline_event_streams 0.0" in (await client.get("/metrics")).text

    await eventually(none_open)


def test_an_id_that_is_not_ours_is_refused(controller: Controller) -> None:
    for value in ("abc", "-1", "1" * 40, "1.5"):
        answer = controller.client().get("/api/v1/events", headers={"Last-Event-ID": value})
        assert (answer.status_code, answer.json()["field"]) == (422, "Last-Event-ID"), value
