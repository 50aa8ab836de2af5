"""What agents wrote and deleted leaves the machine with the change request; what people look at afterwards stays."""

import os
from pathlib import Path

import pytest

from controller.cleanup import service as cleanup
from controller.cleanup.schemas import CleanupChoice, CleanupDecision, CleanupRequest
from pipeline.change_request import Reach, RepositoryTarget, Stage, Status
from pipeline.interventions.intervention import Action
from pipeline.records import NewChangeRequest
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.change_requests import ChangeRequests
from tests.line import scenarios
from tests.line.faults import when_entering
from tests.line.harness import OPERATOR, LineRun
from tests.line.scenarios import bash, create, part, submit_code, turn

LARGE = 20_000_000
BASE = 3_000_000


def size_of(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


async def started(line: LineRun) -> RepositoryTarget:
    """Submit a change whose writer leaves two large random files in one turn and deletes them in the next."""
    sample = line.repository(scenarios.FILES)
    (sample.path / "data.bin").write_bytes(os.urandom(BASE))
    sample.commit({"README": "Some data."})
    wasteful = part(
        "code_writer",
        turn(bash(f"for n in 1 2; do head -c {LARGE} /dev/urandom > blob$n; done")),
        turn(bash("rm blob1 blob2"), create("calc.py", scenarios.CODE)),
        turn(submit_code()),
    )
    line.model.play(scenarios.scenario(wasteful))
    target = RepositoryTarget(
        name="sums", remote=str(sample.path), base_branch="main", merge_strategy="squash", reach=Reach.PRIVATE
    )
    new = NewChangeRequest(
        id="cr-1", title=scenarios.TITLE, body=scenarios.BODY, created_by="requester", repositories=(target,),
        settings_snapshot=RuntimeSettings().snapshot(),
    )  # fmt: skip
    async with line.store.transaction() as connection:
        await ChangeRequests(connection).create(new)
    return target


async def shown_paths(line: LineRun, target: RepositoryTarget) -> set[str]:
    async with line.store.transaction() as connection:
        [progress] = await ChangeRequests(connection).progress("cr-1")
    assert progress.base_commit is not None and progress.head_commit is not None
    found = await line.controller.wiring.diffs.read("default", target, progress.base_commit, progress.head_commit)
    return {file.path for file in found.files}


@pytest.mark.thorough
async def test_the_cache_is_as_large_as_before_when_the_change_request_has_ended(line: LineRun) -> None:
    target = await started(line)
    cache = line.root / "data/git"
    sizes: dict[Stage, int] = {}

    def measured(stage: Stage) -> None:
        sizes[stage] = size_of(cache)

    assert (
        await line.work(when_entering(Stage.TRANSLATION, lambda: measured(Stage.TRANSLATION)))
    ).status is Status.WAITING
    assert size_of(cache) > sizes[Stage.TRANSLATION] + 2 * LARGE
    await line.decide_and_finish()
    assert size_of(cache) < 1.1 * sizes[Stage.TRANSLATION]
    assert await shown_paths(line, target) == {"calc.py", scenarios.TEST_FILE}


@pytest.mark.thorough
@pytest.mark.parametrize("ending", [Action.CANCEL, pytest.param(Action.FAIL, marks=pytest.mark.thorough)])
async def test_deleting_the_saved_work_of_one_that_did_not_succeed_gives_the_room_back_too(
    line: LineRun, ending: Action
) -> None:
    target = await started(line)
    await line.to_the_gate()
    await line.say(ending)
    assert size_of(line.root / "data/git") > 2 * LARGE, "nothing is deleted without a choice"
    decision = CleanupDecision(artifact="snapshots:sums", choice=CleanupChoice.DELETE)
    await cleanup.decide(line.controller, OPERATOR, "cr-1", CleanupRequest(decisions=[decision]))
    await line.carry_out()
    assert size_of(line.root / "data/git") < 1.2 * BASE
    assert await shown_paths(line, target) == {"calc.py", scenarios.TEST_FILE}
