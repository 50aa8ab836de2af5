"""The demo's change request, from its request to the merged branch, read from everything that it leaves behind."""

import itertools
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from pipeline.change_request import Stage, Status
from pipeline.evidence.bundle import EvidenceBundle
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.repositories import SampleRepository

EXAMPLES = Path(__file__).parents[2] / "examples"
STAGES = [stage.value for stage in Stage if stage is not Stage.SYNC]


def demo_files() -> dict[str, str]:
    root = EXAMPLES / "parcel-rates"
    ignored = ("__pycache__", ".pytest_cache")
    paths = [path for path in root.rglob("*") if path.is_file() and not set(ignored) & set(path.parts)]
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def rows(line: LineRun, query: str) -> Sequence[dict[str, Any]]:
    with psycopg.connect(line.database.superuser_url, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


async def test_the_demo_reaches_the_merged_branch_and_leaves_its_proof(line: LineRun) -> None:
    repository = line.repository(demo_files(), "parcel-rates")
    line.model.play((EXAMPLES / "parcel-rates.scenario.yaml").read_text())
    title, _, body = (EXAMPLES / "parcel-rates.request.md").read_text().partition("\n")
    await line.submit(
        title=title.removeprefix("# "), body=body.strip(), limits={"neutral_calls": True, "mutants_max": 1}
    )
    await line.to_the_gate()
    await line.approve()
    cr = await line.work()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
    await line.check_evidence()
    await _check_witnesses(line)
    _check_history(line, repository)
    _check_ledger(line, cr.cost_usd)
    await _check_events(line)
    _check_what_people_read(line)
    assert not list((line.root / "data" / "worktrees").iterdir()), "no tree is left"


async def _check_witnesses(line: LineRun) -> None:
    (repository,) = EvidenceBundle.model_validate_json(await line.evidence()).sections.repositories
    witness = repository.witness
    assert witness.red_verdict.ok and witness.green_verdict.ok
    counting = tuple(test.test_id for test in witness.red_verdict.tests if test.counts)
    assert witness.inverted_verdict is not None and witness.inverted_verdict.confirmed == counting
    assert witness.neutral_verdict is not None and witness.neutral_verdict.agreed == counting
    assert witness.reverted_verdict is not None and witness.reverted_verdict.ok
    assert witness.mutated_verdict is not None and witness.mutated_verdict.tried


def _check_history(line: LineRun, repository: SampleRepository) -> None:
    assert repository.refs() == ["refs/heads/main"]
    assert repository.subjects()[1:] == ["First commit"]
    change = repository.subjects("main^2")
    assert change[-2].startswith("Tests:") and change[-1] == "First commit"
    assert len(change) == 4, "tests, code, and the code after the review"
    for commit in ("main", "main^2", "main^2~1", "main^2~2"):
        assert f"Change-Request: {line.cr_id}" in repository.git("log", "-1", "--format=%B", commit)
    assert "Approved-By: operator" in repository.git("log", "-1", "--format=%B", "main")
    tests_first = repository.git("diff", "--name-only", "main^2~3", "main^2~2").splitlines()
    assert tests_first == ["tests/test_insurance_change.py", "tests/test_insurance_preserve.py"]
    assert repository.git("status", "--porcelain") == "", "the checked-out branch followed"


def _check_ledger(line: LineRun, cost_usd: Decimal) -> None:
    calls = rows(line, "SELECT status, cost_usd, estimated FROM model_calls")
    assert len(calls) == len(line.asked())
    assert {call["status"] for call in calls} == {"settled"}
    assert not any(call["estimated"] for call in calls)
    assert cost_usd == sum(call["cost_usd"] for call in calls) > 0


async def _check_events(line: LineRun) -> None:
    events = await line.events()
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    entered = [event.payload["stage"] for event in events if event.type == "stage_entered"]
    assert list(dict.fromkeys(entered)) == STAGES
    assert entered.count("development") == entered.count("review") == 2
    for before, after in itertools.pairwise(entered):
        assert STAGES.index(after) <= STAGES.index(before) + 1, "no stage is passed by"
    statuses = [event.payload["status"] for event in events if event.type == "status_changed"]
    assert statuses == ["running", "waiting", "queued", "running", "completed"]
    runs = [event.payload for event in events if event.type == "tests_run"]
    assert [run["ok"] for run in runs if run["purpose"] == "red"] == [False]
    assert [run["ok"] for run in runs if run["purpose"] == "green_suite"] == [True, True]


def _check_what_people_read(line: LineRun) -> None:
    (pull_request,) = rows(line, "SELECT * FROM pull_requests")
    assert pull_request["status"] == "merged"
    for expected in ("AC1", "S1", "scripted", "1.25 %"):
        assert expected in pull_request["title"] + pull_request["body"], expected
    learned = rows(line, "SELECT * FROM learnings")
    assert {(one["repository"], one["status"]) for one in learned} == {("parcel-rates", "proposed")}


@pytest.mark.thorough
async def test_a_small_change_request_reaches_the_merged_branch(line: LineRun) -> None:
    repository = line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    await line.to_the_gate()
    await line.decide_and_finish()
    assert repository.text("calc.py") == scenarios.CODE.strip()


@pytest.mark.thorough
async def test_a_test_that_the_repository_itself_leaves_out_is_missed_by_nobody(line: LineRun) -> None:
    """The file that gains a test holds one that the base's configuration deselects: an ordinary repository, no trick."""
    existing = scenarios.FILES["tests/test_calc.py"] + "\n\ndef test_slow():\n    assert calc.add(2, 2) == 5\n"
    line.repository(
        {
            **scenarios.FILES,
            "tests/test_calc.py": existing,
            "pytest.ini": "[pytest]\naddopts = --deselect tests/test_calc.py::test_slow\n",
        }
    )
    covered = {
        "scenario_id": "S1",
        "status": "covered",
        "test": "tests/test_calc.py::test_s1_double",
        "code": "calc.py",
    }
    line.model.play(
        scenarios.scenario(
            scenarios.part(
                "test_writer",
                scenarios.turn(scenarios.bash(f"cat >> tests/test_calc.py <<'END'\n{scenarios.TESTS[12:]}END")),
                scenarios.turn(scenarios.submit_tests("tests/test_calc.py")),
            ),
            scenarios.part(
                "spec_reviewer",
                scenarios.turn(scenarios.tool("submit_review", verdict="pass", findings=[], coverage=[covered])),
            ),
        )
    )
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    await line.to_the_gate()
    assert line.asked_roles().count("test_writer") == 2, "one conversation: nothing was sent back"
    await line.check_evidence()
