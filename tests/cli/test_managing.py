"""Looking and managing from the command line, over rows as the real pipeline leaves them."""

from pathlib import Path

import pytest

from pipeline.change_request import PauseReason
from pipeline.store.engine import Database
from tests.cli.conftest import Verb
from tests.controller import line
from tests.controller.conftest import Controller

pytestmark = pytest.mark.usefixtures("controller")


async def test_a_change_request_is_listed_shown_and_its_diff_printed(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.REVIEW_LOOP)
    await line.worked(store)
    listed = verb("list", "--status", "paused", "--query", "greeting").out
    assert "cr-1" in listed
    assert "review loop" in listed
    assert verb("list", "--status", "completed").out.strip() == "There are no such change requests."
    assert [one["id"] for one in verb("list", "--repo", "sample", "--json").value["items"]] == ["cr-1"]
    shown = verb("show", "cr-1").out
    assert "paused (review loop) at development" in shown
    assert "0.5125 of 50 USD" in shown or "0.0125 of 50 USD" in shown
    assert "changeline resume cr-1" in shown
    assert verb("diff", "cr-1").out == "--- sample bbbb..hhhh"
    assert "a.py" in verb("diff", "cr-1", "--stat", "--repo", "sample").out
    assert verb("diff", "cr-1", "--repo", "other").code == 2


async def test_the_list_goes_on_where_the_page_ended(verb: Verb, store: Database) -> None:
    for number in range(3):
        await line.queued(store, f"cr-{number}")
    first = verb("list", "--limit", "2", "--json").value
    second = verb("list", "--limit", "2", "--cursor", first["next_cursor"], "--json").value
    assert [one["id"] for page in (first, second) for one in page["items"]] == ["cr-2", "cr-1", "cr-0"]


def test_what_is_not_there_is_said_by_name(verb: Verb) -> None:
    for arguments in (("show", "cr-nothere"), ("watch", "cr-nothere"), ("diff", "../settings"), ("show", "latest")):
        refused = verb(*arguments)
        assert (refused.code, refused.out) == (2, ""), arguments
        assert refused.err.startswith("Error: ")


def test_settings_are_changed_together_checked_and_gone_back_to(verb: Verb) -> None:
    before = verb("settings", "get", "pipeline", "--json").value
    changed = verb("settings", "set", "pipeline", "budget_usd=25", "review_loops_max=2", "--note", "Smaller.", "--json")
    assert (changed.value["version"], changed.value["value"]["budget_usd"]) == (1, "25")
    nested = verb("settings", "set", "models", "retry.retries_max=1", "--json").value
    assert nested["value"]["retry"]["retries_max"] == 1
    refused = verb("settings", "set", "pipeline", "review_loops_max=1", "budget_usd=-1", "--json")
    assert (refused.code, refused.value["field"]) == (2, "pipeline.budget_usd")
    assert verb("settings", "get", "pipeline", "--json").value["value"] == changed.value["value"]
    assert "Smaller." in verb("settings", "history", "pipeline").out
    reverted = verb("settings", "revert", "pipeline", "0", "--json").value
    assert (reverted["version"], reverted["value"]) == (2, before["value"])
    assert "retry.retries_max = 1" in verb("settings", "get").out
    for wrong in (
        ("get", "nothere"),
        ("set", "pipeline", "unknown=1"),
        ("set", "pipeline", "budget_usd"),
        ("revert", "pipeline", "9"),
    ):
        assert verb("settings", *wrong).code == 2, wrong


def test_repositories_are_added_checked_and_shown(verb: Verb, controller: Controller, tmp_path: Path) -> None:
    added = verb(
        "repo", "add", str(tmp_path), "--name", "mine", "--test-command", "make check", "--merge-strategy", "squash"
    )
    assert added.code == 0, added.err
    assert "make check" in added.out
    assert verb("repo", "list", "--json").value["items"][0]["remote"] == str(tmp_path)
    assert verb("repo", "show", "mine", "--json").value["merge_strategy"] == "squash"
    assert verb("repo", "check", "mine").code == 0
    assert verb("submit", "--repo", "mine", "--body", "Say hello.").code == 0
    assert controller.count("repositories") == [1]
    for wrong in (("add", "nothere"), ("add", str(tmp_path), "--name", "../up"), ("show", "other"), ("check", "other")):
        assert verb("repo", *wrong).code == 2, wrong


async def test_learnings_and_effects_wait_for_people(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.running(store)
    await line.worked(store)
    (learning,) = verb("learnings", "list", "--status", "proposed", "--json").value["items"]
    assert verb("learnings", "approve", learning["id"], "--json").value["status"] == "approved"
    assert "retired: Run make." in verb("learnings", "retire", learning["id"]).out
    assert verb("effects", "list").out.strip() == "Nothing needs you here."
    (effect,) = verb("effects", "list", "--cr", "cr-1", "--json").value["items"]
    assert verb("effects", "retry", effect["id"]).code == 2
    dismissed = verb("effects", "dismiss", effect["id"])
    while "is claimed" in dismissed.err:  # the outbox has it in its hand for a moment, and gives it back
        dismissed = verb("effects", "dismiss", effect["id"])
    assert "is dismissed" in dismissed.out


async def test_evidence_is_passed_on_byte_for_byte(verb: Verb, store: Database, tmp_path: Path) -> None:
    await line.queued(store)
    early = verb("evidence", "cr-1")
    assert early.code == 2
    assert "no evidence bundle so far" in early.err
    content = '{"format":"changeline-evidence","who":"Jürgen"}\n'
    await line.with_evidence(store, content.encode())
    saved = tmp_path / "evidence.json"
    assert verb("evidence", "cr-1", "--output", str(saved)).code == 0
    assert saved.read_text(encoding="utf-8") == content
    assert verb("evidence", "cr-1", "--output", str(tmp_path / "nothere" / "evidence.json")).code == 2


def test_a_wrong_token_and_a_missing_one_are_refused(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGELINE_TOKEN", "cl_default_" + "0" * 48)
    assert "CHANGELINE_TOKEN" in verb("list").err
    assert verb("list").code == 2
    monkeypatch.delenv("CHANGELINE_TOKEN")
    assert verb("list", "--json").value["field"] == "CHANGELINE_TOKEN"


def test_a_one_time_link_opens_the_control_room(verb: Verb, controller: Controller) -> None:
    link = verb("login", "--json").value["url"]
    assert link.startswith(controller.url)
    browser = controller.client(None)
    answer = browser.get(link)
    assert (answer.status_code, "changeline_session" in answer.cookies) == (303, True)
    assert browser.get("/api/v1/me").json()["id"] == "local"
