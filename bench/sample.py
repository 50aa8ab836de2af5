"""The work a bench gives the line: a tiny repository without dependencies, and what the scripted model answers.

The change request is as small as one can be that still passes every stage, so that what is left after tests and git is
Changeline itself.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TITLE = "Double a number"
REFUSED = "Double a number, which the model refuses"
"""The first model answer ends the run: what would follow could only disturb the next sample."""
PATIENT = "Double a number, which the model thinks about"
"""The first model answer takes its time, so that the worker can be looked at while it waits."""
PATIENCE_MS = 4_000
SILENCE_S = 600
SILENT = "Double a number, about which the model falls silent"
"""The first model answer stops in the middle of its stream, for as long as anybody listens."""
SLEEPY = "Double a number after a long sleep"
"""The first tool of an agent sleeps, beside a child of its own."""
SLEEP = "sleep 600 & sleep 600"
TALKER = "bench_agent"
FLOOR_ROLE = "bench_floor"
COMMAND = "true"
TURNS = (4, 20)
MANY_TURNS = 80
BODY = "Callers double numbers by hand and get it wrong.\n\n1. `calc.double(n)` returns n times 2."
FILES = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n",
}
CODE = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return n * 2\n"
TESTS = "import calc\n\n\ndef test_s1_double():\n    assert calc.double(4) == 8\n"
TEST_FILE = "tests/test_double.py"
_IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")


def repository(path: Path, files: Mapping[str, str] = FILES) -> Path:
    """Make a repository with one commit on `main`."""
    path.mkdir(parents=True)
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "First commit")):
        subprocess.run(["git", "-C", str(path), *_IDENTITY, *arguments], check=True, capture_output=True)
    return path


def opening(turns: int) -> str:
    """Return the first message of a conversation of so many turns."""
    return f"Run the command {turns} times, then hand in."


def scenario() -> str:
    """Return everything the scripted model answers in a bench; titles choose between the ways to go."""
    refusal = {"text": "No.", "stop_reason": "refusal"}
    patient = {**refusal, "delay_ms": PATIENCE_MS}
    silent = {"text": "A long story.", "fault": {"stall_s": SILENCE_S, "times": 100_000}}
    scripts = [
        _script("request_parser", refusal, contains=REFUSED),
        _script("request_parser", patient, contains=PATIENT),
        _script("request_parser", silent, contains=SILENT),
        _script("request_parser", _turn(_request(SLEEPY)), contains=SLEEPY),
        _script("requirements_analyst", _turn(_tool("bash", command=SLEEP)), contains=SLEEPY),
        *_line(),
        *(_talk(turns) for turns in (*TURNS, MANY_TURNS)),
        _script(FLOOR_ROLE, _turn()),
    ]
    return json.dumps({"name": "bench", "scripts": scripts})


def _talk(turns: int) -> dict[str, Any]:
    """One agent that runs a command each turn and hands in after the last."""
    command = _turn(_tool("bash", command=COMMAND))
    return _script(TALKER, *[command] * turns, _turn(_tool("submit_note", text="Done.")), contains=opening(turns))


def _line() -> list[dict[str, Any]]:
    """Every role of a change request that passes every stage."""
    create_tests = _tool("str_replace_based_edit_tool", command="create", path=TEST_FILE, file_text=TESTS)
    write_code = _tool("bash", command=f"cat > calc.py <<'END'\n{CODE}END")
    look = _turn(_tool("bash", command="cat calc.py"))
    requirement = {"id": "R1", "text": "double(n) is n times 2.", "criterion_ids": ["AC1"], "edge_cases": []}
    return [
        _script("request_parser", _turn(_request())),
        _script("input_screener", _turn(_tool("submit_screening", flags=[]))),
        _script("requirements_analyst", look, _turn(_tool("submit_requirements", requirements=[requirement]))),
        _script("spec_writer", _turn(_spec())),
        *(
            _script(role, _turn(_tool("submit_check", verdict="pass", issues=[])))
            for role in ("completeness_checker", "consistency_checker", "regression_checker")
        ),
        _script("test_writer", _turn(create_tests), _turn(_tests())),
        _script("code_writer", _turn(write_code), _turn(_code())),
        _script("security_reviewer", look, _turn(_review())),
        _script("quality_reviewer", _turn(_review())),
        _script("spec_reviewer", _turn(_review(covers=True))),
        _script("retrospective", _turn(_tool("submit_learnings", learnings=[]))),
    ]


def _script(role: str, *turns: dict[str, Any], contains: str | None = None) -> dict[str, Any]:
    return {"role": role, "turns": list(turns), "when": {"contains": [contains] if contains else []}}


def _turn(*tools: dict[str, Any]) -> dict[str, Any]:
    return {"text": "On it.", "tools": list(tools)}


def _tool(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}


def _request(title: str = TITLE) -> dict[str, Any]:
    criterion = {"id": "AC1", "text": "calc.double(n) returns n times 2.", "kind": "change"}
    return _tool(
        "submit_request",
        title=title,
        summary="Numbers can be doubled.",
        acceptance_criteria=[criterion],
        ambiguities=[],
    )


def _spec() -> dict[str, Any]:
    steps = "Given the number 4\nWhen I double it\nThen the result is 8"
    listed = {"id": "S1", "kind": "change", "criterion_ids": ["AC1"], "title": "A number is doubled", "steps": steps}
    return _tool("submit_spec", feature="Doubling", scenarios=[listed])


def _tests() -> dict[str, Any]:
    proven = {"scenario_id": "S1", "test_names": ["test_s1_double"]}
    return _tool("submit_tests", files=[{"path": TEST_FILE, "kind": "change", "scenarios": [proven]}])


def _code() -> dict[str, Any]:
    answer = {"scenario_id": "S1", "how": "calc.double multiplies by two."}
    return _tool("submit_code", summary="Numbers can be doubled.", changed_paths=["calc.py"], scenarios=[answer])


def _review(*, covers: bool = False) -> dict[str, Any]:
    where = {"test": f"{TEST_FILE}::test_s1_double", "code": "calc.py::double"}
    covered = {"coverage": [{"scenario_id": "S1", "status": "covered", **where}]} if covers else {}
    return _tool("submit_review", verdict="pass", findings=[], **covered)
