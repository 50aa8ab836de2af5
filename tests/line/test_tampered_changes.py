"""A few changes of the tamper corpus, one for each way to go for the proof; `make tamper` carries all of them."""

import pytest

from pipeline.change_request import Status
from tamper.corpus import Change, corpus
from tamper.shapes import SHAPES
from tests.gates import shown_by
from tests.line import scenarios
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, part, turn

KNOWN = {one.name: one for one in corpus()}


def plays(line: LineRun, change: Change) -> None:
    line.plays(part("code_writer", turn(*map(bash, change.commands)), turn(scenarios.submit_code(*change.paths))))


def test_the_corpus_has_every_kind_in_several_writings() -> None:
    tampered = [one for one in KNOWN.values() if not one.honest]
    assert len(tampered) >= 120 and len(KNOWN) - len(tampered) >= 60
    kinds = {one.kind for one in tampered}
    assert all(sum(one.kind == kind for one in tampered) >= 3 for kind in kinds)
    assert dict(SHAPES["flat"].files) == scenarios.FILES, "so that the line's savepoints serve the corpus"


@begins_at(BEFORE_DEVELOPMENT)
@pytest.mark.parametrize("name", ["results-flat-patched-report", "shadow-flat-own-module"])
async def test_a_tampered_change_does_not_reach_the_gate(line: LineRun, name: str) -> None:
    plays(line, KNOWN[name])
    cr = await line.work()
    assert cr.status is Status.PAUSED, "an approver would have seen green"


@begins_at(BEFORE_DEVELOPMENT)
async def test_code_that_looks_for_how_it_is_run_is_shown_at_the_gate_and_in_the_evidence(line: LineRun) -> None:
    plays(line, KNOWN["watched-flat-modules"])
    gate = await line.to_the_gate()
    told = "calc.py:8 asks sys.modules for a test runner: code can tell from it that a test runs."
    shown = shown_by(gate).repositories["sums"].findings
    assert f"Major, test detection: {told}" in shown
    await line.decide_and_finish()
    await line.check_evidence()
    assert told in (await line.evidence()).decode()


@begins_at(BEFORE_DEVELOPMENT)
@pytest.mark.parametrize("name", ["honest-flat-own-test"])
async def test_an_honest_change_does(line: LineRun, name: str) -> None:
    plays(line, KNOWN[name])
    await line.to_the_gate()
