"""Reports and notifications end to end: events of a real database, a real controller, a real receiver."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from controller.background.bells import BellHub
from controller.background.notifications import Announcer
from pipeline import events
from pipeline.adapters.network.webhooks import HttpWebhooks
from pipeline.adapters.settings_secrets import SettingsSecrets
from pipeline.change_request import Move, PauseReason, Status, WaitKind
from pipeline.effects.kinds import Report
from pipeline.settings.process import EffectSettings, WebhookSettings
from pipeline.store.bell import PostgresTenantBell
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events
from tests.controller.conftest import Controller, Starter, eventually
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestDatabase
from tests.receiver import SECRET, Answer, Receiver, receiver

VARIABLE = "CHANGELINE_WEBHOOK__SECRETS__"
GROUPS = {"effects": EffectSettings(retry_s=0.05, retry_max_s=0.1, delivery_tries_max=3)}


@pytest.fixture
def far() -> Iterator[Receiver]:
    with receiver() as served:
        yield served


@contextmanager
def delivering(start: Starter, **given: Any) -> Iterator[Controller]:
    keys = {"reports": SecretStr(SECRET), "notifications": SecretStr(SECRET)}
    groups = {**GROUPS, "webhook": WebhookSettings(secrets=keys, private_hosts=("127.0.0.1",)), **given}
    webhooks = HttpWebhooks(secrets=SettingsSecrets(keys, setting=VARIABLE), private_hosts=("127.0.0.1",), timeout_s=5)
    with start.running(launcher=ScriptedLauncher(), webhooks=webhooks, groups=groups) as controller:
        yield controller


async def moved(store: Database, cr_id: str, move: Move, status: Status, **said: Any) -> None:
    """Move a change request and say so, as a worker does."""
    async with store.transaction() as connection:
        await ChangeRequests(connection).move(
            cr_id, move, reason=said.get("reason"), message=said.get("message", ""), wait=said.get("wait")
        )
        await Events(connection).append(cr_id, events.StatusChanged(status=status, **said))


def subscribe(controller: Controller, far: Receiver, **fields: Any) -> None:
    client = controller.client()
    version = client.get("/api/v1/settings/notifications").json()["version"]
    put = client.put("/api/v1/settings/notifications", json={"value": {"url": far.url, **fields}, "version": version})
    assert put.status_code == 200, put.text


async def test_a_source_is_told_each_checkpoint_once_signed_and_in_order_however_often_answers_get_lost(
    start: Starter, store: Database, far: Receiver
) -> None:
    far.answers = [Answer(cut=True), Answer(503, headers={"Retry-After": "0"}), Answer(), Answer(cut=True)]
    with delivering(start) as controller:
        cr_id = controller.submit(report_url=far.url, source="jira", external_id="SHOP-1")["id"]
        await eventually(lambda: controller.launcher.launched)
        stopped = {"reason": PauseReason.TESTS_FAILED, "message": "Two tests fail."}
        await moved(store, cr_id, Move.PAUSE, Status.PAUSED, **stopped)
        controller.client().post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "resume"})
        await eventually(lambda: len(controller.launcher.launched) == 2)
        await moved(store, cr_id, Move.REQUEUE, Status.QUEUED)
        await eventually(lambda: len(controller.launcher.launched) == 3)
        await moved(store, cr_id, Move.WAIT, Status.WAITING, wait=WaitKind.GATE, message="The release waits.")
        controller.client().post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "cancel"})
        await eventually(lambda: "change_request.cancelled" in far.topics)
        async with store.transaction() as connection:
            reports = await Effects(connection).of(cr_id)
        assert [effect.kind for effect in reports] == ["report"] * 5
    assert far.topics == [f"change_request.{it}" for it in ("started", "paused", "resumed", "waiting", "cancelled")]
    assert all(one.signed and one.json["delivery"] == one.delivery for one in far.received)
    assert len({one.body for one in far.received}) == 5 < len(far.received)
    numbers = [one.json["number"] for one in far.received]
    assert numbers == sorted(numbers)
    paused = next(one.json for one in far.received if one.json["type"].endswith("paused"))
    assert (paused["reason"], paused["message"]) == ("tests_failed", "Two tests fail.")
    assert (paused["change_request"]["source"], paused["change_request"]["external_id"]) == ("jira", "SHOP-1")


async def test_a_refused_report_is_a_dead_letter_that_needs_a_person_who_retries_or_dismisses_it(
    start: Starter, store: Database, far: Receiver
) -> None:
    far.answers = [Answer(422, b"unknown issue")]
    with delivering(start) as controller:
        subscribe(controller, far, events=["dead_letter"])
        cr_id, client = controller.submit(report_url=far.url)["id"], controller.client()
        await eventually(lambda: client.get("/api/v1/effects").json()["items"])
        (dead,) = client.get("/api/v1/effects").json()["items"]
        assert (dead["cr_id"], dead["kind"], dead["status"]) == (cr_id, "report", "dead")
        assert "answered 422;" in dead["error"]
        await eventually(lambda: "needs_you.dead_letter" in far.topics)
        assert client.post(f"/api/v1/effects/{dead['id']}/retry").status_code == 202
        await eventually(
            lambda: client.get("/api/v1/effects", params={"cr_id": cr_id, "status": "done"}).json()["items"]
        )
        assert client.post(f"/api/v1/effects/{dead['id']}/dismiss").status_code == 409
        assert client.get("/api/v1/effects").json()["items"] == []
        told = client.get(f"/api/v1/change-requests/{cr_id}/events", headers={"Accept": "application/json"}).json()[
            "items"
        ]
        assert [one["payload"]["status"] for one in told if one["payload"].get("kind") == "report"][:2] == [
            "dead",
            "retry",
        ]
    same = [one.body for one in far.received if one.delivery == dead["id"]]
    assert len(same) == 2 and same[0] == same[1]


async def test_cleaning_up_tells_a_source_what_did_not_arrive_and_never_tells_an_end_twice(
    start: Starter, store: Database, far: Receiver
) -> None:
    far.answers = [Answer(), Answer(422, b"no such issue")]
    with delivering(start) as controller:
        cr_id = controller.submit(report_url=far.url, source="jira", external_id="SHOP-1")["id"]
        client, address = controller.client(), f"/api/v1/change-requests/{cr_id}"
        await eventually(lambda: far.topics == ["change_request.started"])

        def source() -> dict[str, Any]:
            (one,) = (it for it in client.get(f"{address}/cleanup").json()["artifacts"] if it["kind"] == "source")
            return dict(one)

        def choose(choice: str) -> int:
            decisions = [{"artifact": "source", "choice": choice}]
            return client.post(f"{address}/cleanup", json={"decisions": decisions}).status_code

        client.post(f"{address}/interventions", json={"action": "cancel"})
        await eventually(lambda: source()["state"] == "dead")
        shown = source()
        assert (shown["name"], shown["repository"], shown["default"]) == ("jira SHOP-1", None, "report")
        assert shown["options"] == ["report", "leave"] and "answered 422;" in shown["warning"]
        assert "no such issue" not in str(shown)
        assert client.get(f"{address}/cleanup").json()["pending"]
        assert choose("leave") == 202
        assert source()["state"] == "dismissed" and client.get("/api/v1/effects").json()["items"] == []
        assert choose("report") == 202, "it can be decided again later"
        await eventually(lambda: source()["state"] == "reported")
        assert source()["options"] == [] and choose("report") == 422, "it was told"
        async with store.transaction() as connection:
            assert [one.status for one in await Effects(connection).of(cr_id)] == ["done", "done"]
    assert [one.json["type"].partition(".")[2] for one in far.received] == ["started", "cancelled", "cancelled"]
    assert len({one.delivery for one in far.received}) == 2, "a receiver that has it knows the second by its key"


async def test_a_source_that_was_told_by_itself_or_has_no_address_leaves_nothing_to_choose(
    start: Starter, store: Database, far: Receiver
) -> None:
    with delivering(start) as controller:
        told, silent = controller.submit(report_url=far.url)["id"], controller.submit()["id"]
        client = controller.client()
        for cr_id in (told, silent):
            client.post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "fail"})

        def found(cr_id: str) -> list[tuple[str, str, list[str]]]:
            artifacts = client.get(f"/api/v1/change-requests/{cr_id}/cleanup").json()["artifacts"]
            return [(one["id"], one["state"], one["options"]) for one in artifacts]

        await eventually(lambda: found(told) == [("source", "reported", [])])
        assert found(silent) == []
        assert not client.get(f"/api/v1/change-requests/{told}/cleanup").json()["pending"]
    assert far.topics.count("change_request.failed") == 1


async def test_a_receiver_that_stays_away_makes_a_dead_letter_and_holds_up_nothing(
    start: Starter, store: Database, far: Receiver
) -> None:
    far.answers = [Answer(503)] * 3
    with delivering(start) as controller:
        cr_id, client = controller.submit(report_url=far.url)["id"], controller.client()
        await eventually(lambda: controller.launcher.launched)
        await eventually(lambda: client.get("/api/v1/effects").json()["items"])
        await moved(store, cr_id, Move.COMPLETE, Status.COMPLETED)
        await eventually(lambda: "change_request.completed" in far.topics)
        (dead,) = client.get("/api/v1/effects").json()["items"]
        assert (dead["tries"], dead["status"]) == (3, "dead")
        assert client.post(f"/api/v1/effects/{dead['id']}/dismiss").json()["status"] == "dismissed"
        assert client.get("/api/v1/effects").json()["items"] == []


async def test_people_are_told_what_needs_them_and_only_what_they_asked_for(
    start: Starter, store: Database, far: Receiver
) -> None:
    with delivering(start) as controller:
        subscribe(controller, far, events=["paused", "gate_opened", "cleanup_pending"])
        cr_id, client = controller.submit()["id"], controller.client()
        await eventually(lambda: controller.launcher.launched)
        async with store.transaction() as connection:
            log = Events(connection)
            await log.append(cr_id, events.GateOpened(gate_id="gate-1", kind="release", content_hash="h"))
            await log.append(cr_id, events.Warned(message="A decision waits.", about="reminder"))
        await moved(store, cr_id, Move.PAUSE, Status.PAUSED, reason=PauseReason.BUDGET, message="Used up.")
        client.post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "fail"})
        await eventually(lambda: "needs_you.cleanup_pending" in far.topics)
    assert sorted(far.topics) == ["needs_you.cleanup_pending", "needs_you.gate_opened", "needs_you.paused"]
    assert all(one.signed for one in far.received)


async def test_two_announcers_tell_each_event_once(store: Database, database: TestDatabase, start: Starter) -> None:
    with start.running(launcher=ScriptedLauncher(ready=False)) as controller:
        ids = [controller.submit()["id"] for _ in range(3)]
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE change_requests SET report_url = 'https://receiver.example/hook'")
    for cr_id in ids:
        await moved(store, cr_id, Move.DISPATCH, Status.RUNNING)
        await moved(store, cr_id, Move.COMPLETE, Status.COMPLETED)
    hub = BellHub(PostgresTenantBell(store, database.app_url))
    for _ in range(2):
        for announcer in (Announcer(database=store, bells=hub), Announcer(database=store, bells=hub)):
            await announcer.tick()
    async with store.transaction() as connection:
        found = [[it.needs(Report).checkpoint for it in await Effects(connection).of(cr_id)] for cr_id in ids]
    assert found == [["started", "completed"]] * 3


def test_secrets_and_addresses_are_in_no_effect_event_or_snapshot(
    start: Starter, database: TestDatabase, far: Receiver
) -> None:
    with delivering(start) as controller:
        subscribe(controller, far)
        cr_id = controller.submit(report_url=far.url)["id"]
        client = controller.client()
        client.post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "cancel"})
        asyncio.run(eventually(lambda: "needs_you.cleanup_pending" in far.topics))
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relkind = 'r'"
        ).fetchall()
        for (table,) in tables:
            rows = str(connection.execute(f'SELECT to_jsonb(t) FROM "{table}" t').fetchall())  # noqa: S608 - names from the catalogue
            assert SECRET not in rows, table
            if table in {"effects", "events", "audit_log"}:
                assert far.url not in rows, table
        (snapshot,) = connection.execute("SELECT settings_snapshot FROM change_requests").fetchone() or ({},)
    assert {"notifications", "dispatch"}.isdisjoint(snapshot)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"report_url": "ftp://a.example/"}, "report_url"),
        ({"report_url": "http://169.254.169.254/latest"}, "report_url"),
        ({"report_url": "http://[::ffff:127.0.0.1]:8321/"}, "report_url"),
        ({"report_url": "http://2130706433/"}, "report_url"),
        ({"report_url": "https://a.example/"}, "report_url (secret)"),
    ],
)
def test_an_address_that_could_never_be_told_is_refused_at_submit(
    start: Starter, fields: dict[str, str], field: str
) -> None:
    with start.running(webhooks=HttpWebhooks(secrets=SettingsSecrets({}, setting=VARIABLE))) as controller:
        refused = controller.client().post(
            "/api/v1/change-requests", json={"title": "t", "body": "b", "repositories": ["/srv/sample"], **fields}
        )
        assert refused.status_code == 422
        assert refused.json()["field"] == field
        assert controller.count("change_requests") == [0]


def test_notifications_that_could_never_be_sent_are_refused_before_they_are_stored(start: Starter) -> None:
    with start.running(webhooks=HttpWebhooks(secrets=SettingsSecrets({}, setting=VARIABLE))) as controller:
        client = controller.client()
        value = {"url": "https://a.example/", "secret": "nobody"}
        refused = client.put("/api/v1/settings/notifications", json={"value": value, "version": 0})
        assert refused.status_code == 422
        assert "CHANGELINE_WEBHOOK__SECRETS__NOBODY" in refused.json()["remedy"]
