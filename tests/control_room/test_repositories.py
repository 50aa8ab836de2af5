"""The page of a repository: checked from the browser by the real process, in its own words whatever was found."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.control_room.conftest import PHONE, Room, ask, login
from tests.installation import SHARED, Installation, commit

pytestmark = [pytest.mark.acceptance, SHARED, pytest.mark.timeout(600)]

SLOW_MS = 120_000
RACE = (
    "def test_race():\n    assert 'second_run' in open('/proc/self/mountinfo').read(), 'the other thread was first'\n"
)
"""Fails in one of the two runs, each time: the tree of a run is named after it."""
OUTSIDE = "import socket\n\n\ndef test_orders():\n    socket.create_connection(('127.0.0.1', 5432)).close()\n"
SLOW = "import time\n\n\ndef test_slow():\n    time.sleep(0.7)\n"


def test_a_repository_is_checked_in_the_browser_and_says_what_is_in_the_way_before_a_change(
    running: Installation, room: Room
) -> None:
    clean = running.repository("parcels")
    _register(running, clean)
    page = room.person(running.url, login(running.url, running.place))
    page.set_default_timeout(SLOW_MS)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("p")
    page.get_by_role("link", name="parcels").click()
    expect(page.get_by_role("region", name="Component")).to_contain_text("1 passed", timeout=SLOW_MS)
    expect(page.get_by_role("heading", name="parcels")).to_contain_text("Ready")
    room.look(page, "repository-clean")

    commit(
        clean, {"tests/test_race.py": RACE, "tests/test_orders.py": OUTSIDE, "tests/test_slow.py": SLOW}, "Old tests"
    )
    commit(clean, {"CONTRIBUTING.md": "Sign off your commits (DCO).\n"}, "Rules")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Flaky 1")).to_be_visible(timeout=SLOW_MS)
    component = page.get_by_role("region", name="Component")
    for told in ("test_race", "failed, then passed", "needs PostgreSQL (port 5432)", "test_slow"):
        expect(component).to_contain_text(told)
    expect(page.get_by_role("region", name="Good to know")).to_contain_text("CHANGELINE_GIT__SIGN_OFF=true")
    room.look(page, "repository-flaky")

    commit(clean, {"pytest.ini": "[pytest]\naddopts = --numprocesses=4\n"}, "Faster tests")
    page.get_by_role("button", name="Check again").click()
    trouble = page.get_by_role("note", name="What is in the way")
    expect(trouble).to_contain_text("unrecognized arguments: --numprocesses=4", timeout=SLOW_MS)
    expect(trouble).to_contain_text("pytest-xdist")
    room.look(page, "repository-broken")
    _warned_before_submitting(room, page, running)


def test_a_check_is_stopped_and_a_phone_shows_where_it_is(running: Installation, room: Room) -> None:
    endless = running.repository("endless")
    commit(
        endless, {"tests/test_endless.py": "import time\n\n\ndef test_endless():\n    time.sleep(600)\n"}, "Patience"
    )
    _register(running, endless)
    page = room.person(running.url, login(running.url, running.place), size=PHONE)
    page.goto(f"{running.url}/repositories/endless")
    steps = page.get_by_role("region", name="The check")
    expect(steps.locator("[aria-current='step']")).to_contain_text("Run the suite", timeout=SLOW_MS)
    room.look(page, "repository-running")
    page.get_by_role("button", name="Stop the check").click()
    expect(page.get_by_role("region", name="The last check")).to_contain_text("was stopped", timeout=SLOW_MS)


def _register(line: Installation, repository: Path) -> None:
    ask(line.url, line.place, "repositories", {"remote": str(repository), "name": repository.name})


def _warned_before_submitting(room: Room, page: Page, line: Installation) -> None:
    page.get_by_role("link", name="New change request").click()
    warning = page.get_by_role("alert")
    expect(warning).to_contain_text("pytest-xdist")
    page.get_by_label("What should change, and why").fill("Double a number.")
    expect(page.get_by_role("button", name="Submit")).to_be_enabled()
    room.look(page, "new-warned")
    warning.get_by_role("link", name="See the check").click()
    expect(page).to_have_url(f"{line.url}/repositories/parcels")
