"""People decide and steer from the command line; what they see is what they decide on."""

from pathlib import Path

import pytest

from pipeline.change_request import PauseReason, Stage
from pipeline.store.engine import Database
from tests.cli.conftest import Verb
from tests.controller import line
from tests.controller.conftest import Controller

pytestmark = pytest.mark.usefixtures("controller")


async def test_an_approval_shows_the_content_and_binds_to_its_hash(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.at_gate(store, content_hash="hash-1")
    approved = verb("approve", line.CR, "--comment", "Good.")
    assert approved.code == 0, approved.err
    assert "Add a greeting" in approved.out
    assert "Content hash: hash-1" in approved.out
    assert "Approved: release of cr-1 (hash-1)" in approved.out
    assert verb("show", line.CR, "--json").value["status"] == "queued"


async def test_an_approval_of_other_content_than_was_seen_is_refused(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.at_gate(store, content_hash="hash-2")
    refused = verb("approve", line.CR, "--hash", "hash-1")
    assert refused.code == 2
    assert verb("show", line.CR, "--json").value["status"] == "waiting"


async def test_nothing_to_decide_is_a_sentence_that_names_the_status(verb: Verb, store: Database) -> None:
    await line.queued(store)
    refused = verb("approve", line.CR)
    assert (refused.code, refused.out) == (2, "")
    assert "cr-1 is queued and waits for no decision." in refused.err


async def test_a_rejection_ends_the_change_request(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.at_gate(store)
    assert verb("reject", line.CR, "--json").value["decision"] == "reject"
    shown = verb("show", line.CR, "--json").value
    assert shown["status"] == "cancelled"
    assert verb("watch", line.CR).code == 4


async def test_sending_back_takes_the_reason_along(verb: Verb, store: Database) -> None:
    await line.queued(store)
    await line.at_gate(store)
    assert verb("sendback", line.CR).code == 2, "a reason is needed"
    assert verb("sendback", line.CR, "--comment", "Name the unit.", "--json").value["comment"] == "Name the unit."
    assert verb("show", line.CR, "--json").value["status"] == "queued"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("resume", line.CR, "--instructions", "Use the other table."), "queued"),
        (("rerun", line.CR, "--stage", "development"), "queued"),
        (("rerun", line.CR), "queued"),
        (("budget", line.CR, "75"), "paused"),
        (("fail", line.CR, "-i", "Not worth it."), "failed"),
        (("cancel", line.CR), "cancelled"),
    ],
)
async def test_a_paused_change_request_is_led_on_with_a_receipt(
    verb: Verb, store: Database, arguments: tuple[str, ...], status: str
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.REVIEW_LOOP, stage=Stage.REVIEW)
    receipt = verb(*arguments, "--json").value
    assert (receipt["change_request"], receipt["change_request_status"]) == (line.CR, status)
    shown = verb("show", line.CR)
    assert f"local said {arguments[0]}" in shown.out


async def test_what_is_not_possible_now_names_what_is(verb: Verb, store: Database) -> None:
    await line.queued(store)
    refused = verb("resume", line.CR, "--json")
    assert refused.code == 2
    assert "Allowed now: redirect, pause" in refused.value["remedy"]


async def test_a_running_one_is_told_from_a_file(verb: Verb, store: Database, tmp_path: Path) -> None:
    await line.queued(store)
    await line.running(store)
    instructions = tmp_path / "instructions.md"
    instructions.write_text("Keep the old name.\n")
    assert verb("redirect", line.CR, "--file", str(instructions)).code == 0
    assert "local said redirect (queued): Keep the old name." in verb("show", line.CR).out
    assert verb("redirect", line.CR, "One.", "--file", str(instructions)).code == 2
    assert verb("pause", line.CR).code == 0
    assert verb("abort", line.CR).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("budget", line.CR, "much"),
        ("rerun", line.CR, "--mode", "stage"),
        ("rerun", line.CR, "--mode", "scratch", "--stage", "review"),
        ("rerun", line.CR, "--stage", "lunch"),
        ("redirect", line.CR),
        ("budget", line.CR, "1"),
    ],
)
async def test_a_steering_without_sense_changes_nothing(
    verb: Verb, store: Database, controller: Controller, arguments: tuple[str, ...]
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.BUDGET)
    before = controller.count("interventions")
    assert verb(*arguments).code == 2
    assert controller.count("interventions") == before


async def test_the_text_that_screening_stopped_is_edited_and_every_text_can_be_read(
    verb: Verb, store: Database, tmp_path: Path
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.INPUT_RISK, stage=Stage.SCREENING)
    assert f"changeline edit {line.CR} --file FILE" in verb("show", line.CR).out
    better = tmp_path / "request.md"
    better.write_text("Say hello politely.\n", encoding="utf-8")
    assert verb("edit", line.CR).code == 2, "a text is needed"
    edited = verb("edit", line.CR, "--file", str(better), "--revision", "1", "--json").value
    assert (edited["change_request"], edited["change_request_status"]) == (line.CR, "queued")
    assert "Say hello politely." in verb("request", line.CR).out
    assert "Say hello.\n" in verb("request", line.CR, "--revision", "1").out
    assert verb("request", line.CR, "--revision", "9").code == 2
    assert "-Say hello.\n+Say hello politely.\n" in verb("request", line.CR, "--changes").out
    assert [one["origin"] for one in verb("request", line.CR, "--json").value["items"]] == ["submitted", "edited"]
    refused = verb("edit", line.CR, "--body", "Something else.")
    assert refused.code == 2 and "only where screening stopped it" in refused.err


async def test_a_source_that_changed_is_adopted_or_not(verb: Verb, store: Database, controller: Controller) -> None:
    issue = {"source": "jira", "external_id": "X-1"}
    cr = controller.submit(**issue)["id"]
    controller.submit(**issue, body="Say goodbye.")
    shown = verb("show", cr).out
    assert "paused (source changed)" in shown
    assert f"changeline adopt {cr}" in shown
    assert "waits for a decision" in verb("request", cr, "--changes").err
    assert verb("adopt", cr, "--json").value["change_request_status"] == "queued"
    assert "Say goodbye." in verb("request", cr).out


async def test_what_ended_change_requests_left_is_listed(verb: Verb, store: Database) -> None:
    assert verb("cleanup", "--list").out.strip() == "Nothing is left at a remote."
    await line.queued(store)
    await line.running(store)
    await line.worked(store)
    verb("cancel", line.CR)
    (left,) = verb("cleanup", "--list", "--json").value["items"]
    assert (left["change_request"], left["artifact"]["id"], left["at_remote"]) == (
        line.CR,
        "snapshots:sample",
        "unknown",
    )
    assert line.CR in verb("cleanup", "--list", "--repo", "sample").out
    assert verb("cleanup").code == 2
    assert verb("cleanup", line.CR, "--list").code == 2
