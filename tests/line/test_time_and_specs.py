"""The working time of a change request, and repositories that keep their behaviour specs."""

from sqlalchemy import text

from pipeline.change_request import PauseReason, RepositoryTarget, Status
from pipeline.configuration import Configuration
from pipeline.records import NewChangeRequest
from pipeline.store.change_requests import ChangeRequests
from tests.line import scenarios
from tests.line.harness import LineRun


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


async def test_a_repository_that_keeps_its_specs_gets_the_feature_file_with_the_tests(line: LineRun) -> None:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    target = RepositoryTarget(
        name="sums", remote=str(repository.path), base_branch="main", behaviour_path="specs/behaviour"
    )
    new = NewChangeRequest(
        id="cr-1", title=scenarios.TITLE, body=scenarios.BODY, created_by="requester", repositories=(target,),
        settings_snapshot=Configuration().snapshot(),
    )  # fmt: skip
    async with line.store.transaction() as connection:
        await ChangeRequests(connection).create(new)
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    [kept] = [path for path in repository.files() if path.startswith("specs/behaviour/")]
    assert "Feature:" in repository.text(kept)
    assert "@change" in repository.text(kept)
