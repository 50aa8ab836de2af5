"""What every turn changed and what every run printed can be read after all is over and the git cache is gone."""

import shutil

import pytest

from controller.errors import NoLongerThere
from controller.test_logs import service as test_logs
from controller.turns import service as turns
from controller.turns.schemas import Since
from controller.views import service as views
from pipeline.change_request import Status
from pipeline.snapshots.turn_diffs import TURN_DIFF
from tests.line.dying import Deaths
from tests.line.harness import OPERATOR, LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import CODE, bash, create, part, submit_code, turn
from tests.line.test_line import rows

KEY = "sk-ant-" + "Q7x" * 12
WRITING = part(
    "code_writer",
    turn(create("calc.py", CODE.replace("n * 2", "n * 3"))),
    turn(bash("cat calc.py")),
    turn(create("calc.py", CODE), create("notes.md", f"{KEY}\n")),
    turn(bash("rm notes.md")),
    turn(submit_code()),
)


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_each_turn_shows_exactly_what_it_changed_after_cleanup_and_without_the_cache(line: LineRun) -> None:
    line.plays(WRITING)
    await line.to_the_gate()
    await line.approve()
    assert (await line.work()).status is Status.COMPLETED
    shutil.rmtree(line.root / "data" / "git")

    asked = (line.controller, OPERATOR, line.cr_id)
    tests, code = (await turns.turns(*asked)).items
    assert [(one.role, one.repository, one.number, one.ended) for one in (tests, code)] == [
        ("test_writer", "sums", 1, True), ("code_writer", "sums", 1, True),
    ]  # fmt: skip
    assert [one.turn for one in code.turns] == [1, 3, 4]
    first, second, third = [
        (await turns.turn_diff(*asked, commit=one.commit, since=Since.TURN)).diff for one in code.turns
    ]
    assert "+    return n * 3" in first.patch and [file.path for file in first.files] == ["calc.py"]
    assert "-    return n * 3\n+    return n * 2" in second.patch
    assert KEY not in second.patch and "+[sk-a…" in second.patch
    assert [(file.path, file.status) for file in third.files] == [("notes.md", "D")]
    whole = (await turns.turn_diff(*asked, commit=code.commit, since=Since.CONVERSATION)).diff
    assert [file.path for file in whole.files] == ["calc.py"] and "n * 3" not in whole.patch
    with pytest.raises(NoLongerThere):
        await turns.turn_diff(*asked, commit=code.turns[1].commit, since=Since.CONVERSATION)

    runs = (await views.test_runs(*asked, None)).items
    logs = [await test_logs.page(*asked, run.id, offset=0, limit=100_000) for run in runs]
    assert runs and all(log.whole and not log.cut and log.text.startswith("$ ") for log in logs)
    red = next(log.text for run, log in zip(runs, logs, strict=True) if run.purpose == "red")
    assert "has no attribute 'double'" in red


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_a_turn_that_runs_again_after_a_death_leaves_one_difference_that_of_its_snapshot(line: LineRun) -> None:
    line.plays(WRITING)
    deaths = Deaths(lambda at: at[:3] == ("before", "observed", "code_writer"))
    assert (await line.work_through_crashes(deaths.doomed)).status is Status.WAITING
    assert len(deaths.died_at) == 5
    shutil.rmtree(line.root / "data" / "git")

    asked = (line.controller, OPERATOR, line.cr_id)
    of_tests, of_code = (await turns.turns(*asked)).items
    shown = [
        (await turns.turn_diff(*asked, commit=one.commit, since=Since.TURN)).diff
        for one in (*of_tests.turns, *of_code.turns)
    ]
    assert [len(one.files) for one in shown] == [1, 1, 2, 1]
    (kept,) = rows(line, f"SELECT count(*) AS number FROM artifacts WHERE kind = '{TURN_DIFF.kind}'")  # noqa: S608 - our own constant
    assert kept["number"] == 6, "the four turns, and all that each writer did"
