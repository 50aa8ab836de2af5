"""Which text a change request works on is a person's decision: edited after screening, or changed at its source."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from pipeline.access import Role
from pipeline.change_request import Move, PauseReason, Stage, Status
from pipeline.interventions.intervention import Action, ChangingText, InterventionStatus, Notice
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.interventions import Interventions
from pipeline.store.runs import Ending, Runs
from tests.controller import line
from tests.controller.conftest import Controller, Lent, lending, submission
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestServer

ISSUE: dict[str, Any] = {"source": "jira", "external_id": "X-1"}
NEW = "Say goodbye."


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


def say(controller: Controller, action: str, **fields: Any) -> httpx2.Response:
    address = f"/api/v1/change-requests/{line.CR}/interventions"
    return controller.client().post(address, json={"action": action, **fields})


def edit(controller: Controller, body: str, **fields: Any) -> httpx2.Response:
    return say(controller, "edit", request={"body": body, **fields})


def detail(controller: Controller) -> dict[str, Any]:
    found: dict[str, Any] = controller.client().get(f"/api/v1/change-requests/{line.CR}").json()
    return found


def texts(controller: Controller) -> dict[str, Any]:
    found: dict[str, Any] = controller.client().get(f"/api/v1/change-requests/{line.CR}/request").json()
    return found


def said_again(controller: Controller, body: str = NEW, **fields: Any) -> httpx2.Response:
    return controller.client().post("/api/v1/change-requests", json=submission(body=body, **ISSUE, **fields))


def ways(controller: Controller) -> list[str]:
    return [one["action"] for one in detail(controller)["actions"]]


async def stopped_by_screening(store: Database) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.INPUT_RISK, stage=Stage.SCREENING)


async def test_an_edited_text_is_screened_anew_and_the_original_stays_visible(
    controller: Controller, store: Database
) -> None:
    await stopped_by_screening(store)
    assert "edit" in ways(controller)
    edited = edit(controller, "Say hello politely.", revision=1)
    assert (edited.status_code, edited.json()["change_request_status"]) == (202, "queued")
    now = detail(controller)
    assert (now["body"], now["title"], now["request_revision"]) == ("Say hello politely.", "Add a greeting", 2)
    found = texts(controller)
    assert [(one["origin"], one["state"], one["body"], one["changed_by"]) for one in found["items"]] == [
        ("submitted", "taken", "Say hello.", "local"),
        ("edited", "taken", "Say hello politely.", "local"),
    ]
    assert "-Say hello.\n+Say hello politely.\n" in found["items"][1]["diff"]
    async with store.transaction() as connection:
        (row,) = await Interventions(connection).of(line.CR, status=InterventionStatus.QUEUED)
    body = row.facts(ChangingText)
    assert (row.action, body.stage, body.revision) == (Action.EDIT, Stage.INTAKE, 2)
    audited = controller.client().get(f"/api/v1/audit?target={line.CR}").json()["items"]
    assert [(one["actor"], one["action"]) for one in audited] == [("local", "intervened:edit")]


async def test_the_same_edit_sent_again_is_the_same_edit(controller: Controller, store: Database) -> None:
    await stopped_by_screening(store)
    first, again = [edit(controller, "Say hello politely.", revision=1) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert len(texts(controller)["items"]) == 2


async def test_two_people_who_edit_the_same_text_do_not_overwrite_each_other(
    controller: Controller, store: Database, token_of: Callable[..., str]
) -> None:
    await stopped_by_screening(store)
    assert edit(controller, "Say hello politely.", revision=1).status_code == 202
    await line.paused(store, PauseReason.INPUT_RISK, stage=Stage.SCREENING)
    olga = controller.client(await asyncio.to_thread(token_of, "olga", Role.OPERATOR))
    asked = {"action": "edit", "request": {"body": "Say hello briefly.", "revision": 1}}
    refused = olga.post(f"/api/v1/change-requests/{line.CR}/interventions", json=asked)
    assert (refused.status_code, refused.json()["field"]) == (409, "request.revision")
    assert refused.json()["facts"] == {"revision": 2, "by": "local"}
    assert detail(controller)["body"] == "Say hello politely."


@pytest.mark.parametrize(
    ("request_", "status", "field"),
    [
        (None, 422, "request"),
        ({"body": "  "}, 422, "request"),
        ({"body": "Say hello."}, 422, "request"),
        ({"body": "a\x00b"}, 422, "body"),
        ({"body": "x" * 100_001}, 413, "body"),
        ({"body": "Hello.", "title": "two\nlines"}, 422, "title"),
    ],
    ids=["none", "empty", "the same", "NUL", "too long", "title of two lines"],
)
async def test_an_edit_that_is_none_changes_nothing(
    controller: Controller, store: Database, request_: Any, status: int, field: str
) -> None:
    await stopped_by_screening(store)
    refused = say(controller, "edit", request=request_)
    assert (refused.status_code, refused.json()["status"]) == (status, status)
    assert field in refused.json()["field"]
    assert (detail(controller)["status"], len(texts(controller)["items"])) == ("paused", 1)


@pytest.mark.parametrize("reason", [PauseReason.HUMAN_PAUSE, PauseReason.SECRET_FOUND, None])
async def test_what_screening_did_not_stop_is_not_edited(
    controller: Controller, store: Database, reason: PauseReason | None
) -> None:
    await line.queued(store)
    if reason:
        await line.paused(store, reason)
    refused = edit(controller, NEW)
    assert refused.status_code == 409
    assert "only where screening stopped it" in refused.json()["detail"]
    assert "edit" not in ways(controller)


async def test_another_text_for_an_issue_under_way_asks_which_text_counts(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, **ISSUE)
    assert said_again(controller, "Say hello.").status_code == 409, "the same text is no news"
    changed = said_again(controller)
    assert (changed.status_code, changed.json()["id"]) == (202, line.CR)
    assert changed.headers["Location"].endswith(line.CR)
    assert "stops until a person decides" in changed.json()["warnings"][0]
    now = detail(controller)
    assert (now["status"], now["pause"]["reason"], now["proposed_revision"]) == ("paused", "source_changed", 2)
    assert now["body"] == "Say hello.", "it works on what it began with"
    assert ways(controller) == ["adopt", "resume", "fail", "cancel"]
    proposed = texts(controller)["items"][1]
    assert (proposed["state"], proposed["compared_with"]) == ("proposed", 1)
    assert "-Say hello.\n+Say goodbye.\n" in proposed["diff"]
    assert said_again(controller).status_code == 409, "and told once"
    assert said_again(controller, "Say nothing.").status_code == 202
    assert [one["state"] for one in texts(controller)["items"]] == ["taken", "declined", "proposed"]
    refused = say(controller, "rerun", mode="scratch")
    assert (refused.status_code, "another text" in refused.json()["detail"]) == (409, True)


async def test_a_connector_that_repeats_its_changed_text_gets_the_same_answer(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, **ISSUE)
    connector = controller.client(**{"Idempotency-Key": "delivery-7"})
    answers = [connector.post("/api/v1/change-requests", json=submission(body=NEW, **ISSUE)) for _ in range(2)]
    assert [(one.status_code, one.json()["id"]) for one in answers] == [(202, line.CR)] * 2
    assert len(texts(controller)["items"]) == 2


async def test_the_new_text_begins_a_new_attempt(controller: Controller, store: Database) -> None:
    await line.queued(store, **ISSUE)
    gate = await line.at_gate(store)
    said_again(controller, title="Part well")
    decided = controller.client().post(
        f"/api/v1/gates/{gate.id}/decision", json={"decision": "approve", "content_hash": "hash-1"}
    )
    assert (decided.status_code, "which text counts" in decided.json()["remedy"]) == (409, True)
    adopted = say(controller, "adopt")
    assert (adopted.status_code, adopted.json()["change_request_status"]) == (202, "queued")
    now = detail(controller)
    assert (now["attempt"], now["title"], now["body"], now["gates"]) == (2, "Part well", NEW, [])
    assert (now["request_revision"], now["proposed_revision"]) == (2, None)
    assert [one["state"] for one in texts(controller)["items"]] == ["taken", "taken"]
    assert say(controller, "adopt").status_code == 409
    assert said_again(controller, title="Part well").status_code == 409


async def test_continuing_with_the_old_text_restores_what_it_had_stopped_for(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, **ISSUE)
    await line.paused(store, PauseReason.REVIEW_LOOP)
    said_again(controller)
    assert say(controller, "resume", instructions="Hurry.").json()["field"] == "instructions"
    kept = say(controller, "resume")
    assert (kept.status_code, kept.json()["change_request_status"]) == (202, "paused")
    now = detail(controller)
    assert (now["pause"]["reason"], now["pause"]["facts"]) == ("review_loop", {"loops": 3})
    assert (now["body"], now["proposed_revision"]) == ("Say hello.", None)
    assert said_again(controller).status_code == 409, "what was declined is not asked again"


async def test_continuing_from_a_gate_leads_back_to_it(controller: Controller, store: Database) -> None:
    await line.queued(store, **ISSUE)
    gate = await line.at_gate(store)
    said_again(controller)
    kept = say(controller, "resume")
    assert (kept.json()["status"], kept.json()["change_request_status"]) == ("acted", "queued")
    assert [one["id"] for one in detail(controller)["gates"]] == [gate.id]


async def test_a_cancelled_one_declines_the_new_text_and_its_issue_is_free(
    controller: Controller, store: Database
) -> None:
    await line.queued(store, **ISSUE)
    said_again(controller)
    assert say(controller, "cancel").status_code == 202
    assert texts(controller)["items"][1]["state"] == "declined"
    fresh = said_again(controller)
    assert (fresh.status_code, fresh.json()["id"] != line.CR) == (202, True)


@pytest.mark.parametrize("ending", ["stopped for it", "at a gate", "of its own pause"])
async def test_a_running_one_stops_for_the_decision_however_its_run_ends(
    controller: Controller, store: Database, database: Any, ending: str
) -> None:
    await line.queued(store, **ISSUE)
    epoch = await line.running(store)
    changed = said_again(controller)
    assert (changed.status_code, changed.json()["status"]) == (202, "running")
    worker = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id=line.CR, epoch=epoch))
    runs = Runs(worker, cr_id=line.CR, epoch=epoch)
    asked = (await runs.stop_asked())[1]
    assert asked is not None and asked.action is Notice.SOURCE_CHANGED
    how = {
        "stopped for it": (Move.PAUSE, Status.PAUSED, PauseReason.SOURCE_CHANGED),
        "at a gate": (Move.WAIT, Status.WAITING, None),
        "of its own pause": (Move.PAUSE, Status.PAUSED, PauseReason.BUDGET),
    }[ending]
    await runs.end(Ending(move=how[0], status=how[1], reason=how[2]))
    await worker.close()
    now = detail(controller)
    assert (now["pause"]["reason"], now["proposed_revision"]) == ("source_changed", 2)
    assert [(one["action"], one["status"]) for one in now["interventions"]] == [("source_changed", "acted")]
    after = say(controller, "resume").json()["change_request_status"]
    assert after == ("paused" if ending == "of its own pause" else "queued")


async def test_one_that_was_completed_first_keeps_its_outcome(
    controller: Controller, store: Database, database: Any
) -> None:
    await line.queued(store, **ISSUE)
    epoch = await line.running(store)
    said_again(controller)
    worker = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id=line.CR, epoch=epoch))
    await Runs(worker, cr_id=line.CR, epoch=epoch).end(Ending(move=Move.COMPLETE, status=Status.COMPLETED))
    await worker.close()
    now = detail(controller)
    assert (now["status"], now["interventions"][0]["status"]) == ("completed", "refused")
    assert texts(controller)["items"][1]["state"] == "late"


async def test_a_pause_without_a_run_is_asked_about_too(controller: Controller, store: Database) -> None:
    """A person stops a queued change request, then its source changes."""
    await line.queued(store, **ISSUE)
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(line.CR, Move.PAUSE, reason=PauseReason.HUMAN_PAUSE, message="Wait.")
    said_again(controller)
    assert detail(controller)["pause"]["reason"] == "source_changed"
    assert say(controller, "resume").json()["change_request_status"] == "paused"
    assert (detail(controller)["pause"]["reason"], detail(controller)["pause"]["message"]) == ("human_pause", "Wait.")
