"""Old tests that state what a request changes: rewritten or retired under a scenario, shown to who approves, never a riddle."""

from typing import Any

import pytest

from cli.evidence_text import print_bundle
from cli.output import Output
from pipeline.change_request import PauseReason
from pipeline.effects.kinds import ProposePullRequest
from pipeline.evidence.bundle import EvidenceBundle
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.scenarios import bash, create, part, tool, turn

OLD = "tests/test_old.py"
PINS = "import calc\n\n\ndef test_thrice():\n    assert calc.double(4) == 12\n\n\ndef test_zero():\n    assert calc.double(0) == 0\n"
FILES = {**scenarios.FILES, "calc.py": scenarios.CODE.replace("* 2", "* 3"), OLD: PINS}
REWRITE = f"sed -i 's/test_thrice/test_twice/; s/== 12/== 8/' {OLD}"


def named(test: str, scenario: str = "S1") -> dict[str, Any]:
    return {
        "path": OLD, "tests": [test], "decision": "retired", "scenario_id": scenario, "why": "It says 12, the scenario 8.",
    }  # fmt: skip


def submit(*names: str, old: list[dict[str, Any]]) -> dict[str, Any]:
    proven = [{"scenario_id": name, "test_names": [f"test_{name.lower()}_double"]} for name in names]
    file = {"path": scenarios.TEST_FILE, "kind": "change", "scenarios": proven}
    return tool("submit_tests", files=[file], old_tests=old)


async def start(line: LineRun, *parts: scenarios.Part, **limits: object) -> None:
    line.repository(FILES)
    line.model.play(scenarios.scenario(*parts))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY, limits=limits)


async def test_a_pinned_old_test_is_named_with_the_ways_on_and_rewritten_when_a_person_says_so(
    line: LineRun, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "The old test is wrong now."
    rewrites = part(
        "test_writer", turn(create(scenarios.TEST_FILE, scenarios.TESTS), bash(REWRITE)), turn(scenarios.submit_tests()),
        contains=[said],
    )  # fmt: skip
    await start(line, rewrites, identical_failures_max=2)
    cr = await line.work()
    assert cr.pause_reason is PauseReason.IDENTICAL_FAILURES
    assert cr.pause_message.startswith("An old test states the opposite of the change")
    assert f"{OLD}::test_thrice" in cr.pause_message and "resume and say so" in cr.pause_message
    assert len(cr.pause_facts["old_tests"]) == 1
    await line.resume(said)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert [(one.name, one.decision, one.scenario) for one in shown.old_tests] == [("test_thrice", "retired", "S1")]
    assert {file.path for file in shown.files} == {"calc.py", OLD, scenarios.TEST_FILE}
    (proposed,) = [one.payload for one in await line.effects() if isinstance(one.payload, ProposePullRequest)]
    assert f"Old test retired for S1: `{OLD}::test_thrice`" in proposed.body
    await line.decide_and_finish()
    kept = await line.evidence()
    (repository,) = EvidenceBundle.model_validate_json(kept).sections.repositories
    assert [(one.name, one.decision, one.scenario) for one in repository.old_tests or ()] == [
        ("test_thrice", "retired", "S1")
    ]
    print_bundle(Output(as_json=False), kept)
    assert f"retired   old test {OLD}::test_thrice under S1" in capsys.readouterr().out


HOOK = "import pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    yield\n"


async def test_hooks_and_emptied_tests_of_a_test_writer_come_back_with_what_to_do(line: LineRun) -> None:
    empty = f"sed -i 's/== 0/== 0 or True/; s/    assert calc.double(4) == 12/    calc.double(4)/' {OLD}"
    hooks = part(
        "test_writer",
        turn(create(scenarios.TEST_FILE, scenarios.TESTS), create("tests/conftest.py", HOOK), bash(empty)),
        turn(scenarios.submit_tests()),
        not_contains=["decides results"],
    )
    mends = part(
        "test_writer", turn(bash(f"rm tests/conftest.py; {REWRITE}")), turn(scenarios.submit_tests()),
        contains=["decides results"],
    )  # fmt: skip
    await start(line, hooks, mends)
    await line.to_the_gate()
    told = str(line.asked("test_writer")[-1]["messages"])
    assert "tests/conftest.py:5 defines the hook pytest_runtest_makereport, which decides results" in told
    assert f"{OLD}:4 test_thrice asserts nothing any more" in told


@pytest.mark.thorough
async def test_where_scenarios_are_several_every_altered_old_test_is_named_and_no_other_may_differ(
    line: LineRun,
) -> None:
    steps = "Given the number {0}\nWhen I double it\nThen the result is {1}"
    listed = [
        {
            "id": name,
            "kind": "change",
            "criterion_ids": ["AC1"],
            "title": f"Doubled {name}",
            "steps": steps.format(*pair),
        }
        for name, pair in {"S1": (4, 8), "S2": (5, 10)}.items()
    ]
    spec = part("spec_writer", turn(tool("submit_spec", feature="Doubling", scenarios=listed)))
    new = f"{scenarios.TESTS}\n\ndef test_s2_double():\n    assert calc.double(5) == 10\n"
    weaken = f"{REWRITE}; sed -i 's/double(0) == 0/double(0) is not None/' {OLD}"
    names = ("S1", "S2")
    writer = part(
        "test_writer", turn(create(scenarios.TEST_FILE, new), bash(weaken)), turn(submit(*names, old=[named("test_thrice", "S9")])),
        turn(submit(*names, old=[named("test_thrice", "S2")])), not_contains=["was rewritten, but"],
    )  # fmt: skip
    mends = part(
        "test_writer", turn(bash(f"sed -i 's/double(0) is not None/double(0) == 0/' {OLD}")),
        turn(submit(*names, old=[named("test_thrice", "S2")])), contains=["was rewritten, but"],
    )  # fmt: skip
    covered = {"status": "covered", "test": f"{scenarios.TEST_FILE}::test_s1_double", "code": "calc.py::double"}
    review = tool(
        "submit_review", verdict="pass", findings=[], coverage=[{"scenario_id": one, **covered} for one in names]
    )
    answers = [{"scenario_id": one, "how": "calc.double multiplies by two."} for one in names]
    code = tool("submit_code", summary="Doubled.", changed_paths=["calc.py"], scenarios=answers)
    coder = part("code_writer", turn(create("calc.py", scenarios.CODE)), turn(code))
    await start(line, spec, writer, mends, coder, part("spec_reviewer", turn(review)))
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert [(one.name, one.decision, one.scenario) for one in shown.old_tests] == [("test_thrice", "retired", "S2")]
    told = str(line.asked("test_writer")[-1]["messages"])
    assert f"{OLD}::test_zero was rewritten, but `old_tests` does not name it" in told
    assert "unknown change scenarios of old tests: S9" in str([one["messages"] for one in line.asked("test_writer")])
    assert "double(0) == 0" in line.sums.text(OLD, "changeline/cr-1")


GOLDEN = "tests/golden/four.txt"
THREE_WAYS = {
    "calc.py": FILES["calc.py"],
    "tests/test_many.py": "import calc\n\n\ndef test_numbers():\n    assert calc.double(0) == 0\n"
    "    assert calc.double(4) == 12\n    assert calc.add(1, 2) == 3\n",
    "tests/test_whole.py": "import calc\n\n\ndef test_three():\n    assert calc.double(1) == 3\n\n\n"
    "def test_six():\n    assert calc.double(2) == 6\n",
    GOLDEN: "12\n",
    "tests/test_golden.py": "import pathlib\n\nimport calc\n\n\ndef test_matches():\n"
    "    said = pathlib.Path(__file__).parent / 'golden' / 'four.txt'\n    assert f'{calc.double(4)}\\n' == said.read_text()\n",
}


@pytest.mark.thorough
async def test_one_assertion_among_many_a_whole_file_and_a_golden_file_are_altered_and_each_is_named_at_the_gate(
    line: LineRun,
) -> None:
    old = bash("sed -i 's/== 12/== 8/' tests/test_many.py; rm tests/test_whole.py")
    writer = part(
        "test_writer", turn(create(scenarios.TEST_FILE, scenarios.TESTS), old, create(GOLDEN, "8\n")),
        turn(scenarios.submit_tests()),
    )  # fmt: skip
    line.repository(THREE_WAYS)
    line.model.play(scenarios.scenario(writer))
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    shown = shown_by(await line.to_the_gate()).repositories["sums"]
    assert {(one.path, one.name, one.decision) for one in shown.old_tests} == {
        ("tests/test_many.py", "test_numbers", "rewritten"),
        ("tests/test_whole.py", "test_three", "retired"),
        ("tests/test_whole.py", "test_six", "retired"),
        (GOLDEN, "", "rewritten"),
    }
    assert {one.scenario for one in shown.old_tests} == {"S1"}
