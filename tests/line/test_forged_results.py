"""Results that the code under test forges, and tests that turn green by something else than the change: neither is believed."""

from tests.evidence.test_inverted import KNOWN_FORGER
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, create, part, submit_code, turn

WRONG = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"
FORGED = WRONG + KNOWN_FORGER.replace("SPARED", "re.compile('nothing')").replace("test_tax", "test_s1_double")
TAKEN_OUT = "although the change was taken out of the head again"
PLANTED = "is reported as passed although a failure was planted at its end"


@begins_at(BEFORE_DEVELOPMENT)
async def test_forged_results_and_a_change_that_is_not_what_makes_tests_pass_are_sent_back(line: LineRun) -> None:
    beside = part(
        "code_writer",
        turn(create("calc.py", WRONG), create("tests/calc.py", scenarios.CODE)),
        turn(submit_code("calc.py", "tests/calc.py")),
        not_contains=[TAKEN_OUT, PLANTED],
    )
    forger = part(
        "code_writer",
        turn(bash("rm tests/calc.py"), create("calc.py", FORGED)),
        turn(submit_code()),
        contains=[TAKEN_OUT],
    )
    honest = part("code_writer", turn(create("calc.py", scenarios.CODE)), turn(submit_code()), contains=[PLANTED])
    line.plays(beside, forger, honest)
    gate = await line.to_the_gate()
    runs = [event.payload for event in await line.events("tests_run")]
    greens = [run["purpose"] for run in runs if run["purpose"] in {"green_change", "inverted", "reverted"}]
    assert greens == ["green_change", "inverted", "reverted", "green_change", "inverted", "green_change", "inverted"]
    assert all(run["ok"] for run in runs if run["purpose"] == "green_change"), "the runner was believed before"
    shown = shown_by(gate).repositories["sums"]
    assert shown.inverted == "1 test failed by the failure planted at its end"
    assert shown.reverted == "1 test fails again without the change; the tree and environment of the red witness"
    await line.decide_and_finish()
    await line.check_evidence()
