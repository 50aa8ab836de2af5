"""Checks of repositories at the door: begun once, looked at by everybody, stopped, told before a change is submitted."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from controller.repositories.surveys import UNDER_WAY_MAX
from pipeline.access import Role
from pipeline.store.engine import Database
from pipeline.store.surveys import Surveys
from pipeline.survey.record import (
    ComponentSurvey,
    RepositorySurvey,
    Suite,
    SuiteRun,
    SurveyProgress,
    SurveyState,
    SurveyStep,
    Trouble,
)
from tests.controller.conftest import Controller, Lent, lending
from tests.controller.fakes import ScriptedSurveys
from tests.database import TestServer

CHECK = "/api/v1/repositories/sample/check"
STARTER = ScriptedSurveys()
RUN = SuiteRun(passed=1, failed=0, skipped=0, duration_s=0.1)
CLEAN = ComponentSurvey(
    language="python", runner="pytest", suite=Suite(command="pytest", per_test=True, found=1, first=RUN, second=RUN)
)
BROKEN = ComponentSurvey(
    language="python", runner="pytest",
    trouble=Trouble(step=SurveyStep.FIRST_RUN, message="It cannot run here: No module.", error="No module", remedy="Declare it."),
)  # fmt: skip


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    """With somebody who starts checks."""
    with lending(postgres, surveys=STARTER) as one:
        yield one


@pytest.fixture
def registered(controller: Controller) -> dict[str, Any]:
    STARTER.asked, STARTER.ready = [], True
    answer = controller.client().post("/api/v1/repositories", json={"remote": "/srv/sample"})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _end(store: Database, survey_id: str, component: ComponentSurvey) -> None:
    found = RepositorySurvey(base_branch="main", base_commit="c" * 40, components=(component,))
    async with store.transaction() as connection:
        assert await Surveys(connection).end(survey_id, SurveyState.DONE, record=found)


def test_a_repository_is_checked_when_it_is_registered_and_once_however_often_it_is_asked_for(
    controller: Controller, registered: dict[str, Any]
) -> None:
    client = controller.client()
    assert registered["check"]["state"] == "running"
    assert client.post(CHECK).json()["check"]["state"] == "running"
    assert len(STARTER.asked) == 1
    listed = client.get("/api/v1/repositories").json()["items"]
    assert [(one["check"], one["verdict"]) for one in listed] == [("running", None)]


async def test_what_is_found_is_shown_with_progress_before_it_and_asked_again_only_for_other_manifests(
    controller: Controller, registered: dict[str, Any], store: Database
) -> None:
    assert registered["check"]["progress"]["step"] == "waiting"
    client, (_, survey_id) = controller.client(), STARTER.asked[0]
    async with store.transaction() as connection:
        at = SurveyProgress(step=SurveyStep.INSTALLING, component=".", number=1, components=1)
        assert await Surveys(connection).beat(survey_id, at)
    assert client.get(CHECK).json()["progress"]["step"] == "installing"
    await _end(store, survey_id, CLEAN)
    seen = client.get(CHECK).json()
    assert (seen["state"], seen["found"]["verdict"], seen["base_commit"]) == ("done", "clean", "c" * 40)
    assert client.post(CHECK, params={"only_if_changed": True}).json()["check"]["state"] == "done"
    controller.inspector.manifest_hash = "1" * 64
    assert client.post(CHECK, params={"only_if_changed": True}).json()["check"]["state"] == "running"
    assert len(STARTER.asked) == 2
    await _end(store, STARTER.asked[1][1], BROKEN)
    assert client.post(CHECK).json()["check"]["found"]["verdict"] == "broken", "what was found last stays meanwhile"


async def test_a_check_whose_process_is_gone_was_interrupted_and_may_be_asked_for_again(
    controller: Controller, registered: dict[str, Any], store: Database
) -> None:
    client, (_, first) = controller.client(), STARTER.asked[0]
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute("UPDATE repository_surveys SET beat_at = now() - interval '1 minute'")
    assert client.get(CHECK).json()["state"] == "interrupted"
    assert client.post(CHECK).json()["check"]["state"] == "running"
    async with store.transaction() as connection:
        assert not await Surveys(connection).beat(first, SurveyProgress()), "the old process is told to stop"
        assert not await Surveys(connection).end(first, SurveyState.DONE, message="late")
    assert client.get(CHECK).json()["message"] == ""


async def test_a_check_is_stopped_and_one_that_cannot_be_started_says_so(
    controller: Controller, registered: dict[str, Any], store: Database
) -> None:
    client, (_, survey_id) = controller.client(), STARTER.asked[0]
    assert client.delete(CHECK).status_code == 200
    async with store.transaction() as connection:
        assert not await Surveys(connection).beat(survey_id, SurveyProgress())
        assert await Surveys(connection).end(survey_id, SurveyState.CANCELLED)
    assert client.get(CHECK).json()["state"] == "cancelled"
    STARTER.ready = False
    failed = client.post(CHECK).json()["check"]
    assert failed["state"] == "failed" and "the fork server is not ready" in failed["message"]
    with psycopg.connect(controller.database.superuser_url) as connection:
        rows = connection.execute("SELECT action FROM audit_log WHERE target = 'sample' ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [
        "repository_registered", "repository_checked", "repository_check_cancelled", "repository_checked",
    ]  # fmt: skip


async def test_a_submission_is_told_that_the_suite_cannot_run_and_is_taken(
    controller: Controller, registered: dict[str, Any], store: Database
) -> None:
    await _end(store, STARTER.asked[0][1], BROKEN)
    told = controller.submit(repositories=["sample"])["warnings"]
    assert told == ["The last check says that the suite cannot run: No module. Declare it."]
    controller.inspector.manifest_hash = "2" * 64
    assert controller.submit(repositories=["sample"])["warnings"] == []
    assert len(STARTER.asked) == 2, "other manifests are checked without being asked for"


def test_no_more_checks_are_begun_than_a_machine_can_hold_and_none_where_none_is_wanted(
    controller: Controller, registered: dict[str, Any]
) -> None:
    client = controller.client()
    begun = [
        client.post("/api/v1/repositories", json={"remote": f"/srv/other{number}"}).json()["check"]
        for number in range(UNDER_WAY_MAX)
    ]
    last = begun[-1]
    assert (len(STARTER.asked), last["state"]) == (UNDER_WAY_MAX, "failed")
    assert "8 other checks are under way" in last["message"]
    unchecked = client.post("/api/v1/repositories", json={"remote": "/srv/unchecked", "check": False}).json()
    assert unchecked["check"]["state"] == "never"


def test_who_may_look_may_not_check_and_another_tenant_sees_nothing(
    controller: Controller, registered: dict[str, Any], token_of: Callable[..., str]
) -> None:
    viewer = controller.client(token_of("vera", Role.VIEWER))
    assert viewer.get(CHECK).status_code == 200
    assert (viewer.post(CHECK).status_code, viewer.delete(CHECK).status_code) == (403, 403)
    assert controller.client(None).get(CHECK).status_code == 401
    with psycopg.connect(controller.database.superuser_url) as connection:
        connection.execute("INSERT INTO tenants (id, name) VALUES ('other', 'Other')")
    stranger = controller.client(token_of("sam", Role.ADMIN, tenant="other"))
    assert [stranger.get(CHECK).status_code, stranger.delete(CHECK).status_code] == [404, 404]
