"""A browser's session ends with the token that it came from: at once, and its open streams within a sign of life."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import psycopg
import pytest

from pipeline.access import Role, token_hash
from pipeline.store.engine import Database
from pipeline.store.principals import Principals
from tests.controller.conftest import Controller, eventually, submission

COOKIE = "changeline_session"


def signed_in(controller: Controller, by: httpx2.Client) -> httpx2.Client:
    browser = controller.client(token=None, Origin=controller.url)
    assert browser.get(by.post("/api/v1/login-codes").json()["path"]).status_code == 303
    return browser


async def revoke(store: Database, controller: Controller, token: str) -> None:
    async with store.transaction() as connection:
        await Principals(connection).revoke(token)


async def run_out(store: Database, controller: Controller, token: str) -> None:
    with psycopg.connect(controller.database.superuser_url) as connection:
        ended = "UPDATE access_tokens SET expires_at = now() - interval '1 second' WHERE token_hash = %s"
        assert connection.execute(ended, [token_hash(token)]).rowcount == 1


@pytest.mark.parametrize("end", [revoke, run_out])
async def test_a_session_its_links_and_its_streams_end_with_the_token_they_came_from(
    controller: Controller,
    store: Database,
    token_of: Callable[..., str],
    end: Callable[[Database, Controller, str], Awaitable[None]],
) -> None:
    token = await asyncio.to_thread(token_of, "vera", Role.OPERATOR)
    other = await asyncio.to_thread(token_of, "vera", Role.OPERATOR)
    browser = signed_in(controller, controller.client(token))
    second = signed_in(controller, browser)
    spare = [one.post("/api/v1/login-codes").json()["path"] for one in (controller.client(token), second)]
    stays = signed_in(controller, controller.client(other))
    cookies = [{"Cookie": f"{COOKIE}={one.cookies[COOKIE]}"} for one in (browser, second)]
    heard: list[str] = []
    async with controller.async_client(None) as client:

        async def listen(headers: dict[str, str]) -> None:
            async with client.stream("GET", "/api/v1/events", headers=headers) as stream:
                heard.append(str(stream.status_code))
                assert [line async for line in stream.aiter_lines()]

        following = [asyncio.create_task(listen(headers)) for headers in cookies]
        metrics = controller.client(token=None)
        await eventually(lambda: "changeline_event_streams 2.0" in metrics.get("/metrics").text)
        await end(store, controller, token)
        await asyncio.gather(*following)
    assert heard == ["200", "200"]
    for one in (browser, second):
        assert one.get("/api/v1/me").status_code == 401
        assert one.post("/api/v1/change-requests", json=submission()).status_code == 401
        assert one.post("/api/v1/login-codes").status_code == 401
    for path in spare:
        assert controller.client(token=None).get(path).status_code == 401
    assert controller.count("change_requests") == [0]
    assert stays.get("/api/v1/me").json()["id"] == "vera"


async def test_a_session_may_what_its_principal_may_now(
    controller: Controller, store: Database, token_of: Callable[..., str]
) -> None:
    token = await asyncio.to_thread(token_of, "vera", Role.OPERATOR)
    browser = signed_in(controller, controller.client(token))
    assert (
        browser.post("/api/v1/change-requests", json=submission(repositories=["https://git.example/x"])).status_code
        == 202
    )
    async with store.transaction() as connection:
        await Principals(connection).ensure("vera", name="vera", roles=[Role.VIEWER])
    assert (
        browser.post("/api/v1/change-requests", json=submission(repositories=["https://git.example/x"])).status_code
        == 403
    )
    assert browser.get("/api/v1/me").json()["roles"] == ["viewer"]


def test_signing_out_ends_one_browser_and_neither_the_next_nor_the_token(controller: Controller) -> None:
    first = signed_in(controller, controller.client())
    second = signed_in(controller, first)
    assert first.post("/api/v1/logout").status_code == 204
    assert [one.get("/api/v1/me").status_code for one in (second, controller.client())] == [200, 200]
    assert first.get("/api/v1/me").status_code == 401


def test_a_session_that_names_no_token_is_not_accepted(controller: Controller) -> None:
    """As versions before this one left them: nobody can say with what they end."""
    browser = signed_in(controller, controller.client())
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute("UPDATE access_tokens SET issued_by = NULL WHERE purpose = 'session'")
    assert browser.get("/api/v1/me").status_code == 401
