"""The built dashboard in a real browser, on a real controller: signed in by a one-time link, alive without a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.control_room.conftest import browser
from tests.controller.conftest import Controller

__all__ = ["browser"]
"""A fixture of the neighbouring suite."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test when the browser complains, for example about the content security policy."""
    complaints: list[str] = []
    context = browser.new_context()
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def test_a_change_request_appears_on_the_board_by_itself_and_opens(controller: Controller, page: Page) -> None:
    code = controller.client().post("/api/v1/login-codes").json()
    page.goto(controller.url + code["path"])
    expect(page.get_by_text("No change request yet.")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    submitted = controller.submit(title="Greet in French", body="Say bonjour.")
    page.get_by_role("link", name="Greet in French").click()
    expect(page.get_by_role("heading", name="Greet in French")).to_be_visible()
    expect(page).to_have_url(f"{controller.url}/change-requests/{submitted['id']}")

    page.get_by_role("link", name="request", exact=True).click()
    expect(page.get_by_text("Say bonjour.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Say bonjour.")).to_be_visible()


def test_what_a_person_says_in_the_page_is_receipted_in_its_activity(controller: Controller, page: Page) -> None:
    code = controller.client().post("/api/v1/login-codes").json()
    submitted = controller.submit(title="Greet in French")
    page.goto(controller.url + code["path"])
    page.goto(f"{controller.url}/change-requests/{submitted['id']}")
    page.get_by_label("Instructions for the agents").fill("Formal address, please.")
    page.get_by_role("button", name="Tell the agents").click()
    expect(page.get_by_role("log")).to_contain_text("redirect · queued")
    said = controller.client().get(f"/api/v1/change-requests/{submitted['id']}").json()["interventions"]
    assert [one["body"]["instructions"] for one in said] == ["Formal address, please."]


def test_a_stranger_is_told_how_to_sign_in(controller: Controller, page: Page) -> None:
    page.goto(controller.url)
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def _is_complaint(message: ConsoleMessage) -> bool:
    # The browser also reports answers such as 401, which are the page's own business.
    return message.type == "error" and not message.text.startswith("Failed to load resource")
