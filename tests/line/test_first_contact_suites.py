"""A repository's own suite at first contact: one that cannot run stops everything before it is paid for, old failures
are never called green, and a flaky test is nobody's fault."""

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from tests.line.harness import LineRun
from tests.line.scenarios import BODY, FILES, TITLE, scenario

UNPAID = {"request_parser", "input_screener"}


@pytest.mark.thorough
async def test_options_of_plugins_that_are_not_there_stop_before_the_first_paid_work(line: LineRun) -> None:
    configured = '[tool.pytest.ini_options]\naddopts = "-n auto --cov=calc --timeout=60"\n'
    line.repository({**FILES, "pyproject.toml": configured})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    cr = await line.work()
    assert (cr.status, cr.pause_reason, cr.stage) == (Status.PAUSED, PauseReason.ENVIRONMENT_FAILED, Stage.WORKSPACES)
    assert "unrecognized arguments: -n --cov=calc --timeout=60" in str(cr.pause_message)
    assert "pytest-cov, pytest-xdist, pytest-timeout" in cr.pause_facts["remedy"]
    assert "pytest" in cr.pause_facts["command"]
    assert set(line.asked_roles()) <= UNPAID
    line.sums.commit({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "Without the options")
    await line.resume()
    await line.to_the_gate()


async def test_a_suite_of_which_nothing_loads_pauses_with_the_runners_first_error(line: LineRun) -> None:
    line.repository({**FILES, "tests/test_calc.py": "import not_installed_anywhere\n\n\ndef test_x():\n    pass\n"})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.ENVIRONMENT_FAILED, Stage.WORKSPACES)
    assert "No module named 'not_installed_anywhere'" in cr.pause_facts["error"]
    assert set(line.asked_roles()) <= UNPAID


async def test_a_command_that_fails_whatever_it_runs_is_no_test_writers_fault(line: LineRun) -> None:
    """Nothing tells before the first new test whether it would pass with it; then one try of the writer is enough."""
    said = "commands:\n  test: sh check.sh\n"
    failing = "echo 'something is the matter'\nexit 1\n"
    line.repository({**FILES, "check.sh": failing, ".changeline/repository.yaml": said})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    cr = await line.work()
    assert (cr.pause_reason, cr.stage) == (PauseReason.ENVIRONMENT_FAILED, Stage.DEVELOPMENT), cr.pause_message
    assert "`sh check.sh` fails on the base" in cr.pause_message and "Mend the base branch" in cr.pause_facts["remedy"]
    assert set(line.asked_roles()) & {"code_writer"} == set()
    assert len(await line.events("tests_run")) == 2, "the base, and the tests once"


@pytest.mark.thorough
async def test_old_failures_are_told_as_such_at_the_gate_and_in_the_rebase(line: LineRun) -> None:
    old = FILES["tests/test_calc.py"] + "\n\ndef test_old():\n    assert calc.add(2, 2) == 5\n"
    line.repository({**FILES, "tests/test_calc.py": old})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    gate = await line.to_the_gate()
    shown = gate.content.model_dump_json()
    assert "not green: 1 failed, 2 passed (1 fail on the base too)" in shown
    summaries = [str(event.payload.get("summary", "")) for event in await line.events("stage_finished", "stage_ended")]
    assert not any("suite green" in text for text in summaries)
    await line.decide_and_finish()


FLAKY = """import sys

import calc


def test_race():
    assert "--" in sys.argv or not hasattr(calc, "double")
"""
"""Fails in the full suite of the head alone: where it runs again, files are named."""


async def test_a_flaky_test_is_run_again_named_and_nobodys_fault(line: LineRun) -> None:
    line.repository({**FILES, "tests/test_race.py": FLAKY})
    line.model.play(scenario())
    await line.submit(title=TITLE, body=BODY)
    gate = await line.to_the_gate()
    assert len(line.asked("code_writer")) == 2, "one try, in two turns"
    assert "not green: 1 failed, 2 passed (1 flaky)" in gate.content.model_dump_json()
    await line.decide_and_finish()
