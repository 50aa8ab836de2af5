"""`repo check` at a terminal: waited for, told, and remembered when something is submitted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store.engine import Database
from pipeline.store.surveys import Surveys
from pipeline.survey.record import (
    ComponentSurvey,
    FailingTest,
    FlakyTest,
    NeedyTest,
    OutsideNeed,
    Remark,
    RemarkKind,
    RepositorySurvey,
    SlowTest,
    Stated,
    Suite,
    SuiteRun,
    SurveyState,
    SurveyStep,
    ToolVersion,
    Trouble,
)
from tests.cli.conftest import Verb
from tests.controller.conftest import Controller, Lent, lending
from tests.controller.fakes import ScriptedLauncher
from tests.database import TestServer

RUN = SuiteRun(passed=3, failed=2, skipped=1, duration_s=0.4, memory_peak_bytes=64 * 1024**2)
FLAKY = ComponentSurvey(
    root="api", language="python", package_manager="uv", runner="pytest",
    values=(Stated(name="test", value="pytest", origin="found by api/pyproject.toml"),),
    versions=(ToolVersion(name="python", version="3.11.2"),),
    suite=Suite(
        command="pytest", per_test=True, found=6, first=RUN, second=RUN, flaky_count=1, failing_count=1, needy_count=1,
        flaky=(FlakyTest(test="t.py::test_coin", first="failed", second="passed", said="assert 0"),),
        failing=(FailingTest(test="t.py::test_db", said="ConnectionRefusedError"),),
        needy=(NeedyTest(test="t.py::test_db", need=OutsideNeed.SERVICE, what="PostgreSQL (port 5432)", said="refused"),),
        slow=(SlowTest(test="t.py::test_slow", seconds=2.25),),
    ),
)  # fmt: skip
BROKEN = ComponentSurvey(
    language="python", runner="pytest",
    trouble=Trouble(
        step=SurveyStep.FIRST_RUN, message="The suite cannot run here: no xdist.", command="pytest -n 4", remedy="Declare it.",
    ),
)  # fmt: skip
SIGN_OFF = Remark(kind=RemarkKind.SIGN_OFF, message="It asks for signed-off commits.", remedy="Set the setting.")


class Ending:
    """Ends each check at once, with what the test wants found; without a component it fails."""

    def __init__(self) -> None:
        self.url = ""
        self.component: ComponentSurvey | None = None

    async def survey(self, tenant: str, survey_id: str) -> None:
        store = Database(self.url, tenant=tenant)
        async with store.transaction() as connection:
            if self.component is None:
                await Surveys(connection).end(survey_id, SurveyState.FAILED, message="The disk is full.")
            else:
                found = RepositorySurvey(
                    base_branch="main",
                    base_commit="c" * 40,
                    components=(self.component,),
                    remarks=(SIGN_OFF,),
                    took_s=3,
                    starting_file="components: []\n",
                )
                await Surveys(connection).end(survey_id, SurveyState.DONE, record=found)
        await store.close()


ENDING = Ending()


@pytest.fixture(scope="module")
def lent(postgres: TestServer) -> Iterator[Lent]:
    with lending(postgres, launcher=ScriptedLauncher(ready=False), surveys=ENDING) as one:
        ENDING.url = one.controller.database.app_url
        yield one


def test_a_check_is_waited_for_and_told_with_what_helps(verb: Verb, controller: Controller, tmp_path: Path) -> None:
    ENDING.component = FLAKY
    added = verb("repo", "add", str(tmp_path), "--name", "mine")
    assert added.code == 0
    for told in (
        "api: python, uv, pytest", "test: pytest - found by api/pyproject.toml", "python 3.11.2",
        "6 tests: 3 passed, 2 failed, 1 skipped (0.4 s and 0.4 s, 64 MiB)", "t.py::test_coin: failed, then passed",
        "t.py::test_db: PostgreSQL (port 5432)", "t.py::test_slow: 2.2 s", "It asks for signed-off commits.",
        "Set the setting.", "Usable: what is flaky is run again before it counts.",
    ):  # fmt: skip
        assert told in added.out, added.out
    assert "flaky" in verb("repo", "list").out
    assert verb("repo", "check", "mine", "--json").value["check"]["found"]["verdict"] == "flaky"
    assert verb("submit", "--repo", "mine", "--body", "Say hello.").err.count("Warning") == 0


def test_a_broken_suite_fails_the_check_and_is_told_before_a_submission_once(
    verb: Verb, controller: Controller, tmp_path: Path
) -> None:
    ENDING.component = BROKEN
    added = verb("repo", "add", str(tmp_path), "--name", "mine")
    assert added.code == 0, "it is registered"
    assert "$ pytest -n 4" in added.out and "Declare it." in added.out
    assert verb("repo", "check", "mine").code == 1
    submitted = verb("submit", "--repo", str(tmp_path), "--body", "Say hello.")
    assert (
        submitted.code,
        submitted.err.count("the suite cannot run: The suite cannot run here: no xdist. Declare it."),
    ) == (
        0,
        1,
    )
    ENDING.component = None
    failed = verb("repo", "check", "mine")
    assert (failed.code, "The disk is full." in failed.err) == (1, True)
    assert verb("repo", "check", "mine", "--stop", "--json").value["state"] == "failed"


def test_a_file_to_start_with_is_written_into_the_checkout_once_and_never_through_a_link(
    verb: Verb, controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ENDING.component = FLAKY
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "elsewhere"
    for place in (checkout / ".git", checkout / "api", elsewhere):
        place.mkdir(parents=True)
    assert verb("repo", "add", str(checkout), "--name", "mine").code == 0
    monkeypatch.chdir(tmp_path)
    assert "is in no git checkout" in verb("repo", "check", "mine", "--write").err
    monkeypatch.chdir(checkout / "api")
    assert verb("repo", "check", "mine", "--write").code == 0
    file = checkout / ".changeline" / "repository.yaml"
    assert file.read_text() == "components: []\n"
    again = verb("repo", "check", "mine", "--write")
    assert (again.code, "is there already" in again.err) == (2, True)
    file.unlink()
    file.parent.rmdir()
    file.parent.symlink_to(elsewhere)
    assert verb("repo", "check", "mine", "--write").code == 2
    assert list(elsewhere.iterdir()) == []
