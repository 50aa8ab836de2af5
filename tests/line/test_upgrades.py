"""A newer version of the line under a run: it goes on by itself where it stood, and is never stuck."""

from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.interventions.intervention import Action, BeginningAnew
from pipeline.line.version import graph_version
from tests.line import scenarios
from tests.line.dying import Deaths, Moment
from tests.line.harness import LineRun
from tests.line.savepoints import AT_THE_GATE, DEAD_WHILE_CODING, TAKEN_OVER, begins_at, slow_writer
from tests.line.scenarios import part, submit_review, turn
from tests.line.test_going_on import ORDINARY
from tests.line.test_taking_over import analyst, clone, handed_back, published


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


def change(line: LineRun, *statements: str) -> None:
    """Make the database what another version would have left."""
    with psycopg.connect(line.database.superuser_url) as connection:
        for statement in statements:
            connection.execute(statement)


OLDER = ("UPDATE attempts SET graph_version = '1', code_version = '0.0.1'",)
"""The version was a number before it followed from the declarations."""
RENAMED = (
    "UPDATE checkpoints SET checkpoint = replace(checkpoint::text, '\"branch:to:pause\"', '\"branch:to:halt\"')::jsonb",
    "UPDATE checkpoint_blobs SET channel = 'branch:to:halt' WHERE channel = 'branch:to:pause'",
    "DELETE FROM checkpoint_writes",
)
"""What a checkpoint says when the node `pause` had another name: nothing is to be done in this version."""
STAGE_RENAMED = "UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{channel_values,goto}', '\"building\"')"
"""What the state says when the next stage has a name that this version does not know."""


async def die_in_the_middle_of(line: LineRun, role: str) -> None:
    """Let a worker die after the first answer of a role."""

    def wanted(at: Moment) -> bool:
        return at[:3] == ("after", "answered", role)

    deaths = Deaths(wanted)
    cr = await line.work(deaths.doomed)
    assert (cr.status, len(deaths.died_at)) == (Status.RUNNING, 1)
    await line.bury()


async def upgrades(line: LineRun) -> list[str]:
    """Return from which stages runs began anew by themselves."""
    return [one.facts(BeginningAnew).stage or "" for one in await line.said() if one.actor == "changeline"]


@begins_at(AT_THE_GATE)
@pytest.mark.parametrize(
    "upgrade",
    [pytest.param(OLDER, id="another version"), pytest.param(RENAMED, id="a renamed node", marks=pytest.mark.thorough)],
)
async def test_a_run_that_waits_at_its_gate_goes_on_after_an_upgrade_without_buying_again(
    line: LineRun, upgrade: tuple[str, ...]
) -> None:
    change(line, *upgrade)
    await line.decide_and_finish()
    assert Counter(line.asked_roles()) == ORDINARY
    assert await upgrades(line) == ["release_gate"]
    with psycopg.connect(line.database.superuser_url) as connection:
        assert connection.execute("SELECT graph_version FROM attempts").fetchone() == (graph_version(),)


@begins_at(AT_THE_GATE)
async def test_a_gate_that_is_still_open_after_an_upgrade_waits_on_and_is_decided_as_shown(line: LineRun) -> None:
    first = await line.open_gate()
    change(line, *OLDER, "UPDATE change_requests SET status = 'queued'")
    again = await line.to_the_gate()
    assert (again.id, again.content_hash) == (first.id, first.content_hash)
    await line.decide_and_finish()


@pytest.mark.thorough
async def test_a_pause_before_an_upgrade_goes_on_with_what_the_person_said(line: LineRun) -> None:
    picky = part("quality_reviewer", turn(submit_review("Explain it.")), not_contains=["doubles it"])
    await start(line, picky, review_loops_max=0)
    assert (await line.work()).pause_reason is PauseReason.REVIEW_LOOP
    change(line, *OLDER)
    mended = scenarios.write_code(scenarios.bash("echo '# brief' >> calc.py"))
    line.model.model.scenario = scenarios.parsed(scenarios.scenario(mended))
    await line.resume("Be brief.")
    await line.to_the_gate()
    assert "Be brief." in str(line.asked("code_writer")[-1]["messages"])
    assert {one.status for one in await line.said()} == {"acted"}


@begins_at(DEAD_WHILE_CODING)
@pytest.mark.parametrize(
    "upgrade",
    [
        pytest.param(OLDER, id="upgraded"),
        pytest.param(("SELECT 1",), id="not upgraded", marks=pytest.mark.thorough),
    ],
)
async def test_an_unfinished_stage_begins_again_only_after_an_upgrade(line: LineRun, upgrade: tuple[str, ...]) -> None:
    change(line, *upgrade)
    await line.to_the_gate()
    asked, upgraded = Counter(line.asked_roles()), upgrade is OLDER
    assert asked["spec_writer"] == 1, "stages that ended are not bought again"
    assert asked["code_writer"] == (3 if upgraded else 2)
    assert await upgrades(line) == (["development"] if upgraded else [])
    told = [event.payload["message"] for event in await line.events("warned")]
    assert any("goes on from development" in message for message in told) is upgraded
    await line.decide_and_finish()
    assert line.repositories["sums"].subjects("main^2") == ["Doubling", "Tests: Doubling", "First commit"]


@pytest.mark.thorough
async def test_a_stop_in_the_middle_of_a_stage_before_an_upgrade_goes_on_once_resumed(line: LineRun) -> None:
    await start(line, budget_usd="0.07", output_tokens_max=256)
    assert (await line.work()).pause_reason is PauseReason.BUDGET
    change(line, *OLDER)
    await line.raise_budget("5")
    await line.to_the_gate()
    assert {one.status for one in await line.said()} == {"acted"}
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(DEAD_WHILE_CODING)
async def test_a_stage_of_another_name_is_found_by_what_has_passed(line: LineRun) -> None:
    change(line, *OLDER, STAGE_RENAMED)
    await line.to_the_gate()
    assert await upgrades(line) == ["development"]
    assert Counter(line.asked_roles())["spec_writer"] == 1


def _bytes_lost(body: str) -> str:
    return body[: len(body) // 2]


def _another_shape(_body: str) -> str:
    return '{"from": "another version"}'


@begins_at(DEAD_WHILE_CODING)
@pytest.mark.thorough
@pytest.mark.parametrize("damage", [_bytes_lost, _another_shape])
async def test_a_conversation_whose_record_cannot_be_read_begins_anew_with_an_event(
    line: LineRun, damage: Callable[[str], str]
) -> None:
    with psycopg.connect(line.database.superuser_url) as connection:
        opening = "SELECT body FROM journal WHERE role = 'code_writer' AND seq = 0"
        stored = connection.execute(opening).fetchone()
        assert stored is not None
        damaging = "UPDATE journal SET body = %s WHERE role = 'code_writer' AND seq = 0"
        connection.execute(damaging, [damage(stored[0])])
    await line.to_the_gate()
    asked = Counter(line.asked_roles())
    assert asked == ORDINARY - Counter(retrospective=1) + Counter(code_writer=1)
    told = [event.payload for event in await line.events("warned")]
    assert [one["role"] for one in told if "begins anew" in one["message"]] == ["code_writer"]
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(TAKEN_OVER)
@pytest.mark.parametrize(
    ("upgrade", "asked_again"),
    [
        pytest.param((*OLDER, STAGE_RENAMED), True, id="another name of the stage"),
        pytest.param(OLDER, True, id="another version"),
        pytest.param(("SELECT 1",), False, id="not upgraded"),
    ],
)
async def test_what_was_handed_back_is_looked_at_from_the_beginning_after_an_upgrade_and_goes_on(
    line: LineRun, upgrade: tuple[str, ...], *, asked_again: bool
) -> None:
    line.plays(slow_writer(), analyst())
    shown = await published(line)
    work = clone(line, shown)
    mine = work.commit({"calc.py": scenarios.CODE}, "Double it properly")
    work.git("push", "-q")
    await handed_back(line)
    await die_in_the_middle_of(line, "sync_analyst")
    change(line, *upgrade)
    await line.to_the_gate()
    asked = Counter(line.asked_roles())
    assert (asked["sync_analyst"], asked["code_writer"]) == (2 if asked_again else 1, 2)
    assert await upgrades(line) == (["sync"] if asked_again else [])
    purposes = Counter(event.payload["purpose"] for event in await line.events("tests_run"))
    assert purposes["handed_back"] >= 1
    await line.decide_and_finish()
    assert mine in line.repositories["sums"].git("rev-list", "main").splitlines()


@pytest.mark.thorough
@begins_at(TAKEN_OVER)
async def test_an_analyst_whose_record_no_longer_fits_begins_anew_within_the_stage(line: LineRun) -> None:
    line.plays(slow_writer(), analyst())
    shown = await published(line)
    work = clone(line, shown)
    work.commit({"calc.py": scenarios.CODE}, "Double it properly")
    work.git("push", "-q")
    await handed_back(line)
    await die_in_the_middle_of(line, "sync_analyst")
    change(line, "UPDATE journal SET body = replace(body, 'submit_sync', 'submit_merge') WHERE role = 'sync_analyst'")
    await line.to_the_gate()
    assert Counter(line.asked_roles())["sync_analyst"] == 2
    told = [event.payload for event in await line.events("warned")]
    assert [one["role"] for one in told if "begins anew" in one["message"]] == ["sync_analyst"]
    await line.decide_and_finish()


@pytest.mark.thorough
@begins_at(AT_THE_GATE)
async def test_a_second_loss_under_the_same_version_asks_a_person_and_a_restart_helps(line: LineRun) -> None:
    change(line, *RENAMED, "UPDATE change_requests SET status = 'queued'")
    await line.to_the_gate()
    change(line, *RENAMED, "UPDATE change_requests SET status = 'queued'")
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.GRAPH_CHANGED)
    await line.restart(Stage.REVIEW)
    await line.to_the_gate()
    await line.say(Action.CANCEL)
