"""Scenarios for the scripted model: a small change request that passes every stage, and parts that go otherwise.

The repository adds numbers; the change request asks that it doubles them. `scenario(*parts)` puts parts of its own before
the defaults, and the first part that fits a request is played.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cli.scenario import Scenario, parse_scenario

TITLE = "Double a number"
BODY = "Callers double numbers by hand and get it wrong.\n\n1. `calc.double(n)` returns n times 2."
FILES = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n",
}
CODE = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return n * 2\n"
TESTS = "import calc\n\n\ndef test_s1_double():\n    assert calc.double(4) == 8\n"
TEST_FILE = "tests/test_double.py"
EDITOR = "str_replace_based_edit_tool"

Part = dict[str, Any]
Turn = dict[str, Any]


def turn(*tools: dict[str, Any], text: str = "On it.", **more: Any) -> Turn:
    """One answer of the model."""
    return {"text": text, "tools": list(tools), **more}


def tool(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}


def bash(command: str) -> dict[str, Any]:
    return tool("bash", command=command)


def create(path: str, text: str) -> dict[str, Any]:
    return tool(EDITOR, command="create", path=path, file_text=text)


def replace(path: str, old: str, new: str) -> dict[str, Any]:
    return tool(EDITOR, command="str_replace", path=path, old_str=old, new_str=new)


def part(role: str, *turns: Turn, contains: Sequence[str] = (), not_contains: Sequence[str] = ()) -> Part:
    """What a role answers, turn by turn, in conversations that hold and lack these texts."""
    return {
        "role": role,
        "when": {"contains": list(contains), "not_contains": list(not_contains)},
        "turns": list(turns),
    }


def scenario(*parts: Part) -> str:
    """Return a scenario file: these parts first, then the defaults."""
    return json.dumps({"name": "sums", "scripts": [*parts, *DEFAULTS]})


def parsed(text: str) -> Scenario:
    """Return a scenario to play from now on, with the model's memory kept."""
    return parse_scenario(text, "scenario")


def submit_request(criteria: Mapping[str, str] | None = None) -> dict[str, Any]:
    texts = criteria if criteria is not None else {"AC1": "calc.double(n) returns n times 2."}
    listed = [{"id": key, "text": text, "kind": "change"} for key, text in texts.items()]
    return tool(
        "submit_request", title=TITLE, summary="Numbers can be doubled.", acceptance_criteria=listed,
        ambiguities=[] if listed else ["What should be doubled?"],
    )  # fmt: skip


def submit_spec(value: int = 8) -> dict[str, Any]:
    steps = f"Given the number 4\nWhen I double it\nThen the result is {value}"
    listed = {"id": "S1", "kind": "change", "criterion_ids": ["AC1"], "title": "A number is doubled", "steps": steps}
    return tool("submit_spec", feature="Doubling", scenarios=[listed])


def submit_check(problem: str = "") -> dict[str, Any]:
    issue = {"severity": "major", "problem": problem, "suggestion": "Say what zero gives.", "scenario_ids": ["S1"]}
    return tool("submit_check", verdict="issues" if problem else "pass", issues=[issue] if problem else [])


def submit_tests(path: str = TEST_FILE, names: Sequence[str] = ("test_s1_double",)) -> dict[str, Any]:
    proven = {"scenario_id": "S1", "test_names": list(names)}
    return tool("submit_tests", files=[{"path": path, "kind": "change", "scenarios": [proven]}])


def submit_code(*paths: str) -> dict[str, Any]:
    answer = {"scenario_id": "S1", "how": "calc.double multiplies by two."}
    return tool(
        "submit_code",
        summary="Numbers can be doubled.",
        changed_paths=list(paths or ("calc.py",)),
        scenarios=[answer],
    )


def submit_review(problem: str = "", *, spec: bool = False) -> dict[str, Any]:
    finding = {
        "severity": "major", "category": "naming", "message": problem, "file": "calc.py", "line": 5,
        "remedy": "Rename the argument.",
    }  # fmt: skip
    verdict = {"verdict": "changes_required" if problem else "pass", "findings": [finding] if problem else []}
    covered = {
        "scenario_id": "S1",
        "status": "covered",
        "test": f"{TEST_FILE}::test_s1_double",
        "code": "calc.py::double",
    }
    return tool("submit_review", **verdict, **({"coverage": [covered]} if spec else {}))


def write_tests(text: str = TESTS, path: str = TEST_FILE, **when: Any) -> Part:
    """A test writer that writes one file and hands it in."""
    return part("test_writer", turn(create(path, text)), turn(submit_tests(path)), **when)


def write_code(*calls: dict[str, Any], paths: Sequence[str] = (), **when: Any) -> Part:
    """A code writer that makes these calls in one turn and hands in."""
    made = calls or (create("calc.py", CODE),)
    return part("code_writer", turn(*made), turn(submit_code(*paths)), **when)


REQUIREMENT = {"id": "R1", "text": "double(n) is n times 2.", "criterion_ids": ["AC1"], "edge_cases": ["0 gives 0."]}
DEFAULTS: list[Part] = [
    part("request_parser", turn(submit_request())),
    part("input_screener", turn(tool("submit_screening", flags=[]))),
    part("requirements_analyst", turn(bash("cat calc.py")), turn(tool("submit_requirements", requirements=[REQUIREMENT]))),
    part("spec_writer", turn(submit_spec())),
    part("completeness_checker", turn(submit_check())),
    part("consistency_checker", turn(submit_check())),
    part("regression_checker", turn(submit_check())),
    write_tests(),
    write_code(bash(f"cat > calc.py <<'END'\n{CODE}END")),
    part("security_reviewer", turn(bash("cat calc.py")), turn(submit_review())),
    part("quality_reviewer", turn(submit_review())),
    part("spec_reviewer", turn(submit_review(spec=True))),
    part("retrospective", turn(tool("submit_learnings", learnings=[]))),
]  # fmt: skip
