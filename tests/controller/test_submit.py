"""Submitting: what is accepted becomes one queued change request, what is refused changes nothing."""

import json

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
        first = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
    assert (first["type"], first["payload"]["status"], first["cr_id"]) == ("status_changed", "queued", created["id"])
