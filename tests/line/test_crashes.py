"""A worker may die at any moment: the next epoch reaches what this one would have reached, and buys nothing twice."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from pipeline.adapters.clock import SystemClock
from pipeline.change_request import Stage, Status
from pipeline.proof.test_runs import RESULTS
from pipeline.store.work import Work
from tests.line import scenarios
from tests.line.dying import Deaths, Moment
from tests.line.harness import LineRun, with_context
from tests.line.repositories import SampleRepository
from tests.line.savepoints import AT_THE_GATE, BEFORE_DEVELOPMENT, begins_at
from tests.line.test_going_on import ORDINARY
from tests.line.test_releasing import BOTH, THEIRS, resolver
from worker.wiring import Hands

pytestmark = pytest.mark.timeout(900)
STAGE_RECORDS = {
    "progress.enter_stage",
    "results.save",
    "specs.save",
    "test_runs.save",
    "gates.open",
    "specs.verify",
    "progress.store_structured",
}
EFFECT_RECORDS = {"effects.intend", "effects.outcome", "pull_requests.merged"}
ASKING_TOGETHER = (
    {"completeness_checker", "regression_checker", "consistency_checker"},
    {"security_reviewer", "quality_reviewer", "spec_reviewer"},
)


async def start(line: LineRun) -> SampleRepository:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    return repository


async def reached(line: LineRun, repository: SampleRepository, deaths: Deaths) -> None:
    cr = await line.work_through_crashes(deaths.doomed)
    assert cr.status is Status.WAITING, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    await line.approve()
    cr = await line.work_through_crashes(deaths.doomed)
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert repository.text("calc.py") == scenarios.CODE.strip()
    assert repository.text(scenarios.TEST_FILE) == scenarios.TESTS.strip()
    assert repository.subjects("main^2") == ["Doubling", "Tests: Doubling", "First commit"]
    assert len(repository.subjects()) == 2, "merged once"
    assert repository.refs() == ["refs/heads/main"]
    assert {effect.status for effect in await line.effects()} == {"done"}
    assert not list((line.root / "data" / "worktrees").iterdir())
    completed = [event.payload for event in await line.events("stage_completed")]
    announced = Counter(one["stage"] for one in completed if one["outcome"] == "passed")
    assert announced == dict.fromkeys(set(Stage) - {Stage.RELEASE_GATE, Stage.SYNC}, 1), "each stage is announced once"
    assert len(await line.events("gate_opened")) == 1
    assert deaths.died_at, "it did die"


@pytest.mark.parametrize("moments", [("before",), pytest.param(("before", "after"), marks=pytest.mark.thorough)])
async def test_deaths_around_every_record_and_effect_repeat_no_model_call_and_change_the_outside_once(
    line: LineRun, moments: tuple[str, ...]
) -> None:
    """Each record dies just before it is durable and, in the next epoch, just after; the short form only before.

    After a record that is durable the next epoch reads it, which the deaths around effects show as well.
    """
    repository = await start(line)
    line.deaths_max = 20  # every point of one stage follows the other
    deaths = Deaths(lambda at: at[1] in EFFECT_RECORDS or (at[1] in STAGE_RECORDS and at[0] in moments))
    await reached(line, repository, deaths)
    died = Counter((at[0], at[1] in EFFECT_RECORDS) for at in deaths.died_at)
    assert all(died[moment, False] > 20 for moment in moments), "each record of a stage"
    assert died["before", True] >= 4 and died["after", True] >= 4, "each intent and each outcome"
    assert Counter(effect.kind for effect in await line.effects()) == Counter(
        push=1, pull_request=1, merge=1, delete_ref=1, delete_snapshots=1
    )
    assert Counter(line.asked_roles()) == ORDINARY


@pytest.mark.thorough
async def test_deaths_after_every_answer_repeat_no_model_call(line: LineRun) -> None:
    """Tools run again from the snapshot they started from; the answer is not bought again.

    A role that asks beside others may have had a call in flight when one of them died; that one call is repeated.
    """
    repository = await start(line)
    deaths = Deaths(lambda at: at[:2] == ("after", "answered"))
    await reached(line, repository, deaths)
    repeated = Counter(line.asked_roles()) - Counter(ORDINARY)
    assert not ORDINARY - Counter(line.asked_roles())
    for group in ASKING_TOGETHER:
        died = sum(at[2] in group for at in deaths.died_at)
        in_flight = sum(repeated.pop(role, 0) for role in group)
        assert in_flight <= died * (len(group) - 1)
    assert not repeated


@pytest.mark.thorough
async def test_deaths_in_the_middle_of_every_call_repeat_that_call_once(line: LineRun) -> None:
    repository = await start(line)
    deaths = Deaths(lambda at: at[:2] == ("before", "answered"))
    await reached(line, repository, deaths)
    repeated = sum(Counter(line.asked_roles()).values()) - sum(ORDINARY.values())
    beside = sum(len(group) - 1 for at in deaths.died_at for group in ASKING_TOGETHER if at[2] in group)
    assert 0 < repeated <= len(deaths.died_at) + beside


@pytest.mark.thorough
async def test_deaths_around_every_observation_and_opening_repeat_no_model_call(line: LineRun) -> None:
    repository = await start(line)

    def wanted(at: Moment) -> bool:
        return at[1] in {"observed", "opened"} and at[2] in {
            "test_writer",
            "code_writer",
            "spec_writer",
            "retrospective",
        }

    deaths = Deaths(wanted)
    await reached(line, repository, deaths)
    assert Counter(line.asked_roles()) == ORDINARY


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_deaths_while_conflicts_are_resolved_lose_nothing_of_the_resolution(line: LineRun) -> None:
    repository = line.sums
    line.plays(resolver())
    repository.commit({"calc.py": THEIRS})
    await line.approve()
    deaths = Deaths(lambda at: at[1] in {"answered", "observed"} or at[-1] == "green_suite")
    cr = await line.work_through_crashes(deaths.doomed)
    assert cr.status is Status.WAITING, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert len(deaths.died_at) >= 8
    await line.decide_and_finish()
    assert repository.text("calc.py") == BOTH.strip()
    repeated = len(line.asked("conflict_resolver")) - 2
    assert repeated <= 2, "at most the call in flight"


class LaterClock(SystemClock):
    """Tells a time that is an hour later in every epoch."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self._epoch)


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_work_that_is_repeated_after_a_death_makes_the_same_commit_and_proves_it_once(line: LineRun) -> None:
    deaths = Deaths(lambda at: at[:3] == ("before", "asked", "code_writer"))

    def later(run: LineRun, held: Hands) -> Hands:
        return with_context(deaths.doomed(run, held), clock=LaterClock(run.epoch))

    cr = await line.work_through_crashes(later)
    assert cr.status is Status.WAITING, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    assert deaths.died_at
    async with line.store.transaction() as connection:
        runs = await Work(connection, cr_id=line.cr_id, attempt=1).test_runs()
    assert Counter(row.purpose for row in runs) == {
        "baseline": 1, "red": 1, "green_change": 1, "green_suite": 1, "inverted": 1,
    }  # fmt: skip


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_what_a_worker_killed_in_a_test_run_left_beside_its_tree_is_cleaned_up(line: LineRun) -> None:
    left = line.root / "data" / "worktrees" / line.cr_id / "1" / "sums" / f"green_suite-0a1b{RESULTS}x2y3"
    left.mkdir(parents=True)
    (left / "junit.xml").write_text("<testsuites/>")
    await line.decide_and_finish()
    assert not list((line.root / "data" / "worktrees").iterdir())
