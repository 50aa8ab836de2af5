"""What people decide in the browser, on rows as the real pipeline leaves them."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect

from pipeline.access import Role
from pipeline.change_request import PauseReason
from pipeline.store.engine import Database
from tests.control_room.conftest import PHONE, Room
from tests.controller import line
from tests.controller.conftest import Controller


@pytest.fixture
def prepare(controller: Controller) -> Callable[[Callable[[Database], Coroutine[Any, Any, Any]]], None]:
    """Leave rows in the controller's database."""

    def run(work: Callable[[Database], Coroutine[Any, Any, Any]]) -> None:
        async def on_a_store() -> None:
            store = Database(controller.database.app_url, tenant="default")
            try:
                await work(store)
            finally:
                await store.close()

        _elsewhere(lambda: asyncio.run(on_a_store()))

    return run


@pytest.fixture
def token(token_of: Callable[..., str]) -> Callable[..., str]:
    """Make a principal with roles and return its token."""
    return lambda name, role: str(_elsewhere(lambda: token_of(name, role)))


Prepare = Callable[[Callable[[Database], Coroutine[Any, Any, Any]]], None]


def test_two_people_decide_at_once_and_the_later_one_is_told(
    controller: Controller, prepare: Prepare, room: Room, token: Callable[..., str]
) -> None:
    async def gate(store: Database) -> None:
        await line.queued(store)
        await line.at_gate(store)

    prepare(gate)
    codes = [
        controller.client(token(name, Role.APPROVER)).post("/api/v1/login-codes").json() for name in ("ana", "ben")
    ]
    ana, ben = [room.person(controller.url, code) for code in codes]
    for page in (ana, ben):
        page.goto(f"{controller.url}/change-requests/{line.CR}")
        expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    ben.get_by_label("Comment (needed").fill("Not like this.")
    ana.get_by_role("button", name="Approve").click()
    expect(ana.get_by_role("region", name="Decision: release")).to_be_hidden()
    expect(ben.get_by_role("region", name="Decision: release")).to_be_hidden()


def test_a_release_is_rejected_by_keyboard_with_a_reason_on_a_phone_too(
    controller: Controller, prepare: Prepare, room: Room
) -> None:
    async def gate(store: Database) -> None:
        await line.queued(store)
        await line.at_gate(store)

    prepare(gate)
    page = room.person(controller.url, controller.client().post("/api/v1/login-codes").json(), size=PHONE)
    page.goto(f"{controller.url}/inbox")
    expect(page.get_by_role("button", name="Reject")).to_be_disabled()
    page.keyboard.press("r")
    page.keyboard.type("Nobody asked for this.")
    room.look(page, "phone-reject")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    decided = controller.client().get("/api/v1/gates", params={"status": "decided"}).json()["items"]
    assert [(one["decision"], one["comment"]) for one in decided] == [("reject", "Nobody asked for this.")]


def test_the_budget_is_raised_where_it_ran_out(controller: Controller, prepare: Prepare, room: Room) -> None:
    async def stopped(store: Database) -> None:
        await line.queued(store)
        await line.paused(store, PauseReason.BUDGET)

    prepare(stopped)
    page = room.person(controller.url, controller.client().post("/api/v1/login-codes").json(), scheme="dark")
    page.goto(f"{controller.url}/inbox")
    page.get_by_label("to $").fill("120")
    room.look(page, "decision-dark")
    page.get_by_role("button", name="Raise the budget").click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()
    raised = controller.client().get(f"/api/v1/change-requests/{line.CR}").json()
    assert (raised["pause"], raised["budget_usd"]) == (None, "120")


def test_who_may_only_watch_is_told_so_and_sees_no_button(
    controller: Controller, prepare: Prepare, room: Room, token: Callable[..., str]
) -> None:
    async def gate(store: Database) -> None:
        await line.queued(store)
        await line.at_gate(store)

    prepare(gate)
    code = controller.client(token("vera", Role.VIEWER)).post("/api/v1/login-codes").json()
    page = room.person(controller.url, code)
    page.goto(f"{controller.url}/change-requests/{line.CR}")
    expect(page.get_by_text("Deciding needs the approver role; you may look at everything.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_setting_is_changed_compared_and_taken_back(controller: Controller, room: Room) -> None:
    page = room.person(controller.url, controller.client().post("/api/v1/login-codes").json())
    page.goto(f"{controller.url}/settings/pipeline")
    page.get_by_label("Review loops, at most").fill("99")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Review loops, at most")).to_be_visible()
    page.get_by_label("Review loops, at most").fill("5")
    page.get_by_label("Why (kept in the history)").fill("Reviewers are strict this week.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Reviewers are strict this week.”")).to_be_visible()
    room.look(page, "settings-form")
    page.get_by_role("button", name="Go back to version 0").click()
    expect(page.get_by_label("Review loops, at most")).to_have_value("3")


@pytest.mark.thorough
def test_thousands_of_change_requests_are_a_board_that_stays_small(controller: Controller, room: Room) -> None:
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute(
            "INSERT INTO change_requests (tenant_id, id, title, body, created_by, status) "
            "SELECT 'default', 'cr-' || n, 'Change number ' || n, 'b', 'local', 'completed' FROM generate_series(1, 3000) n"
        )
    page = room.person(controller.url, controller.client().post("/api/v1/login-codes").json())
    group = page.get_by_role("region", name="Done")
    expect(group.get_by_role("heading")).to_contain_text("3000")
    for _ in range(6):
        page.keyboard.press("End")
        page.wait_for_load_state("networkidle")
    expect(group.get_by_role("button", name="Show more")).to_be_visible()
    assert group.get_by_role("listitem").count() < 150
    page.keyboard.press("/")
    page.keyboard.type("number 2999")
    expect(group.get_by_role("listitem")).to_have_count(1)
    expect(page).to_have_url(f"{controller.url}/?q=number+2999")


def _elsewhere(work: Callable[[], Any]) -> Any:
    """Run on a thread of its own: the browser's driver keeps an event loop on the test's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
