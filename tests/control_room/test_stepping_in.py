"""People step in while agents work: every control of the room, driven on one real installation with real git."""

import shlex
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.control_room.conftest import Room, ask, login
from tests.installation import HALF, SHARED, SHORT, WAITS, Installation, commit, git
from tests.line import scenarios

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900), SHARED]

SLOW_MS = 120_000


def opened(line: Installation, room: Room, repository: Path) -> Page:
    """Submit a change of this repository and open its page."""
    body = {
        "title": f"Double a number in {repository.name}",
        "body": scenarios.BODY,
        "repositories": [str(repository)],
    }
    submitted = ask(line.url, line.place, "change-requests", body)
    page = room.person(line.url, login(line.url, line.place))
    page.set_default_timeout(SLOW_MS)
    expect(page.get_by_role("heading", name="Change requests")).to_be_visible()
    page.goto(f"{line.url}/change-requests/{submitted['id']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=SLOW_MS)
    return page


@pytest.mark.thorough
def test_what_an_agent_says_is_seen_at_once_and_a_stopped_run_begins_again_from_an_earlier_stage(
    running: Installation, room: Room
) -> None:
    page = opened(running, room, running.repository("spoken"))
    panel = page.get_by_role("region", name="Live: spoken")
    log = page.get_by_role("log")
    paused = page.get_by_role("region", name="Paused")
    expect(panel).to_contain_text("requirements analyst", timeout=SLOW_MS)
    # What was said before anybody listened is not kept: the page is open now, and it is said again.
    page.get_by_role("button", name="Pause").click()
    paused.get_by_role("button", name="Resume").click()
    expect(panel).to_contain_text("I weigh one reading against the other", timeout=SLOW_MS)
    expect(log).not_to_contain_text("I weigh one reading")
    stages = page.get_by_role("navigation", name="Stages")
    expect(stages.locator("[aria-current='step']")).to_contain_text("Behaviour translation")
    room.look(page, "saying")
    page.get_by_role("button", name="Pause").click()
    paused.get_by_label("Instructions for the agents").fill("In one sentence, please.")
    expect(panel).not_to_contain_text("I weigh one reading")
    paused.get_by_role("button", name="Resume").click()
    expect(log).to_contain_text(SHORT, timeout=SLOW_MS)
    expect(panel).not_to_contain_text("requirements analyst")

    expect(panel).to_contain_text(WAITS, timeout=SLOW_MS)
    page.get_by_role("button", name="Abort").click()
    expect(paused).to_contain_text("Stopped at development")
    room.look(page, "aborted")
    paused.get_by_label("from").select_option("Behaviour verification")
    paused.get_by_role("button", name="Run again").click()
    expect(log.get_by_text("Behaviour verification")).to_have_count(2)
    expect(panel).to_contain_text(WAITS, timeout=SLOW_MS)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Press again: cancel for good").click()
    expect(page.locator(".cr-head")).to_contain_text("Cancelled")


@pytest.mark.thorough
def test_opinions_are_skipped_by_name_and_what_a_cancelled_change_left_goes_only_when_chosen(
    running: Installation, room: Room
) -> None:
    repository = running.repository("skipped")
    page = opened(running, room, repository)
    expect(page.get_by_role("region", name="Live: skipped")).to_contain_text(WAITS, timeout=SLOW_MS)
    page.get_by_label("Instructions for the agents").fill("A matter of taste.")
    page.get_by_role("button", name="Skip the opinions").click()
    card = page.get_by_role("region", name="Decision: release")
    expect(card).to_contain_text("local skipped review: A matter of taste.", timeout=SLOW_MS)
    receipts = page.get_by_role("region", name="Receipts")
    expect(receipts.get_by_role("listitem").filter(has_text="A matter of taste.")).to_be_visible()
    expect(receipts.locator("[aria-current='step']")).to_contain_text("acted on")
    room.look(page, "skipped")

    page.get_by_text("More that can be done now").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Press again: cancel for good").click()
    left = page.get_by_role("region", name="Cleanup")
    branch = left.get_by_label("What becomes of changeline/")
    expect(branch).to_have_value("keep")
    expect(left.get_by_label("What becomes of work in progress")).to_have_value("keep")
    room.look(page, "cleanup")
    refs = git(repository, "for-each-ref")
    assert "refs/heads/changeline/" in refs
    left.get_by_role("button", name="Put it off").click()
    expect(page.get_by_role("region", name="Receipts")).to_contain_text("dismissed")
    left.get_by_role("button", name="Do exactly this").click()
    expect(page.get_by_role("region", name="Receipts")).to_contain_text("3 decided")
    assert git(repository, "for-each-ref") == refs

    page.reload()
    page.get_by_text("What is left outside").click()
    branch.select_option("delete")
    expect(left).to_contain_text("nothing else there holds what was not merged")
    room.look(page, "cleanup-deleting")
    left.get_by_role("button", name="Do exactly this").click()
    expect(left.get_by_role("listitem").filter(has_text="changeline/")).to_contain_text("deleted")
    now = git(repository, "for-each-ref")
    assert "refs/heads/changeline/" not in now
    assert "refs/changeline/wip/" in now


@pytest.mark.thorough
def test_a_change_is_taken_over_finished_by_hand_handed_back_and_released(running: Installation, room: Room) -> None:
    repository = running.repository("taken")
    page = opened(running, room, repository)
    expect(page.get_by_role("region", name="Live: taken")).to_contain_text(WAITS, timeout=SLOW_MS)
    page.get_by_role("button", name="Take over").click()
    paused = page.get_by_role("region", name="Paused")
    shown = paused.locator("code")
    expect(shown.first).to_contain_text("git clone", timeout=SLOW_MS)
    room.look(page, "taken-over")
    clone, _, push = [shlex.split(command) for command in shown.all_text_contents()]
    subprocess.run(clone, cwd=running.place, check=True, capture_output=True)
    work = running.place / clone[-1]
    assert (work / "calc.py").read_text() == HALF
    mine = commit(work, {"calc.py": scenarios.CODE}, "Double it properly")
    subprocess.run(push, cwd=running.place, check=True, capture_output=True)

    paused.get_by_role("button", name="Hand back").click()
    card = page.get_by_role("region", name="Decision: release")
    expect(card).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("log")).to_contain_text("sync analyst")
    expect(page.get_by_role("log")).to_contain_text("handed_back run")
    card.get_by_role("button", name="Approve").click()
    expect(page.locator(".cr-head")).to_contain_text("merged as", timeout=SLOW_MS)
    assert mine in git(repository, "rev-list", "main").splitlines()
