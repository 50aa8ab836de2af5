"""Results that the code under test forges are not believed, and the change has to be what makes its tests pass."""

from tests.evidence.test_inverted import KNOWN_FORGER
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import create, part, submit_code, turn

WRONG = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"
FORGED = WRONG + KNOWN_FORGER.replace("SPARED", "re.compile('nothing')").replace("test_tax", "test_s1_double")
PLANTED = "is reported as passed although a failure was planted at its end"


@begins_at(BEFORE_DEVELOPMENT)
async def test_forged_results_are_sent_back_and_an_honest_change_is_shown_with_its_witnesses(line: LineRun) -> None:
    forger = part("code_writer", turn(create("calc.py", FORGED)), turn(submit_code()), not_contains=[PLANTED])
    honest = part(
        "code_writer",
        turn(create("calc.py", scenarios.CODE), create("requirements.txt", "")),
        turn(submit_code("calc.py", "requirements.txt")),
        contains=[PLANTED],
    )
    line.plays(forger, honest)
    gate = await line.to_the_gate()
    runs = [event.payload for event in await line.events("tests_run")]
    called = [run["purpose"] for run in runs if run["purpose"] in {"green_change", "inverted", "reverted"}]
    assert called == ["green_change", "inverted", "green_change", "inverted", "reverted"], (
        "another environment: run again"
    )
    assert all(run["ok"] for run in runs if run["purpose"] == "green_change"), (
        "everything else believed the forged ones"
    )
    shown = shown_by(gate).repositories["sums"]
    assert shown.inverted == "1 test failed by the failure planted at its end"
    assert shown.reverted == "1 test fails again without the change"
    await line.decide_and_finish()
    await line.check_evidence()
