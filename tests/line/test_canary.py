"""The planted test through the line: settings do not switch it off, and a repository that does not stand one is not blamed."""

from tests.evidence.test_canary import GENEROUS
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.scenarios import BODY, FILES, TITLE, create, part, scenario, submit_code, turn

NOT_SLOW = "[pytest]\naddopts = -m 'not slow'\nmarkers = slow\n"
KNOWN_ALONE = """
def pytest_collection_modifyitems(items):
    items[:] = [one for one in items if one.name in {"test_add", "test_s1_double"}]
"""
LYING = GENEROUS.replace("def double", "def add(a, b):\n    return a + b\n\n\ndef double")
SAID = "A planted test that must fail was reported as passed"
UNGUARDED = "on its base too, the repository's suite leaves one out or breaks with it"


async def test_a_runner_patched_from_within_is_caught_although_settings_select_by_marks(line: LineRun) -> None:
    line.repository({**FILES, "pytest.ini": NOT_SLOW})
    liar = part("code_writer", turn(create("calc.py", LYING)), turn(submit_code()), not_contains=[SAID])
    honest = part("code_writer", turn(create("calc.py", scenarios.CODE)), turn(submit_code()), contains=[SAID])
    line.model.play(scenario(liar, honest))
    await line.submit(title=TITLE, body=BODY)
    await line.to_the_gate()
    ran = [event.payload for event in await line.events("tests_run")]
    first, second = [run for run in ran if run["purpose"] == "green_change"]
    assert (first["ok"], second["ok"]) == (False, True) and SAID in first["summary"]
    lied = next(run for run in ran if run["purpose"] == "green_suite")
    assert SAID in lied["summary"], "the full suite is guarded too"
    assert not [run for run in ran if UNGUARDED in run["summary"]], "the base stands one, so nothing is excused"


async def test_a_repository_that_leaves_planted_tests_out_reaches_the_gate_with_a_note(line: LineRun) -> None:
    line.repository({**FILES, "conftest.py": KNOWN_ALONE})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    gate = await line.to_the_gate()
    assert f"green: 2 passed; No planted test guards these results: {UNGUARDED}" in gate.content.model_dump_json()
    assert len(line.asked("code_writer")) == 2, "one try, in two turns"
    await line.decide_and_finish()
    await line.check_evidence()
