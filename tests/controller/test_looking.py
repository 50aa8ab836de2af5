"""Every page that people look at, against rows as the pipeline leaves them."""

import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from controller import logs
from controller.static import POLICY
from pipeline.access import new_token
from pipeline.change_request import PauseReason
from pipeline.effects.kinds import EffectStatus
from pipeline.errors import Conflict
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.learnings import Learnings
from pipeline.store.settings import SettingsVersions
from tests.controller import line
from tests.controller.conftest import Controller, Lent, Starter, lending
from tests.controller.fakes import ScriptedLauncher
from tests.controller.published_schema import published_schema
from tests.database import TestServer
from tests.effects import push


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """Without workers, so that what people caused stays visible."""
    with lending(postgres, launcher=ScriptedLauncher(ready=False)) as one:
        yield one


def get(controller: Controller, address: str) -> dict[str, Any]:
    answer = controller.client().get(address)
    assert answer.status_code == 200, (address, answer.text)
    found: dict[str, Any] = answer.json()
    return found


async def test_every_page_answers_for_a_change_request_with_everything(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.worked(store)
    await line.turned(store)
    await line.with_evidence(store, b"{}")
    await line.paused(store, PauseReason.REVIEW_LOOP)
    await line.queued(store, "cr-2")
    gate = await line.at_gate(store, cr_id="cr-2")
    learning = get(controller, "/api/v1/learnings")["items"][0]["id"]
    names = {"cr_id": line.CR, "gate_id": gate.id, "section": "pipeline", "name": "sample", "learning_id": learning}
    names["commit"] = line.SNAPSHOTS[-1]
    names["run_id"] = get(controller, f"/api/v1/change-requests/{line.CR}/tests")["items"][0]["id"]
    controller.submit(repositories=["/srv/sample"])
    exported = controller.client().get(f"/api/v1/change-requests/{line.CR}/journal").content
    names["journal_id"] = controller.client().post("/api/v1/journals", content=exported).json()["id"]
    asked = 0
    for path, operations in published_schema()["paths"].items():
        if "get" not in operations or path in {"/login", "/readyz"}:
            continue
        address = path.format(**names)
        answer = controller.client(Accept="application/json").get(address)
        assert answer.status_code == 200, (address, answer.text)
        asked += 1
    assert asked > 20


async def test_a_fresh_change_request_has_pages_too(controller: Controller, store: Database) -> None:
    await line.queued(store)
    for view in ("", "/spec", "/diff", "/tests", "/findings", "/cost", "/conversation", "/turns"):
        get(controller, f"/api/v1/change-requests/{line.CR}{view}")
    missing = controller.client().get(f"/api/v1/change-requests/{line.CR}/evidence")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:changeline:problem:not-there-yet")
    assert "release gate" in missing.json()["remedy"]
    for address in ("/api/v1/change-requests/cr-none", "/api/v1/change-requests/cr-none/diff", "/api/v1/gates/none"):
        assert controller.client().get(address).status_code == 404, address


async def test_the_views_show_what_was_stored(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.worked(store)
    base = f"/api/v1/change-requests/{line.CR}"
    assert get(controller, f"{base}/spec")["items"][0]["feature"] == "Feature: greeting"
    diff = get(controller, f"{base}/diff")["items"][0]
    assert (diff["patch"], diff["files"][0]["path"]) == ("--- sample bbbb..hhhh", "a.py")
    assert get(controller, f"{base}/tests")["items"][0]["report"] == {"passed": 3}
    assert get(controller, f"{base}/findings")["items"][0]["blocking"] is True
    cost = get(controller, f"{base}/cost")
    assert (cost["total"]["spent_usd"], cost["total"]["reserved_usd"]) == ("0.0125", "0.5")
    assert cost["by_role"][0]["group"] == {"role": "code_writer"}
    assert (cost["total"]["cache_read_tokens"], len(cost["calls"])) == (90, 2)
    shown = get(controller, base)
    assert (shown["cost"]["spent_usd"], shown["structured"]) == ("0.0125", {"criteria": ["It says hello."]})
    assert shown["repositories"][0]["head_commit"] == "h" * 40
    assert shown["pull_requests"][0]["status"] == "open"


async def test_conversations_are_paged_with_their_texts(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.worked(store)
    base = f"/api/v1/change-requests/{line.CR}/conversation"
    first = get(controller, f"{base}?limit=2")
    assert [one["kind"] for one in first["items"]] == ["opened", "asked"]
    assert first["items"][0]["body"]["system"]["text"].startswith("Role: code_writer")
    assert [(one["role"], one["entries"]) for one in first["conversations"]] == [("code_writer", 3)]
    second = get(controller, f"{base}?limit=2&cursor={first['next_cursor']}")
    assert ([one["kind"] for one in second["items"]], second["next_cursor"]) == (["answered"], None)
    assert get(controller, f"{base}?role=spec_writer")["items"] == []
    assert controller.client().get(f"{base}?cursor=bm8").status_code == 422


async def test_evidence_is_handed_out_byte_for_byte(controller: Controller, store: Database) -> None:
    await line.queued(store)
    content = json.dumps({"signature": "ü", "order": [2, 1]}, indent=3).encode()
    await line.with_evidence(store, content)
    answer = controller.client().get(f"/api/v1/change-requests/{line.CR}/evidence?download=true")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest()
    assert answer.headers["content-disposition"] == f'attachment; filename="{line.CR}-evidence.json"'


def test_settings_are_validated_versioned_and_reverted(controller: Controller) -> None:
    client = controller.client()
    first = client.get("/api/v1/settings/pipeline")
    assert (first.headers["ETag"], first.json()["version"]) == ('"0"', 0)
    assert first.json()["json_schema"]["properties"]["budget_usd"]
    for value, field in (
        ({"budget_usd": "-1"}, "pipeline.budget_usd"),
        ({"no_such_limit": 1}, "pipeline.no_such_limit"),
        ({"review_loops_max": "many"}, "pipeline.review_loops_max"),
    ):
        refused = client.put("/api/v1/settings/pipeline", json={"value": value, "version": 0})
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert client.put("/api/v1/settings/nothing", json={"value": {}, "version": 0}).status_code == 404
    assert client.put("/api/v1/settings/pipeline", json={"value": {}}).status_code == 428
    changed = client.put(
        "/api/v1/settings/pipeline", json={"value": {"budget_usd": "5"}, "note": "thrift"}, headers={"If-Match": '"0"'}
    )
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"1"')
    stale = client.put("/api/v1/settings/pipeline", json={"value": {"budget_usd": "6"}, "version": 0})
    assert (stale.status_code, stale.json()["facts"]["version"]) == (409, 1)
    back = client.post("/api/v1/settings/pipeline/revert/0")
    assert (back.json()["version"], back.json()["value"]["budget_usd"]) == (2, "50.00")
    assert client.post("/api/v1/settings/pipeline/revert/9").status_code == 404
    history = client.get("/api/v1/settings/pipeline/history").json()["items"]
    assert [(one["version"], one["note"]) for one in history] == [
        (2, "Back to version 0"),
        (1, "thrift"),
        (0, "default"),
    ]
    assert controller.count("settings_versions") == [2]


async def test_of_two_who_change_settings_at_once_one_is_told(store: Database) -> None:
    async with store.transaction() as one:
        await SettingsVersions(one).put("delivery", {}, expected=0, changed_by="ann")
    with pytest.raises(Conflict):
        async with store.transaction() as other:
            await SettingsVersions(other).put("delivery", {}, expected=0, changed_by="bob")


def test_a_repository_is_registered_once_and_checked(controller: Controller) -> None:
    client = controller.client()
    created = client.post("/api/v1/repositories", json={"remote": "https://example.org/a b/tool.git"})
    assert created.status_code == 422 or created.json()["repository"]["name"] == "tool"
    created = client.post("/api/v1/repositories", json={"remote": "/srv/tool", "name": "tools", "base_branch": "next"})
    assert (created.status_code, created.headers["Location"]) == (201, "/api/v1/repositories/tools")
    assert created.json()["repository"]["base_branch"] == "next"
    again = client.post("/api/v1/repositories", json={"remote": "/srv/tool", "base_branch": "next"})
    assert (again.status_code, again.json()["repository"]) == (201, created.json()["repository"]), "the same once more"
    for other in ({"remote": "/srv/else", "name": "tools"}, {"remote": "/srv/tool", "base_branch": "next", "name": "x"},
                  {"remote": "/srv/tool", "base_branch": "next", "test_command": "make test"}):  # fmt: skip
        assert client.post("/api/v1/repositories", json=other).status_code == 409
    assert client.post("/api/v1/repositories", json={"name": "x"}).json()["field"] == "remote"
    assert client.post("/api/v1/repositories/tools/check").json()["stack"] == "Python, pytest"
    assert controller.inspector.asked[-1] == ("/srv/tool", "next", None)
    assert client.get("/api/v1/repositories/none").status_code == 404


async def test_learnings_enter_prompts_only_after_a_person(controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.worked(store)
    async with store.transaction() as connection:
        assert await Learnings(connection).all(status="approved") == []
    (learning,) = get(controller, "/api/v1/learnings?status=proposed")["items"]
    approved = controller.client().post(f"/api/v1/learnings/{learning['id']}/approve").json()
    assert (approved["status"], approved["decided_by"]) == ("approved", "local")
    assert controller.client().post(f"/api/v1/learnings/{learning['id']}/retire").json()["status"] == "retired"
    assert controller.client().post("/api/v1/learnings/none/approve").status_code == 404


async def test_dead_letters_are_tried_again_or_dismissed(controller: Controller, store: Database) -> None:
    await line.queued(store)
    async with store.transaction() as connection:
        for key in ("one", "two"):
            effect = await Effects(connection).intend(key=key, cr_id=line.CR, repository=None, payload=push())
            await Effects(connection).record(effect.id, status=EffectStatus.DEAD, error="Away.")
    one, two = (effect["id"] for effect in get(controller, "/api/v1/effects")["items"])
    client = controller.client()
    assert client.post(f"/api/v1/effects/{one}/retry").json()["status"] in {"retry", "claimed"}
    assert client.post(f"/api/v1/effects/{two}/dismiss").json()["status"] == "dismissed"
    assert client.post(f"/api/v1/effects/{two}/dismiss").status_code == 409
    assert client.post(f"/api/v1/effects/{two}/retry").status_code == 409
    assert get(controller, f"/api/v1/effects?cr_id={line.CR}&status=dismissed")["items"][0]["id"] == two


def test_every_error_of_the_framework_is_a_problem_too(controller: Controller) -> None:
    client = controller.client()
    for method, address, status in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing.js", 404),
        ("DELETE", "/api/v1/change-requests", 405),
        ("GET", "/api/v1/change-requests/", 404),
        ("GET", "/api/v1/change-requests/a%00b", 400),
        ("GET", "/api/v1/change-requests/..%2f..%2fetc", 404),
        ("POST", "/healthz", 405),
    ):
        answer = client.request(method, address)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), address
        assert answer.json()["status"] == status
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_bug_of_ours_is_a_problem_without_a_traceback(controller: Controller) -> None:
    controller.inspector.refusals["/srv/bug"] = RuntimeError("the password is hunter2")  # type: ignore[assignment]  # a bug is no CallerError
    answer = controller.client().post("/api/v1/change-requests", json={"body": "b", "repositories": ["/srv/bug"]})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["facts"]["reference"].startswith("req-") and "hunter2" not in answer.text


def test_health_says_what_works(start: Starter) -> None:
    with start.running() as controller:
        client = controller.client(token=None)
        assert client.get("/healthz").json()["status"] == "ok"
        while (ready := client.get("/readyz")).status_code != 200:
            assert ready.json()["checks"]["database"] == "ok"
        checks = ready.json()["checks"]
        assert set(checks.values()) == {"ok"} and {"database", "workers", "dispatch", "outbox", "events"} < set(checks)
        metrics = client.get("/metrics").text
        assert 'changeline_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in metrics


def test_without_a_dashboard_a_plain_page_says_how_to_build_one(controller: Controller, tmp_path: Path) -> None:
    page = controller.client(token=None).get("/")
    assert page.status_code == 200
    assert "make dashboard" in page.text or 'id="root"' in page.text
    assert page.headers["content-security-policy"] == POLICY


def test_the_dashboard_is_served_with_its_client_routes(start: Starter, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<div id=root></div>")
    (tmp_path / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path.parent / "secret.txt").write_text("classified")
    with start.running(dashboard=tmp_path) as controller:
        browser = controller.client(token=None, Accept="text/html")
        for address in ("/", "/change-requests/cr-1", "/inbox?open=1"):
            page = browser.get(address)
            assert (page.text, page.headers["cache-control"]) == ("<div id=root></div>", "no-cache"), address
            assert "script-src 'self'" in page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        asset = browser.get("/assets/app-1a2b.js")
        assert (asset.text, "immutable" in asset.headers["cache-control"]) == ("1", True)
        for address in (
            "/assets/gone.js",
            "/..%2fsecret.txt",
            "/%2e%2e/secret.txt",
            "/api/v2",
            "//etc/passwd",
            f"/{'a' * 300}.js",
            "/a" * 9_000,
        ):
            answer = browser.get(address)
            assert "classified" not in answer.text, address
            assert answer.status_code < 500, address[:50]
        assert browser.get("/assets/gone.js").status_code == 404
        assert browser.get("/api/v2").headers["content-type"] == "application/problem+json"


def test_the_schema_is_printed_and_names_the_error_shape() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "controller", "openapi"], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    schema = json.loads(run.stdout)
    assert schema["openapi"].startswith("3.1")
    names = [operation["operationId"] for item in schema["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
    assert {"Problem", "EventView", "StatusChanged", "ChangeRequestDetail"} < set(schema["components"]["schemas"])
    for item in schema["paths"].values():
        for operation in item.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_no_secret_reaches_a_log_line() -> None:
    stream = StringIO()
    before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    token = new_token("default")
    try:
        logs.set_up("info", stream=stream)
        log = structlog.get_logger("test")
        log.info("asked", header=f"Bearer {token}", remote="https://me:hunter2@example.org/a.git", api_key="sk-x")
        log.info("nested", facts={"password": "hunter2", "list": [f"see {token}", {"cookie": "hunter2"}]})
        logging.getLogger("library").warning("dsn postgresql://app:hunter2@127.0.0.1/db and %s", token)
        try:
            int(f"could not use {token} of me:hunter2@x at postgresql://a:hunter2@h/d")
        except ValueError:
            log.exception("failed")
        log.info("kept", cr_id="cr-1", tokens=5, cost="0.5")
    finally:
        structlog.configure(**before[0])
        logging.getLogger().handlers = before[1]
        logging.getLogger().setLevel(before[2])
    written = stream.getvalue()
    lines = [json.loads(text) for text in written.splitlines()]
    assert token not in written
    assert "://a:hunter2" not in written and "me:hunter2@example" not in written
    assert [one["event"] for one in lines][:2] == ["asked", "nested"]
    assert (lines[-1]["cr_id"], lines[-1]["tokens"]) == ("cr-1", 5)
    assert lines[0]["remote"] == "https://[redacted]@example.org/a.git"
