"""People step in while agents work: every control of the room, driven on one real installation with real git."""

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Changeline, commands, git, reachable, value_of
from tests.control_room.conftest import Room, ask, login
from tests.line import scenarios
from tests.line.scenarios import bash, create, part, submit_code, submit_review, tool, turn

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

SLOW_MS = 40_000
WAITS = "sleep 600"
HALF = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"
THOUGHT = (
    "What doubling gives for zero and for negative numbers is not said, so I weigh one reading against the other. "
)
SHORT = "Doubling is multiplication by two, for every number."
REQUIREMENTS = tool("submit_requirements", requirements=[scenarios.REQUIREMENT])
SCENARIO = scenarios.scenario(
    part(
        "requirements_analyst", turn(REQUIREMENTS, text=THOUGHT * 4, fault={"stall_s": 600}),
        contains=["spoken"], not_contains=["In one sentence"],
    ),
    part("requirements_analyst", turn(REQUIREMENTS, text=SHORT), contains=["spoken"]),
    part("code_writer", turn(bash(WAITS)), turn(submit_code()), contains=["spoken"]),
    part("quality_reviewer", turn(bash(WAITS)), turn(submit_review()), contains=["skipped"]),
    part("code_writer", turn(create("calc.py", HALF)), turn(bash(WAITS)), turn(submit_code()), contains=["taken"]),
    part("sync_analyst", turn(tool("submit_sync", summary="They finished it.", behaviour_changed=False, open_points=[]))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One installation, on which each test has a repository and a change request of its own."""

    changeline: Changeline
    place: Path
    url: str

    def repository(self, name: str) -> Path:
        path = self.place / name
        path.mkdir()
        git(path, "init", "-q", "-b", "main")
        commit(path, scenarios.FILES, "First commit")
        return path

    def open(self, room: Room, repository: Path) -> Page:
        """Submit a change of this repository and open its page."""
        body = {
            "title": f"Double a number in {repository.name}",
            "body": scenarios.BODY,
            "repositories": [str(repository)],
        }
        submitted = ask(self.url, self.place, "change-requests", body)
        page = room.person(self.url, login(self.url, self.place))
        page.set_default_timeout(SLOW_MS)
        expect(page.get_by_role("heading", name="Change requests")).to_be_visible()
        page.goto(f"{self.url}/change-requests/{submitted['id']}")
        return page


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    with reachable() as place, commands(place) as run:
        (place / "scenario.yaml").write_text(SCENARIO)
        started = run("up", "--detach", "--port", "0", "--scenario", str(place / "scenario.yaml"))
        assert started.returncode == 0, started.stderr
        yield Line(run, place, value_of(run("status", "--json"))["controller"])


def test_what_an_agent_says_is_seen_at_once_and_a_stopped_run_begins_again_from_an_earlier_stage(
    line: Line, room: Room
) -> None:
    page = line.open(room, line.repository("spoken"))
    panel = page.get_by_role("region", name="Live: spoken")
    log = page.get_by_role("log")
    expect(panel).to_contain_text("I weigh one reading against the other", timeout=SLOW_MS)
    expect(log).not_to_contain_text("I weigh one reading")
    stages = page.get_by_role("navigation", name="Stages")
    expect(stages.locator("[aria-current='step']")).to_contain_text("Behaviour translation")
    room.look(page, "saying")
    page.get_by_role("button", name="Pause").click()
    paused = page.get_by_role("region", name="Paused")
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


def test_opinions_are_skipped_by_name_and_what_a_cancelled_change_left_goes_only_when_chosen(
    line: Line, room: Room
) -> None:
    repository = line.repository("skipped")
    page = line.open(room, repository)
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


def test_a_change_is_taken_over_finished_by_hand_handed_back_and_released(line: Line, room: Room) -> None:
    repository = line.repository("taken")
    page = line.open(room, repository)
    expect(page.get_by_role("region", name="Live: taken")).to_contain_text(WAITS, timeout=SLOW_MS)
    page.get_by_role("button", name="Take over").click()
    paused = page.get_by_role("region", name="Paused")
    shown = paused.locator("code")
    expect(shown.first).to_contain_text("git clone", timeout=SLOW_MS)
    room.look(page, "taken-over")
    clone, _, push = [shlex.split(command) for command in shown.all_text_contents()]
    subprocess.run(clone, cwd=line.place, check=True, capture_output=True)
    work = line.place / clone[-1]
    assert (work / "calc.py").read_text() == HALF
    mine = commit(work, {"calc.py": scenarios.CODE}, "Double it properly")
    subprocess.run(push, cwd=line.place, check=True, capture_output=True)

    paused.get_by_role("button", name="Hand back").click()
    card = page.get_by_role("region", name="Decision: release")
    expect(card).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("log")).to_contain_text("sync analyst")
    expect(page.get_by_role("log")).to_contain_text("handed_back run")
    card.get_by_role("button", name="Approve").click()
    expect(page.locator(".cr-head")).to_contain_text("merged as", timeout=SLOW_MS)
    assert mine in git(repository, "rev-list", "main").splitlines()


def commit(repository: Path, files: dict[str, str], message: str) -> str:
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD")
