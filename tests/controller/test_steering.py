"""Several people steer one change request: nothing is lost, nobody is overwritten, conflicts say who and what state."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from pipeline.access import Role
from pipeline.change_request import Move, PauseReason, Stage
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import (
    DeleteRef,
    EffectKind,
    EffectStatus,
    Publish,
    Published,
    RefDeleted,
    Result,
    SnapshotsDeleted,
)
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.interventions import Interventions
from tests.controller import line
from tests.controller.conftest import Controller, Starter, eventually
from tests.controller.fakes import ScriptedLauncher
from tests.effects import push, pushed

PEOPLE = ("olga", "paula", "quentin", "ruth")
ADDRESS = f"/api/v1/change-requests/{line.CR}"


class Deletes:
    """Executor of `delete_ref` and `publish` that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def execute(self, effect: Effect) -> Result:
        self.asked.append(effect.payload.model_dump(mode="json"))
        match effect.payload:
            case DeleteRef(ref=ref):
                return RefDeleted(ref=ref)
            case Publish(ref=ref):
                return Published(ref=ref, commit="c" * 40)
        return SnapshotsDeleted()


@pytest.fixture
def deletes() -> Deletes:
    return Deletes()


@pytest.fixture
def controller(start: Starter, deletes: Deletes) -> Iterator[Controller]:
    """Without workers, so that what people caused stays visible."""
    executors = dict.fromkeys([EffectKind.DELETE_REF, EffectKind.PUBLISH, EffectKind.DELETE_SNAPSHOTS], deletes)
    with start.running(launcher=ScriptedLauncher(ready=False), executors=executors) as running:
        yield running


@pytest.fixture
def tokens(controller: Controller, token_of: Callable[..., str]) -> dict[str, str]:
    return {name: token_of(name, Role.OPERATOR) for name in PEOPLE}


async def at_once(controller: Controller, said: list[tuple[str, dict[str, Any]]]) -> list[httpx2.Response]:
    """Send everything at the same time, each with its person's token."""
    async with controller.async_client(None) as client:

        def post(token: str, body: dict[str, Any]) -> Any:
            headers = {"Authorization": f"Bearer {token}"}
            return client.post(f"{ADDRESS}/interventions", json=body, headers=headers)

        return list(await asyncio.gather(*(post(token, body) for token, body in said)))


def say(controller: Controller, token: str, action: str, **fields: Any) -> httpx2.Response:
    return controller.client(token).post(f"{ADDRESS}/interventions", json={"action": action, **fields})


def detail(controller: Controller) -> dict[str, Any]:
    found: dict[str, Any] = controller.client().get(ADDRESS).json()
    return found


async def test_redirects_and_pauses_of_several_people_are_all_kept_and_acknowledged(
    controller: Controller, store: Database, tokens: dict[str, str]
) -> None:
    await line.queued(store)
    await line.running(store)
    redirects = [
        (tokens[name], {"action": "redirect", "instructions": f"{name} {number}", "repository": "sample"})
        for name in PEOPLE
        for number in range(5)
    ]
    pauses = [(token, {"action": "pause"}) for token in tokens.values()]
    answers = await at_once(controller, redirects + pauses)
    assert {answer.status_code for answer in answers} == {202}
    kept = detail(controller)["interventions"]
    assert {one["id"] for one in kept} == {answer.json()["id"] for answer in answers}
    assert {(one["actor"], one["body"]["instructions"]) for one in kept if one["action"] == "redirect"} == {
        (name, f"{name} {number}") for name in PEOPLE for number in range(5)
    }
    async with store.transaction() as connection:
        stopped = await Interventions(connection).stopped(line.CR, role="code_writer", turn=4)
    assert {(one.actor, one.status, one.delivered_turn) for one in stopped} == {(name, "acted", 4) for name in PEOPLE}


async def test_of_several_who_take_over_at_once_one_has_it_and_the_others_are_told_who(
    controller: Controller, store: Database, tokens: dict[str, str]
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.HUMAN_PAUSE)
    await line.worked(store)
    answers = await at_once(controller, [(token, {"action": "takeover"}) for token in tokens.values()])
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    shown = detail(controller)
    holder = shown["takeover"]["by"]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert all(f"{holder} took it over" in one["detail"] for one in refused)
    assert {one["facts"]["status"] for one in refused} == {"paused"}
    assert say(controller, tokens["olga"], "resume").status_code == 409

    async def published() -> bool:
        (one,) = detail(controller)["takeover"]["repositories"]
        return bool(one["status"] == "done")

    await eventually(published)
    (one,) = detail(controller)["takeover"]["repositories"]
    assert one["commands"][0] == "git clone -b changeline/cr-1 /srv/sample cr-1-sample"
    assert say(controller, tokens["ruth"], "handback").status_code == 202
    assert say(controller, tokens["ruth"], "handback").status_code == 409


async def test_of_two_who_take_a_running_one_over_the_second_is_told(
    controller: Controller, store: Database, tokens: dict[str, str]
) -> None:
    await line.queued(store)
    await line.running(store)
    answers = await at_once(controller, [(tokens[name], {"action": "takeover"}) for name in ("olga", "paula")])
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
    assert "is taking it over already" in refused["detail"] and refused["facts"]["status"] == "running"


@pytest.mark.parametrize("stage", [Stage.DEVELOPMENT, Stage.SCREENING, Stage.RELEASE, Stage.MERGE_CHECK])
async def test_what_proves_or_protects_is_never_skipped_and_says_why(
    controller: Controller, store: Database, stage: Stage
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.AGENT_TIMEOUT, stage=stage)
    refused = say(controller, controller.token, "skip")
    assert refused.status_code == 409 and "never skipped" in refused.json()["detail"]
    assert "skip" not in [one["action"] for one in detail(controller)["actions"]]


async def test_a_secret_or_a_risk_is_answered_not_skipped(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.SECRET_FOUND, stage=Stage.REVIEW)
    assert say(controller, controller.token, "skip").status_code == 409


async def test_instructions_for_a_repository_that_is_not_part_of_it_are_refused(
    controller: Controller, store: Database
) -> None:
    await line.queued(store)
    await line.running(store)
    refused = say(controller, controller.token, "redirect", instructions="Hurry.", repository="other")
    assert (refused.status_code, refused.json()["field"]) == (422, "repository")
    assert "sample" in refused.json()["remedy"]


async def test_nothing_is_deleted_without_a_choice_and_a_choice_can_follow_later(
    controller: Controller, store: Database, deletes: Deletes
) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.HUMAN_PAUSE)
    await line.worked(store)
    async with store.transaction() as connection:
        (first,) = await Effects(connection).of(line.CR)
        other = await Effects(connection).intend(
            key="push-2", cr_id=line.CR, repository="sample", payload=push(commit="h" * 40),
        )  # fmt: skip
        await Effects(connection).record(first.id, status=EffectStatus.DISMISSED)
        await Effects(connection).record(other.id, status=EffectStatus.DONE, result=pushed(commit="h" * 40))
    client = controller.client()
    early = client.post(f"{ADDRESS}/cleanup", json={"dismiss": True})
    assert early.status_code == 409, "it may still need its artifacts"
    assert say(controller, controller.token, "cancel").status_code == 202
    found = client.get(f"{ADDRESS}/cleanup").json()
    assert found["pending"]
    assert {one["id"]: (one["state"], one["default"]) for one in found["artifacts"]} == {
        "branch:sample:1": ("open", "keep"), "pull_request:sample:1": ("open", "close"),
        "snapshots:sample": ("open", "keep"),
    }  # fmt: skip
    assert "h" * 12 in found["artifacts"][0]["warning"]
    assert client.post(f"{ADDRESS}/cleanup", json={"dismiss": True}).status_code == 202
    page = client.get(f"{ADDRESS}/events", headers={"Accept": "application/json"}).json()["items"]
    assert "cleanup_pending" in [item["payload"]["type"] for item in page]
    assert client.get(f"{ADDRESS}/cleanup").json()["pending"] and not deletes.asked
    wrong = {"decisions": [{"artifact": "branch:sample:1", "choice": "close"}]}
    assert client.post(f"{ADDRESS}/cleanup", json=wrong).json()["field"] == "choice"
    choices = [
        {"artifact": "branch:sample:1", "choice": "delete"},
        {"artifact": "pull_request:sample:1", "choice": "close"},
        {"artifact": "snapshots:sample", "choice": "delete"},
    ]
    assert client.post(f"{ADDRESS}/cleanup", json={"decisions": choices}).status_code == 202

    async def deleted() -> bool:
        states = {one["id"]: one["state"] for one in client.get(f"{ADDRESS}/cleanup").json()["artifacts"]}
        return states == {
            "branch:sample:1": "deleted",
            "pull_request:sample:1": "closed",
            "snapshots:sample": "deleted",
        }

    await eventually(deleted)
    expected = {"remote": "/srv/sample", "ref": "refs/heads/changeline/cr-1", "expected": "h" * 40}
    saved = {"remote": "/srv/sample", "cr_id": line.CR, "shown": ["b" * 40, "h" * 40]}
    assert sorted(deletes.asked, key=lambda asked: "ref" in asked) == [saved, expected]
    assert client.post(f"{ADDRESS}/cleanup", json={"decisions": choices}).status_code == 422


async def test_a_completed_one_offers_no_cleanup(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.running(store)
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(line.CR, Move.COMPLETE)
    assert controller.client().post(f"{ADDRESS}/cleanup", json={"dismiss": True}).status_code == 409
