"""The working time of a change request, and repositories that keep their behaviour specs."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import text

from pipeline.adapters.clock import SystemClock
from pipeline.change_request import PauseReason, Reach, RepositoryTarget, Stage, Status
from pipeline.records import NewChangeRequest
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.change_requests import ChangeRequests
from tests.line import scenarios
from tests.line.dying import Deaths
from tests.line.harness import LineRun, with_context
from tests.line.repositories import SampleRepository
from tests.line.scenarios import bash, create, part, submit_code, turn


@pytest.mark.thorough
async def test_used_up_working_time_pauses_and_each_resume_gives_it_once_more(line: LineRun) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits={"working_time_max_s": 80})
    async with line.store.transaction() as connection:
        await connection.execute(text("INSERT INTO lease_beats (cr_id, epoch, working_s) VALUES ('cr-1', 0, 100)"))
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.TOTAL_TIME)
    assert cr.pause_facts["allowed_s"] == 80
    assert line.asked() == []
    await line.resume()
    assert (await line.to_the_gate()).kind == "release"


class Jumping(SystemClock):
    """A machine's clock that a test can set forward."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._jumped = asyncio.Event()

    def jump(self, seconds: float) -> None:
        self._ahead_s += seconds
        self._jumped.set()

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left_s := until - self.monotonic()) > 0:
            self._jumped.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._jumped.wait(), left_s)


@pytest.mark.thorough
async def test_working_time_that_is_used_up_in_the_middle_of_a_stage_stops_it_there(line: LineRun) -> None:
    line.repository(scenarios.FILES)
    slow = part("code_writer", turn(bash("sleep 4")), turn(create("calc.py", scenarios.CODE)), turn(submit_code()))
    line.model.play(scenarios.scenario(slow))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits={"working_time_max_s": 3_600})
    clock = Jumping()
    working = asyncio.create_task(line.work(lambda _line, held: with_context(held, clock=clock)))
    await line.until_asked("code_writer")
    clock.jump(3_700)
    cr = await working
    assert (cr.status, cr.pause_reason, cr.stage) == (Status.PAUSED, PauseReason.TOTAL_TIME, Stage.DEVELOPMENT)
    assert cr.pause_facts["allowed_s"] == 3_600
    assert len(line.asked("code_writer")) == 1
    await line.resume()
    assert (await line.to_the_gate()).kind == "release"


@pytest.mark.thorough
async def test_an_agent_is_given_its_time_once_more_and_no_third_time_though_its_worker_dies_in_between(
    line: LineRun,
) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(part("code_writer", turn(bash("sleep 100")))))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits={"agent_timeout_s": 8})
    deaths = Deaths(lambda at: at[:3] == ("after", "noted", "code_writer"))
    cr = await line.work_through_crashes(deaths.doomed)
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.AGENT_TIMEOUT)
    assert len(deaths.died_at) == 1
    async with line.store.transaction() as connection:
        query = "SELECT count(*) FROM journal WHERE body::jsonb->>'reason' = 'agent_timeout'"
        assert (await connection.execute(text(query))).scalar_one() == 2


async def submit_with_specs(line: LineRun, repository: SampleRepository) -> None:
    target = RepositoryTarget(
        name="sums",
        remote=str(repository.path),
        base_branch="main",
        behaviour_path="specs/behaviour",
        reach=Reach.PRIVATE,
    )
    new = NewChangeRequest(
        id="cr-1", title=scenarios.TITLE, body=scenarios.BODY, created_by="requester", repositories=(target,),
        settings_snapshot=RuntimeSettings().snapshot(),
    )  # fmt: skip
    async with line.store.transaction() as connection:
        await ChangeRequests(connection).create(new)


async def test_a_repository_that_keeps_its_specs_gets_the_feature_file_with_the_tests(line: LineRun) -> None:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await submit_with_specs(line, repository)
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    [kept] = [path for path in repository.files() if path.startswith("specs/behaviour/")]
    assert "Feature:" in repository.text(kept)
    assert "@change" in repository.text(kept)


@pytest.mark.thorough
async def test_specs_are_never_written_through_a_link_and_the_link_stays(line: LineRun) -> None:
    repository = line.repository(scenarios.FILES)
    (repository.path / "specs").symlink_to("tests")
    repository.commit({"README": "There is a link now.\n"})
    line.model.play(scenarios.scenario())
    await submit_with_specs(line, repository)
    cr = await line.work()
    assert (cr.stage, cr.pause_reason) == (Stage.WORKSPACES, PauseReason.DELIVERY_FAILED)
    assert "specs is a file or a link" in cr.pause_message
    assert line.asked("spec_writer", "test_writer") == []
    repository.git("rm", "-q", "specs")
    repository.commit({"README": "There is none.\n"})
    await line.resume()
    await line.to_the_gate()
