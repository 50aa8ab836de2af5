"""A stream is one request that lasts for days: it ends when whoever opened it may no longer look, and nobody else's does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pipeline import events
from pipeline.access import Role
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.principals import Principals
from tests.controller.conftest import Controller, eventually

PATHS = ("/api/v1/events", "/api/v1/events?deltas=true")


async def revoke(store: Database, token: str) -> None:
    async with store.transaction() as connection:
        await Principals(connection).revoke(token)


async def take_every_role(store: Database, _token: str) -> None:
    async with store.transaction() as connection:
        await Principals(connection).ensure("guest", name="guest", roles=[])


@pytest.mark.parametrize("lose", [revoke, take_every_role])
async def test_a_stream_ends_when_its_token_is_revoked_or_its_principal_loses_the_role(
    controller: Controller,
    store: Database,
    token_of: Callable[..., str],
    lose: Callable[[Database, str], Awaitable[None]],
) -> None:
    cr_id = controller.submit()["id"]
    paths = [
        *PATHS,
        f"/api/v1/change-requests/{cr_id}/events",
        f"/api/v1/change-requests/{cr_id}/events?until=finished",
    ]
    token = await asyncio.to_thread(token_of, "guest", Role.VIEWER)
    heard: dict[str, list[str]] = {path: [] for path in [*paths, "own"]}
    async with controller.async_client(None) as client:

        async def listen(name: str, path: str, bearer: str) -> None:
            async with client.stream("GET", path, headers={"Authorization": f"Bearer {bearer}"}) as stream:
                assert stream.status_code == 200
                async for line in stream.aiter_lines():
                    heard[name].append(line)

        following = [asyncio.create_task(listen(path, path, token)) for path in paths]
        own = asyncio.create_task(listen("own", PATHS[0], controller.token))
        await eventually(lambda: all("event: position" in lines for lines in heard.values()))
        await lose(store, token)
        await asyncio.gather(*following)
        async with store.transaction() as connection:
            await Events(connection).append(cr_id, events.Warned(message="for those who stayed"))
        await eventually(lambda: any("for those who stayed" in line for line in heard["own"]))
        again = await client.get(PATHS[0], headers={"Authorization": f"Bearer {token}"})
        own.cancel()
        await asyncio.gather(own, return_exceptions=True)
    assert again.status_code in {401, 403}
    assert not any("for those who stayed" in line for path in paths for line in heard[path])
