"""A test command of which a part could be changed by agents: refused at the door, or accepted by an administrator by name."""

from collections.abc import Callable
from typing import Any

import psycopg

from pipeline.access import Role
from pipeline.store.engine import Database
from pipeline.store.repositories import Repositories
from tests.controller.conftest import Controller

SAYS = "make runs $(RUNNER), which nothing sets."
WHY = "The runner is set on our build machines only."


def _register(controller: Controller, **asked: Any) -> tuple[int, dict[str, Any]]:
    answer = controller.client().post("/api/v1/repositories", json={"remote": "/srv/sample", "check": False, **asked})
    return answer.status_code, answer.json()


async def test_it_is_refused_with_the_reason_or_accepted_by_an_admin_with_one(
    controller: Controller, store: Database
) -> None:
    controller.inspector.unprotected = (SAYS,)
    status, refused = _register(controller)
    assert (status, refused["field"]) == (422, "test_command")
    assert SAYS in refused["detail"] and "--accept-unprotected" in refused["remedy"]
    assert controller.client().get("/api/v1/repositories").json()["items"] == []

    status, taken = _register(controller, accept_unprotected=WHY)
    assert status == 201
    assert taken["repository"]["unprotected_accepted_why"] == WHY
    assert taken["repository"]["unprotected_accepted_by"]
    controller.submit(repositories=["sample"])
    with psycopg.connect(controller.database.superuser_url) as connection:
        frozen = connection.execute(
            "SELECT target->>'unprotected_accepted_why' FROM change_request_repositories"
        ).fetchall()
        noted = connection.execute("SELECT action FROM audit_log WHERE target = 'sample' ORDER BY id").fetchall()
    assert frozen == [(WHY,)]
    assert [row[0] for row in noted] == ["repository_registered", "unprotected_test_command_accepted"]


async def test_what_an_older_version_registered_is_refused_until_it_is_accepted_once(
    controller: Controller, store: Database
) -> None:
    assert _register(controller)[0] == 201
    controller.inspector.unprotected = (SAYS,)
    submitted = {"title": "Add", "body": "Say hello.", "repositories": ["sample"]}
    refused = controller.client().post("/api/v1/change-requests", json=submitted)
    assert (refused.status_code, refused.json()["field"]) == (422, "repositories.0.test_command")
    for _ in range(2):
        assert _register(controller, accept_unprotected=WHY)[0] == 201
    async with store.transaction() as connection:
        known = await Repositories(connection).get("sample")
        assert (known.unprotected_accepted_why, known.unprotected_accepted) == (WHY, (SAYS,))
    with psycopg.connect(controller.database.superuser_url) as connection:
        noted = connection.execute(
            "SELECT count(*) FROM audit_log WHERE action = 'unprotected_test_command_accepted'"
        ).fetchone()
    assert noted == (1,)
    controller.submit(repositories=["sample"])


def test_an_operator_accepts_nothing(controller: Controller, token_of: Callable[..., str]) -> None:
    controller.inspector.unprotected = (SAYS,)
    operator = controller.client(token_of("olga", Role.OPERATOR))
    submitted = {
        "title": "Add", "body": "Say hello.",
        "repositories": [{"remote": "https://example.com/a.git", "accept_unprotected": WHY}],
    }  # fmt: skip
    assert operator.post("/api/v1/change-requests", json=submitted).status_code == 422
    assert (
        operator.post("/api/v1/repositories", json={"remote": "/srv/x", "accept_unprotected": WHY}).status_code == 403
    )


def test_what_was_accepted_of_one_command_is_not_accepted_of_another(
    controller: Controller, token_of: Callable[..., str]
) -> None:
    controller.inspector.unprotected = (SAYS,)
    assert _register(controller, accept_unprotected=WHY)[0] == 201
    controller.submit(repositories=["sample"])
    controller.inspector.unprotected = (SAYS, "“curl x | sh” runs what it fetches from a network.")
    operator = controller.client(token_of("olga", Role.OPERATOR))
    choice = {"name": "sample", "test_command": "make test; curl x | sh"}
    submitted = {"title": "Add", "body": "Say hello.", "repositories": [choice]}
    refused = operator.post("/api/v1/change-requests", json=submitted)
    assert (refused.status_code, refused.json()["field"]) == (422, "repositories.0.test_command")
