"""What the scripted model answers: the same for every case up to the code, then what the case's own agents do."""

import json
import re
from collections.abc import Sequence
from typing import Any

from first_contact.cases import Prepared

_SCENARIO = "S1"
_EDITOR = "str_replace_based_edit_tool"

_PAIR = re.compile(r"(?<!\\)(?P<before>(?:\\\\)*)(?P<halves>\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})")


def scenario(prepared: Sequence[Prepared]) -> str:
    """Return a scenario in which each repository has a test writer and a code writer of its own."""
    scripts = [script for one in prepared for script in (_test_writer(one), _code_writer(one))]
    return _PAIR.sub(_one_escape, json.dumps({"name": "first contact", "scripts": [*scripts, *_everybody()]}))


def _one_escape(pair: re.Match[str]) -> str:
    """Write a character beyond the first plane as YAML does, which does not know JSON's two halves."""
    return f"{pair['before']}\\U{ord(json.loads(chr(34) + pair['halves'] + chr(34))):08x}"


def _test_writer(one: Prepared) -> dict[str, Any]:
    files = [
        {
            "path": file.path,
            "kind": file.kind,
            "scenarios": [{"scenario_id": _SCENARIO, "test_names": list(file.tests)}],
        }
        for file in one.proof
    ]
    return _script(
        "test_writer",
        *map(_bash, one.tests),
        *(_turn(_tool(_EDITOR, command="create", path=path, file_text=text)) for path, text in one.written),
        _turn(_tool("submit_tests", files=files)),
        contains=one.case.registered_as,
    )


def _code_writer(one: Prepared) -> dict[str, Any]:
    handed_in = _tool(
        "submit_code",
        summary="The behaviour is there.",
        changed_paths=list(one.paths),
        scenarios=[{"scenario_id": _SCENARIO, "how": "As the scenario says."}],
    )
    return _script("code_writer", *map(_bash, one.code), _turn(handed_in), contains=one.case.registered_as)


def _everybody() -> list[dict[str, Any]]:
    criterion = {"id": "AC1", "text": "The new behaviour is there.", "kind": "change"}
    requirement = {
        "id": "R1",
        "text": "The new behaviour is there.",
        "criterion_ids": ["AC1"],
        "edge_cases": ["Nothing special."],
    }
    steps = "Given the program\nWhen the new behaviour is asked for\nThen it is there"
    spec = {"id": _SCENARIO, "kind": "change", "criterion_ids": ["AC1"], "title": "The new behaviour", "steps": steps}
    covered = {"scenario_id": _SCENARIO, "status": "covered", "test": "the new test", "code": "the new code"}
    looked = _bash("ls")
    passed = _turn(_tool("submit_review", verdict="pass", findings=[]))
    spec_passed = _turn(_tool("submit_review", verdict="pass", findings=[], coverage=[covered]))
    checked = _turn(_tool("submit_check", verdict="pass", issues=[]))
    answers: dict[str, list[dict[str, Any]]] = {
        "request_parser": [
            _turn(
                _tool(
                    "submit_request",
                    title="First contact",
                    summary="A new behaviour.",
                    acceptance_criteria=[criterion],
                    ambiguities=[],
                )
            )
        ],
        "input_screener": [_turn(_tool("submit_screening", flags=[]))],
        "requirements_analyst": [looked, _turn(_tool("submit_requirements", requirements=[requirement]))],
        "spec_writer": [_turn(_tool("submit_spec", feature="First contact", scenarios=[spec]))],
        "completeness_checker": [checked],
        "consistency_checker": [checked],
        "regression_checker": [looked, checked],
        "security_reviewer": [looked, passed],
        "quality_reviewer": [looked, passed],
        "spec_reviewer": [looked, spec_passed],
        "retrospective": [_turn(_tool("submit_learnings", learnings=[]))],
    }
    return [_script(role, *turns) for role, turns in answers.items()]


def _script(role: str, *turns: dict[str, Any], contains: str = "") -> dict[str, Any]:
    when = {"contains": [contains]} if contains else {}
    return {"role": role, "when": when, "turns": list(turns), "repeat": True}


def _turn(*tools: dict[str, Any]) -> dict[str, Any]:
    return {"text": "On it.", "tools": list(tools)}


def _bash(command: str) -> dict[str, Any]:
    return _turn(_tool("bash", command=command))


def _tool(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}
