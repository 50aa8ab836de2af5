"""A repository in several pieces goes through the whole line: each piece is run by its own runner, with its own
environment, and a test's identity says which piece it belongs to."""

import json

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from pipeline.gates.gate import Decision
from pipeline.records import RunPurpose
from pipeline.store.work import Work
from tests.line.harness import LineRun
from tests.line.scenarios import (
    BODY,
    CODE,
    FILES,
    REQUIREMENT,
    TITLE,
    bash,
    create,
    part,
    scenario,
    submit_code,
    submit_review,
    tool,
    turn,
    write_tests,
)

SERVICES = {
    f"{folder}/{path}": text
    for folder in ("services/sums", "services/mail")
    for path, text in {**FILES, "requirements.txt": ""}.items()
}
"""Two services with tests and modules of the same names, and nothing at the root."""
TEST_FILE = "services/sums/tests/test_double.py"
READ = "cat services/sums/calc.py"
SEES_ITSELF = "in-component services/sums python -m pytest -q 2>&1 | tail -3"


def in_sums(*code: str) -> str:
    return scenario(
        write_tests(path=TEST_FILE),
        part(
            "code_writer",
            turn(create("services/sums/calc.py", CODE), bash(SEES_ITSELF)),
            turn(submit_code("services/sums/calc.py", *code)),
        ),
        part("requirements_analyst", turn(bash(READ)), turn(tool("submit_requirements", requirements=[REQUIREMENT]))),
        part("security_reviewer", turn(bash(READ)), turn(submit_review())),
    )


async def test_services_with_tests_of_the_same_names_are_proven_side_by_side(line: LineRun) -> None:
    line.repository(SERVICES)
    line.model.play(in_sums())
    await line.submit(title=TITLE, body=BODY)
    await line.to_the_gate()
    async with line.store.transaction() as connection:
        runs = await Work(connection, cr_id=line.cr_id, attempt=1).test_runs()
    [base] = [run for run in runs if run.purpose is RunPurpose.BASELINE]
    assert {case["test_id"] for case in base.report["cases"]} == {
        "services/mail/tests/test_calc.py::test_add", "services/sums/tests/test_calc.py::test_add",
    }  # fmt: skip
    [red] = [run for run in runs if run.purpose is RunPurpose.RED]
    assert [case["test_id"] for case in red.report["cases"]] == [f"{TEST_FILE}::test_s1_double"]
    [green] = [run for run in runs if run.purpose is RunPurpose.GREEN_SUITE]
    ran = green.report["command"][-1]
    assert ran.index("cd services/sums") < ran.index("cd services/mail"), "what the change touches runs first"
    assert len(green.report["cases"]) == 3
    assert "2 passed" in json.dumps(line.asked("code_writer")[-1])
    await line.decide_and_finish()


@pytest.mark.thorough
async def test_what_cannot_be_tested_stops_only_a_change_that_touches_it(line: LineRun) -> None:
    """The others of a repository are worked on, and who reads the events learns it before anybody is paid."""
    broken = {"services/mail/requirements.txt": "no-package-of-this-name==1\n"}
    line.repository({**SERVICES, **broken})
    line.model.play(in_sums())
    await line.submit(title=TITLE, body=BODY)
    gate = await line.to_the_gate()
    [warned] = [event for event in await line.events("warned") if "services/mail" in str(event.payload)]
    assert "a change that touches it will stop" in warned.payload["message"]
    assert "services/mail" not in gate.content.model_dump_json()
    line.plays(
        part("code_writer", turn(create("services/sums/calc.py", CODE), bash("echo >> services/mail/calc.py")),
             turn(submit_code("services/sums/calc.py", "services/mail/calc.py"))),
    )  # fmt: skip
    await line.decide(Decision.SEND_BACK, comment="The mail service needs it too.")
    cr = await line.work()
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.ENVIRONMENT_FAILED), cr.pause_message
    assert cr.pause_facts["component"] == "services/mail"
    assert "no-package-of-this-name" in str(cr.pause_message)


SAID = """\
setup:
  - echo "VALUE = 7" > generated.py
environment: {WHO: me}
protected: [infra/]
commands: {lint: make lint}
"""
TOLD = {
    ".changeline/repository.yaml": SAID,
    "infra/main.tf": "x",
    "tests/test_said.py": "import os\nimport generated\n\n\ndef test_said():\n    assert (generated.VALUE, os.environ['WHO']) == (7, 'me')\n",
}


@pytest.mark.thorough
async def test_what_the_repository_says_counts_from_its_base_branch_alone(line: LineRun) -> None:
    line.repository({**FILES, **TOLD, ".changeline/repository.yaml": "setup: make\n"})
    meddling = [
        create("calc.py", CODE),
        create("infra/new.tf", "y"),
        bash("echo y > infra/new.tf; echo 'setup: [\"false\"]' > .changeline/repository.yaml"),
    ]
    line.model.play(
        scenario(
            part(
                "code_writer", turn(*meddling), turn(submit_code("calc.py", "infra/new.tf", ".changeline/repository.yaml")),
                not_contains=["has put protected files back"],
            )
        )
    )  # fmt: skip
    await line.submit(title=TITLE, body=BODY)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.ENVIRONMENT_FAILED, Stage.WORKSPACES)
    assert str(cr.pause_message).startswith(".changeline/repository.yaml:1: setup: ")
    assert "base branch" in cr.pause_facts["remedy"]
    line.sums.commit({".changeline/repository.yaml": SAID}, "A list")
    await line.resume()
    await line.to_the_gate()
    asked = json.dumps(line.asked("code_writer"))
    assert "lint: make lint" in asked
    assert ".changeline/repository.yaml is what the repository says about itself; agents may not change it." in asked
    assert "infra/new.tf must not be changed: " in asked, "the editor says it at once"
    assert "infra/new.tf is protected by .changeline/repository.yaml; agents may not change it." in asked
    await line.decide_and_finish()
    assert line.sums.text(".changeline/repository.yaml") == SAID.strip()
    assert "infra/new.tf" not in line.sums.files()
