"""What people decide and say takes effect once, on what they saw, and nowhere else."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from pipeline import events
from pipeline.access import Role
from pipeline.change_request import Move, PauseReason, Stage
from pipeline.errors import LeaseLost
from pipeline.interventions.intervention import Action, BeginningAnew, InterventionStatus, RerunMode, Resuming
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.events import Events
from pipeline.store.interventions import Interventions
from tests.controller import line
from tests.controller.conftest import Controller, Lent, eventually, lending
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestDatabase, TestServer
from tests.gates import release


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


def say(controller: Controller, action: str, **fields: Any) -> httpx2.Response:
    address = f"/api/v1/change-requests/{line.CR}/interventions"
    return controller.client().post(address, json={"action": action, **fields})


def detail(controller: Controller) -> dict[str, Any]:
    found: dict[str, Any] = controller.client().get(f"/api/v1/change-requests/{line.CR}").json()
    return found


def events_of(controller: Controller) -> list[dict[str, Any]]:
    address = f"/api/v1/change-requests/{line.CR}/events"
    items: list[dict[str, Any]] = (
        controller.client().get(address, headers={"Accept": "application/json"}).json()["items"]
    )
    return [item["payload"] for item in items]


def decide(controller: Controller, gate_id: str, **fields: Any) -> httpx2.Response:
    body = {"decision": "approve", "content_hash": "hash-1", **fields}
    return controller.client().post(f"/api/v1/gates/{gate_id}/decision", json=body)


async def test_an_approval_binds_to_what_was_seen_and_goes_on(controller: Controller, store: Database) -> None:
    await line.queued(store)
    gate = await line.at_gate(store)
    inbox = controller.client().get("/api/v1/gates").json()["items"]
    assert [(one["id"], one["title"], one["content"]) for one in inbox] == [
        (gate.id, "Add a greeting", release().model_dump(mode="json"))
    ]
    stale = decide(controller, gate.id, content_hash="hash-0")
    assert (stale.status_code, stale.json()["facts"]["content_hash"]) == (409, "hash-1")
    assert detail(controller)["status"] == "waiting"
    approved = decide(controller, gate.id, comment="Good.")
    assert (approved.status_code, approved.json()["decided_by"]) == (200, "local")
    assert decide(controller, gate.id).status_code == 200
    assert decide(controller, gate.id, decision="reject").status_code == 409
    assert detail(controller)["status"] == "queued"
    assert controller.client().get("/api/v1/gates").json()["items"] == []
    assert [event["type"] for event in events_of(controller)] == ["gate_decided", "status_changed"]
    audited = controller.client().get(f"/api/v1/audit?target={gate.id}").json()["items"]
    assert [(one["actor"], one["action"]) for one in audited] == [("local", "decided:approve")]


async def test_a_rejected_release_ends_the_change_request_and_its_open_effects(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    gate = await line.at_gate(store)
    await line.worked(store)
    assert decide(controller, gate.id, decision="reject", comment="No.").status_code == 200
    ended = detail(controller)
    assert (ended["status"], ended["pause_message"]) == ("cancelled", "release_rejected")

    async def dismissed() -> bool:
        # An executor may have it in its hands at this moment.
        async with store.transaction() as connection:
            return [effect.status for effect in await Effects(connection).of(line.CR)] == ["dismissed"]

    await eventually(dismissed)


async def test_sending_back_needs_a_reason_and_goes_on(controller: Controller, store: Database) -> None:
    await line.queued(store)
    gate = await line.at_gate(store)
    assert decide(controller, gate.id, decision="send_back").json()["field"] == "comment"
    assert decide(controller, gate.id, decision="edit").json()["field"] == "decision"
    assert decide(controller, gate.id, decision="send_back", comment="Rename it.").status_code == 200
    assert detail(controller)["status"] == "queued"


async def test_the_requester_approves_only_where_the_tenant_says_so(
    controller: Controller, store: Database, database: TestDatabase
) -> None:
    await line.queued(store, requester_may_approve=False)
    gate = await line.at_gate(store)
    assert decide(controller, gate.id).status_code == 403
    assert detail(controller)["status"] == "waiting"
    assert decide(controller, gate.id, decision="send_back", comment="Wait.").status_code == 200


async def test_of_two_people_who_decide_at_once_one_is_told(controller: Controller, store: Database) -> None:
    await line.queued(store)
    gate = await line.at_gate(store)
    async with controller.async_client() as client:
        bodies = [
            {"decision": name, "content_hash": "hash-1", "comment": "x"} for name in ("approve", "reject", "send_back")
        ]
        answers = await asyncio.gather(
            *(client.post(f"/api/v1/gates/{gate.id}/decision", json=body) for body in bodies)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len([event for event in events_of(controller) if event["type"] == "gate_decided"]) == 1


async def test_a_paused_one_goes_on_with_instructions_that_the_worker_finds(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.REVIEW_LOOP)
    seen = detail(controller)["pause"]
    assert (seen["reason"], seen["facts"]) == ("review_loop", {"loops": 3})
    actions = {(one["action"], one["mode"]) for one in seen["actions"]}
    assert {("resume", None), ("rerun", "stage"), ("rerun", "scratch"), ("fail", None), ("cancel", None)} < actions
    assert all(one["explanation"] for one in seen["actions"])
    receipt = say(controller, "resume", instructions="Use the old name.")
    assert receipt.status_code == 202
    assert (receipt.json()["status"], receipt.json()["change_request_status"]) == ("queued", "queued")
    async with store.transaction() as connection:
        (row,) = await Interventions(connection).of(line.CR, status=InterventionStatus.QUEUED)
    assert (row.id, row.action, row.body.instructions) == (receipt.json()["id"], Action.RESUME, "Use the old name.")
    again = say(controller, "resume")
    assert (again.status_code, again.json()["field"]) == (409, "action")
    assert "pause" in again.json()["facts"]["allowed"]
    types = [event["type"] for event in events_of(controller)]
    assert types == ["warned", "intervention_progressed", "status_changed"]


async def test_a_gate_is_decided_not_passed_by(controller: Controller, store: Database) -> None:
    await line.queued(store)
    gate = await line.at_gate(store)
    refused = say(controller, "resume")
    assert (refused.status_code, refused.json()["facts"]["open_gates"]) == (409, [gate.id])
    assert gate.id in refused.json()["detail"]
    assert decide(controller, gate.id, decision="send_back", comment="Say hello politely.").status_code == 200


async def test_a_rerun_from_a_stage_keeps_the_attempt_and_one_from_scratch_begins_the_next(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.TESTS_FAILED)
    assert say(controller, "rerun").json()["field"] == "mode"
    assert say(controller, "rerun", mode="stage").json()["field"] == "stage"
    assert say(controller, "rerun", mode="stage", stage="release").json()["field"] == "stage"
    assert say(controller, "rerun", mode="stage", stage="translation").status_code == 202
    assert (detail(controller)["attempt"], detail(controller)["status"]) == (1, "queued")
    async with store.transaction() as connection:
        (row,) = await Interventions(connection).of(line.CR, status=InterventionStatus.QUEUED)
    assert row.body == BeginningAnew(instructions="", mode=RerunMode.STAGE, stage=Stage.TRANSLATION, attempt=1)
    await line.paused(store, PauseReason.TESTS_FAILED)
    assert say(controller, "rerun", mode="scratch", instructions="Smaller.").status_code == 202
    found = detail(controller)
    assert (found["attempt"], found["status"]) == (2, "queued")
    assert [(one["attempt"], one["mode"]) for one in found["attempts"]] == [(1, "first"), (2, "scratch")]


async def test_a_finished_one_runs_again_unless_its_issue_has_another(controller: Controller, store: Database) -> None:
    await line.queued(store, source="jira", external_id="X-1")
    assert say(controller, "cancel", instructions="Not needed.").status_code == 202
    assert [one["action"] for one in detail(controller)["actions"]] == ["rerun", "cleanup"]
    await line.queued(store, "cr-2", source="jira", external_id="X-1")
    refused = say(controller, "rerun", mode="scratch")
    assert (refused.status_code, refused.json()["facts"]["live"]) == (409, "cr-2")
    controller.client().post("/api/v1/change-requests/cr-2/interventions", json={"action": "cancel"})
    assert say(controller, "rerun", mode="scratch").json()["change_request_status"] == "queued"


@pytest.mark.parametrize(("action", "status"), [("cancel", "cancelled"), ("fail", "failed")])
async def test_ending_a_running_one_shuts_its_worker_out(
    controller: Controller, store: Database, database: TestDatabase, action: str, status: str
) -> None:
    await line.queued(store)
    epoch = await line.running(store)
    worker = Database(database.app_url, tenant="default", worker=WorkerIdentity(cr_id=line.CR, epoch=epoch))
    try:
        assert say(controller, action).json()["change_request_status"] == status
        with pytest.raises(LeaseLost):
            async with worker.transaction() as connection:
                await Events(connection).append(line.CR, events.Warned(message="too late"))
    finally:
        await worker.close()
    assert (detail(controller)["status"], detail(controller)["worker"]["alive"]) == (status, False)


async def test_pause_and_redirect_of_a_running_one_wait_for_its_worker(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.running(store)
    assert say(controller, "redirect").json()["field"] == "instructions"
    receipts = [say(controller, "redirect", instructions=f"Say {number}.") for number in range(3)]
    receipts.append(say(controller, "pause"))
    receipts.append(say(controller, "abort"))
    assert {(one.status_code, one.json()["status"]) for one in receipts} == {(202, "queued")}
    assert detail(controller)["status"] == "running"
    async with store.transaction() as connection:
        rows = await Interventions(connection).of(line.CR, status=InterventionStatus.QUEUED)
        assert [row.id for row in rows] == [one.json()["id"] for one in receipts]
        assert await Interventions(connection).delivered(rows[0].id, role="code_writer", turn=7)
        assert not await Interventions(connection).delivered(rows[0].id, role="test_writer", turn=8)
        await Interventions(connection).acted(rows[0].id)
        await Interventions(connection).refused(rows[3].id, note="It ended before.")
    shown = detail(controller)["interventions"]
    assert [one["status"] for one in shown] == ["acted", "queued", "queued", "refused", "queued"]
    assert shown[0]["delivered_turn"] == 7


async def test_a_pause_that_came_too_late_does_not_stop_the_next_run(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.running(store)
    say(controller, "pause")
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(line.CR, Move.PAUSE, reason=PauseReason.TAMPERING)
    assert say(controller, "rerun", mode="checkpoint", instructions="Go on.").status_code == 202
    async with store.transaction() as connection:
        rows = await Interventions(connection).of(line.CR)
    assert [(row.action, row.status) for row in rows] == [("pause", "refused"), ("resume", "queued")]


async def test_a_queued_one_pauses_at_once(controller: Controller, store: Database) -> None:
    await line.queued(store)
    assert say(controller, "pause").json()["status"] == "acted"
    paused = detail(controller)
    assert (paused["status"], paused["pause"]["reason"]) == ("paused", "human_pause")


async def test_a_budget_only_grows_and_a_pause_for_money_goes_on(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.BUDGET)
    for budget in ("50", "10", "0", "-1", "NaN", "20000", None):
        assert say(controller, "budget", budget_usd=budget).status_code == 422, budget
    assert say(controller, "budget", budget_usd="75.50").json()["change_request_status"] == "queued"
    found = detail(controller)
    assert (found["budget_usd"], found["settings_snapshot"]["pipeline"]["budget_usd"]) == ("75.5", "75.50")
    assert found["settings_snapshot"]["pipeline"]["review_loops_max"] == 3
    async with store.transaction() as connection:
        (row,) = await Interventions(connection).of(line.CR, status=InterventionStatus.QUEUED)
    assert (row.action, row.facts(Resuming).budget_usd) == (Action.RESUME, "75.50")


@pytest.mark.parametrize("action", ["skip", "takeover", "handback"])
async def test_what_the_state_does_not_allow_is_refused_with_what_it_does(
    controller: Controller, store: Database, action: str
) -> None:
    await line.queued(store)
    refused = say(controller, action)
    assert refused.status_code == 409
    assert "queued" in refused.json()["detail"]
    assert "Allowed now: redirect, pause" in refused.json()["remedy"]


async def test_everything_said_at_once_by_many_is_kept(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.running(store, stage=Stage.REVIEW)
    address = f"/api/v1/change-requests/{line.CR}/interventions"
    async with controller.async_client() as client:
        said = [{"action": "redirect", "instructions": f"Say {number}."} for number in range(12)]
        answers = await asyncio.gather(*(client.post(address, json=body) for body in said))
    assert {answer.status_code for answer in answers} == {202}
    kept = {one["body"]["instructions"] for one in detail(controller)["interventions"]}
    assert kept == {f"Say {number}." for number in range(12)}


def test_a_viewer_says_nothing(controller: Controller, token_of: Callable[..., str]) -> None:
    viewer = controller.client(token_of("vera", Role.VIEWER))
    assert viewer.post("/api/v1/change-requests/cr-1/interventions", json={"action": "cancel"}).status_code == 403
