"""Submitting: what is accepted becomes one queued change request, what is refused changes nothing."""

import asyncio
import json
from typing import Any

import pytest

from pipeline.errors import CallerError
from tests.controller.conftest import Controller, submission

TABLES = ("change_requests", "change_request_repositories", "repositories", "events", "idempotency_keys", "attempts")


def test_a_change_request_is_accepted_and_its_stream_begins_with_queued(controller: Controller) -> None:
    client = controller.client()
    answer = client.post("/api/v1/change-requests", json=submission())
    assert answer.status_code == 202
    created = answer.json()
    assert answer.headers["Location"] == f"/api/v1/change-requests/{created['id']}"
    assert created["created_by"] == "local" and created["model"]["scripted"] is False
    assert created["settings_snapshot"]["pipeline"]["budget_usd"] == "50.00"
    with client.stream("GET", f"/api/v1/change-requests/{created['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        first = next(json.loads(line[6:]) for line in lines if line.startswith('data: {"seq":') and "payload" in line)
    assert (first["type"], first["payload"]["status"], first["cr_id"]) == ("status_changed", "queued", created["id"])


LEADING_ASTRAY = [
    "../../x", "a/../b", "/etc", ".git/hooks", "specs/.GIT", "git~1", "a/.g\u200cit/b", ".git::$DATA", ".git.", ".", "./",
    "a\\b", "a\nb", "a\x00b", "a\u2028b", "~/specs", "specs.", "specs /x", "a:b", "x" * 300, "a/" * 250, " ",
]  # fmt: skip


def kept_in(path: str) -> dict[str, Any]:
    return submission(repositories=[{"remote": "/a", "behaviour_path": path}])


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("unknown field", submission(priority="high"), 422, "priority"),
    ("unknown field of a repository", submission(repositories=[{"remote": "/a", "brnch": "x"}]), 422, "brnch"),
    ("NUL byte", submission(body="a\x00b"), 422, "body"),
    ("binary text", submission(body="\x7fELF\x02\x01"), 422, "body"),
    ("lone surrogate", submission(title="\ud800"), 422, "title"),
    ("title of two lines", submission(title="a\nb"), 422, "title"),
    ("empty body", submission(body=" \n "), 422, "body"),
    ("no body", {"title": "t", "repositories": ["/a"]}, 422, "body"),
    ("over the limit of the settings", submission(body="x" * 100_001), 413, "body"),
    ("a megabyte", submission(body="x" * 1_048_576), 413, "body"),
    ("no repository", submission(repositories=[]), 422, "repositories"),
    ("two repositories", submission(repositories=["/a", "/b"]), 422, "repositories"),
    ("unknown name", submission(repositories=["nowhere"]), 422, "repositories.0"),
    ("relative path", submission(repositories=["./here"]), 422, "repositories.0"),
    ("option as a remote", submission(repositories=["--upload-pack=/x"]), 422, "repositories.0"),
    ("transport helper", submission(repositories=["ext::sh -c true"]), 422, "repositories.0"),
    ("credentials", submission(repositories=["https://me:hunter2@example.org/a.git"]), 422, "repositories.0"),
    ("script as a link", submission(external_url="javascript:alert(1)"), 422, "external_url"),
    ("odd source", submission(source="Jira Cloud"), 422, "source"),
    *((f"specs in {path[:20]!a}", kept_in(path), 422, "repositories.0.behaviour_path") for path in LEADING_ASTRAY),
]


@pytest.mark.parametrize(("what", "body", "status", "field"), REFUSED, ids=[one[0] for one in REFUSED])
def test_bad_input_is_a_problem_that_names_the_field_and_stores_nothing(
    controller: Controller, what: str, body: dict[str, Any], status: int, field: str
) -> None:
    before = controller.count(*TABLES)
    # The client refuses lone surrogates, JSON escapes do not.
    raw = json.dumps(body).encode()
    answer = controller.client().post(
        "/api/v1/change-requests", content=raw, headers={"Content-Type": "application/json", "Idempotency-Key": "k"}
    )
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert problem["status"] == status and field in problem["field"] and problem["remedy"]
    assert "hunter2" not in answer.text
    assert controller.count(*TABLES) == before


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"title": "\xff\xfe"}', 400),
        (b"not json", 400),
        (b"[" * 100_000, 400),
        (b'{"title": ' + b" " * 2_200_000 + b'"t"}', 413),
    ],
    ids=["invalid UTF-8", "no JSON", "nested without end", "two megabytes of space"],
)
def test_a_body_that_cannot_be_read_is_a_problem_and_stores_nothing(
    controller: Controller, raw: bytes, status: int
) -> None:
    before = controller.count(*TABLES)
    headers = {"Content-Type": "application/json"}
    answer = controller.client().post("/api/v1/change-requests", content=raw, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    chunked = controller.client().post("/api/v1/change-requests", content=iter([raw]), headers=headers)
    assert (chunked.status_code, chunked.headers["content-type"]) == (status, "application/problem+json")
    assert controller.count(*TABLES) == before


@pytest.mark.parametrize("what", ["unreachable", "empty repository", "missing base branch", "shallow", "no tests"])
def test_a_repository_that_cannot_be_worked_on_refuses_the_request(controller: Controller, what: str) -> None:
    refusal = CallerError(f"{what}.", field="remote", remedy="Repair it.", branches=["main", "next"])
    controller.inspector.refusals["/srv/broken"] = refusal
    before = controller.count(*TABLES)
    answer = controller.client().post("/api/v1/change-requests", json=submission(repositories=["/srv/broken"]))
    assert (answer.status_code, answer.json()["detail"]) == (422, f"{what}.")
    assert answer.json()["facts"] == {"branches": ["main", "next"]}
    assert controller.count(*TABLES) == before


def test_the_same_key_and_request_is_the_same_change_request(controller: Controller) -> None:
    client = controller.client(**{"Idempotency-Key": "once"})
    first = client.post("/api/v1/change-requests", json=submission())
    again = client.post("/api/v1/change-requests", json=submission())
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    other = client.post("/api/v1/change-requests", json=submission(body="Something else."))
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    assert other.json()["facts"]["change_request"] == first.json()["id"]
    assert controller.count("change_requests", "idempotency_keys") == [1, 1]


async def test_the_same_key_from_many_at_once_makes_one_change_request(controller: Controller) -> None:
    async with controller.async_client(**{"Idempotency-Key": "race"}) as client:
        body = submission(source="jira", external_id="X-1")
        answers = await asyncio.gather(*(client.post("/api/v1/change-requests", json=body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert controller.count("change_requests", "repositories") == [1, 1]


def test_one_source_issue_has_one_live_change_request_and_the_refusal_names_it(controller: Controller) -> None:
    live = controller.submit(source="jira", external_id="X-1")["id"]
    answer = controller.client().post("/api/v1/change-requests", json=submission(source="jira", external_id="X-1"))
    assert (answer.status_code, answer.json()["facts"]["live"]) == (409, live)
    controller.client().post(f"/api/v1/change-requests/{live}/interventions", json={"action": "cancel"})
    assert controller.submit(source="jira", external_id="X-1")["id"] != live


def test_a_path_is_registered_on_the_way_and_found_again(controller: Controller) -> None:
    controller.inspector.warnings = ("2 files are not committed.",)
    first = controller.submit(repositories=["/srv/one/sample"])
    assert first["warnings"] == ["2 files are not committed."]
    assert controller.submit(repositories=["/srv/one/sample/"])["repositories"][0]["name"] == "sample"
    assert controller.submit(repositories=["/srv/two/sample"])["repositories"][0]["name"] == "sample-2"
    assert controller.submit(repositories=["sample-2"])["repositories"][0]["remote"] == "/srv/two/sample"
    overridden = controller.submit(repositories=[{"name": "sample", "test_command": "make check"}])
    assert overridden["repositories"][0]["test_command"] == "make check"
    listed = controller.client().get("/api/v1/repositories").json()["items"]
    assert [(one["name"], one["test_command"]) for one in listed] == [("sample", None), ("sample-2", None)]


def test_a_change_request_keeps_the_settings_of_its_moment(controller: Controller) -> None:
    client = controller.client()
    before = controller.submit()
    changed = client.put("/api/v1/settings/pipeline", json={"value": {"budget_usd": "7.5"}, "version": 0})
    assert changed.status_code == 200
    after = controller.submit()
    assert (after["budget_usd"], before["budget_usd"]) == ("7.5", "50")
    again = client.get(f"/api/v1/change-requests/{before['id']}").json()
    assert again["settings_snapshot"]["pipeline"]["budget_usd"] == "50.00"


def test_the_board_pages_by_cursor_without_gap_or_repeat(controller: Controller) -> None:
    ids = [controller.submit(title=f"Change {number}")["id"] for number in range(7)]
    client = controller.client()
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = client.get("/api/v1/change-requests", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert (seen, cursor) == (ids[::-1], None)
    assert [one["id"] for one in client.get("/api/v1/change-requests?q=Change 3").json()["items"]] == [ids[3]]
    assert len(client.get("/api/v1/change-requests?status=paused").json()["items"]) == 0
    assert len(client.get("/api/v1/change-requests?repository=sample").json()["items"]) == 7
    for bad in ("?cursor=zzz", "?cursor=WyJhIl0", "?limit=0", "?status=lost", "?q=%00"):
        assert client.get(f"/api/v1/change-requests{bad}").status_code in {400, 422}, bad
