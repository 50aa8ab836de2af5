"""The whole line driven from the browser alone: real servers, workers, git and tests; only the model is scripted."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.control_room.conftest import PHONE, Room, login
from tests.installation import EXAMPLES, Changeline, git, value_of

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

SLOW_MS = 120_000
SCENARIO = str(EXAMPLES / "parcel-rates.scenario.yaml")
REQUEST = (EXAMPLES / "parcel-rates.request.md").read_text()


def test_a_change_is_submitted_watched_steered_paused_commented_and_released_without_a_terminal(
    changeline: Changeline, sample: Path, place: Path, room: Room
) -> None:
    url = _up(changeline, "0")
    page = room.person(url, login(url, place))
    page.set_default_timeout(SLOW_MS)
    expect(page.get_by_text("No change request yet.")).to_be_visible()

    _submit(room, page, sample)
    _steer_and_pause(room, page)
    _restart(room, page, changeline, url)
    expect(page.get_by_role("region", name="Decision: release")).to_be_visible(timeout=SLOW_MS)
    address = page.url
    _saw_everything_once(page, url, address)
    _look_at_every_pane(room, page, address)
    _look_at_a_turn(room, page, address)
    _look_at_a_log(room, page, address)
    _comment(room, page, address)

    phone = room.person(url, login(url, place), size=PHONE)
    phone.goto(f"{url}/inbox")
    expect(phone.get_by_role("region", name="Decision: release")).to_be_visible()
    room.look(phone, "phone-approval")
    phone.goto(f"{address}?tab=diff")
    phone.get_by_role("button", name="Earlier turn").click()
    expect(phone.get_by_text("Exactly what the code writer changed")).to_be_visible()
    phone.get_by_role("group", name="Turn").scroll_into_view_if_needed()
    room.look(phone, "phone-diff")

    page.goto(f"{url}/inbox")
    expect(page.get_by_role("button", name="Approve")).to_be_enabled()
    room.look(page, "inbox")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("region", name="Done")).to_contain_text("Insure parcels", timeout=SLOW_MS)
    assert "Insure parcels" in git(sample, "log", "--format=%B", "main")
    _look_at_the_rest(room, page, url)


def _submit(room: Room, page: Page, sample: Path) -> None:
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.get_by_label("Repository", exact=True).fill(str(sample))
    page.get_by_label("Title").fill("Insure parcels with a declared value")
    page.get_by_label("What should change, and why").fill(REQUEST)
    room.look(page, "new")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Insure parcels with a declared value")).to_be_visible()


def _steer_and_pause(room: Room, page: Page) -> None:
    expect(page.get_by_role("log")).to_contain_text("analyst", timeout=SLOW_MS)
    page.keyboard.press("s")
    page.keyboard.type("Keep to the conventions in AGENTS.md.")
    expect(page.get_by_label("Instructions for the agents")).to_have_value("Keep to the conventions in AGENTS.md.")
    page.get_by_role("button", name="Tell the agents").click()
    expect(page.get_by_role("region", name="Receipts")).to_contain_text("Keep to the conventions")
    # Looked at later: agents go on while a busy machine draws, and at the gate there is nothing to pause.
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("region", name="Paused")).to_contain_text("Paused by a person")
    room.look(page, "paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("region", name="Paused")).to_be_hidden()
    room.look(page, "live")


def _look_at_every_pane(room: Room, page: Page, address: str) -> None:
    room.look(page, "release")
    telling = {
        "spec": "Scenario", "diff": "insurance.py", "tests": "red → green", "findings": "rounding", "conversation": "spec writer",
        "cost": "Cache read", "evidence": "Download", "history": "Keep to the conventions", "settings": "requester may approve",
        "request": "As understood",
    }  # fmt: skip
    for tab, text in telling.items():
        page.goto(f"{address}?tab={tab}")
        expect(page.locator(".tab-panel")).to_contain_text(text, ignore_case=True)
        room.look(page, tab)


def _look_at_a_turn(room: Room, page: Page, address: str) -> None:
    page.goto(f"{address}?tab=diff")
    show = page.get_by_role("combobox", name="Show")
    expect(show.locator("optgroup[label='parcel-rates: code writer, conversation 2']")).to_be_attached()
    page.keyboard.press(",")
    expect(page).to_have_url(re.compile(r"[?]tab=diff&turn=[0-9a-f]{40}$"))
    expect(page.locator(".tab-panel")).to_contain_text("Exactly what the code writer changed in turn")
    expect(page.locator(".diff-file").first).to_be_visible()
    room.look(page, "diff-turn")
    page.keyboard.press(".")
    expect(page).to_have_url(f"{address}?tab=diff")
    page.goto(f"{address}?tab=diff&turn={'0' * 40}")
    expect(page.get_by_role("alert")).to_contain_text("List the turns")


def _look_at_a_log(room: Room, page: Page, address: str) -> None:
    page.goto(f"{address}?tab=tests")
    page.get_by_role("link", name="Whole log of red").first.click()
    expect(page.get_by_role("region", name="What failed")).to_be_visible()
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log).to_contain_text("--junitxml")
    expect(log).to_contain_text("The process ended with exit code 1")
    room.look(page, "log")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the log").click()
    assert downloading.value.path().read_text() == log.text_content()


def _comment(room: Room, page: Page, address: str) -> None:
    page.goto(f"{address}?tab=diff")
    _keep_comment(page, 3, "Say why the minimum is 1.50 EUR.")
    expect(page.get_by_role("region", name="Line comments")).to_contain_text("1 comment not sent")
    room.look(page, "comments")
    page.get_by_label("side by side").check()
    expect(page.locator(".diff-pair").first).to_be_visible()
    _keep_comment(page, 5, "Name the currency.")
    expect(page.get_by_role("region", name="Line comments")).to_contain_text("2 comments not sent")
    room.look(page, "comments-split")
    page.get_by_label("side by side").uncheck()
    page.get_by_role("button", name="Discard").click()


def _keep_comment(page: Page, line: int, text: str) -> None:
    page.get_by_role("button", name=re.compile(f"^Comment on .*insurance.py:{line}$")).first.click()
    page.get_by_label(re.compile("^Comment on")).and_(page.get_by_role("textbox")).fill(text)
    page.get_by_role("button", name="Keep").click()


def _restart(room: Room, page: Page, changeline: Changeline, url: str) -> None:
    """Stop and start the installation while agents work; the page stays open and goes on by itself."""
    changeline("down")
    expect(page.get_by_text("The controller does not answer.")).to_be_visible()
    room.look(page, "offline")
    assert _up(changeline, url.rsplit(":", 1)[1]) == url
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("The controller does not answer.")).to_be_hidden()


def _saw_everything_once(page: Page, url: str, address: str) -> None:
    """The page that was open all the time shows each event once, in the order of the controller's own record."""
    events = page.request.get(
        f"{url}/api/v1{address.removeprefix(url)}/events?limit=1000", headers={"Accept": "application/json"}
    )
    recorded = [one["at"] for one in events.json()["items"]]
    seen = page.get_by_role("log").locator("time")
    expect(seen).to_have_count(len(recorded))
    assert seen.evaluate_all("all => all.map(one => one.dateTime)") == recorded


def _look_at_the_rest(room: Room, page: Page, url: str) -> None:
    room.look(page, "board")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Command or change request").fill("insure")
    expect(page.get_by_role("option", name="Insure parcels")).to_be_visible()
    room.look(page, "palette")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    room.look(page, "keyboard")
    page.keyboard.press("Escape")
    page.goto(f"{url}/learnings")
    page.get_by_role("button", name=re.compile("^Approve")).first.click()
    expect(page.get_by_role("region", name=re.compile("^Approved"))).to_be_visible()
    room.look(page, "learnings")
    page.goto(f"{url}/analytics")
    expect(page.get_by_role("region", name="Time per stage")).to_contain_text("Development")
    room.look(page, "analytics")


def _up(changeline: Changeline, port: str) -> str:
    started = changeline("up", "--detach", "--port", port, "--scenario", SCENARIO)
    assert started.returncode == 0, started.stderr
    return str(value_of(changeline("status", "--json"))["controller"])
