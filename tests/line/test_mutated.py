"""How much of a change its tests notice: shown at the gate and in the evidence, and asked for where a setting says so."""

from pipeline.change_request import PauseReason
from pipeline.evidence.bundle import EvidenceBundle
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.scenarios import create, part, submit_code, turn

UNASKED = "\n\ndef double(n):\n    if n > 100:\n        return n * 3\n    return n * 2\n"


async def test_noticed_mutants_are_shown_and_signed(line: LineRun) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(
        title=scenarios.TITLE,
        body=scenarios.BODY,
        limits={"mutants_max": 2, "mutants_time_pct": 10_000, "mutation_score_min": 100},
    )
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert shown.mutated == "2 of 2 small wrong versions of the change were noticed (100 %)"
    await line.decide_and_finish()
    (repository,) = EvidenceBundle.model_validate_json(await line.evidence()).sections.repositories
    verdict = repository.witness.mutated_verdict
    assert verdict is not None and {one.by for one in verdict.tried} == {"tests/test_double.py::test_s1_double"}
    assert {one.mutant.path for one in verdict.tried} == {"calc.py"}


async def test_a_change_whose_tests_notice_too_little_stops_where_that_is_asked_for(line: LineRun) -> None:
    code = scenarios.CODE.partition("\n\n\ndef double")[0] + "\n" + UNASKED
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(part("code_writer", turn(create("calc.py", code)), turn(submit_code()))))
    await line.submit(
        title=scenarios.TITLE,
        body=scenarios.BODY,
        limits={"mutants_max": 6, "mutants_time_pct": 10_000, "mutation_score_min": 90},
    )
    cr = await line.work()
    assert cr.pause_reason is PauseReason.RED_WITNESS
    assert "`pipeline.mutation_score_min` asks for 90 %. Not noticed: calc.py:" in cr.pause_message
    assert "Run the stage again" in str(cr.pause_facts["remedy"])
