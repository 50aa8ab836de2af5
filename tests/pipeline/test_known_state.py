"""The state of a run is read whichever version wrote it: what is missing is empty, what is new is passed over."""

from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from langgraph.types import Send

from pipeline.change_request import PauseReason, Stage
from pipeline.errors import InvariantBroken
from pipeline.findings import Risk, RiskFlag
from pipeline.line.graph import follow
from pipeline.stage import known, state
from pipeline.stage.pause_facts import ChangedManifests, RedSuites, RiskyPassages
from pipeline.stage.run import blocked
from pipeline.stage.state import RunState, Verdict


def test_a_checkpoint_of_another_version_is_read() -> None:
    stored: Any = {
        "repositories": {"b": {"base": "1", "of_a_later_version": True}, "a": {}},
        "approval": {
            "gate_id": "g",
            "content_hash": "h",
            "decided_by": "ann",
            "decided_at": "now",
            "heads": {"b": "2"},
        },
        "loops": {"review": 2},
    }
    found = known.repositories_of(stored)
    assert list(found) == ["a", "b"]
    assert (found["b"].base, found["b"].merge, found["a"].round, found["a"].handed_back) == ("1", "", 0, None)
    approval = known.approval_of(stored)
    assert approval is not None
    assert approval.heads == {"b": "2"}
    assert (known.loops_of(stored, Stage.REVIEW), known.loops_of(stored, Stage.REBASE)) == (2, 0)
    assert known.approval_of(RunState()) is None
    assert known.repositories_of(RunState()) == {}


def test_a_run_whose_stages_and_verdicts_are_strange_to_this_version_can_be_looked_at() -> None:
    stored: Any = {
        "outcomes": {"intake": {"verdict": "passed"}, "weighing": {"verdict": "weighed"}, "rebase/a": {}},
        "wait": {"stage": "weighing", "reason": "too_heavy"},
        "goto": "pause",
        "of_a_later_version": 1,
    }
    run = known.run_of(stored)
    assert [key for key in (*run.outcomes, "release") if run.passed(key)] == ["intake"]
    assert (run.waits_at(), run.goto, run.approval) == ("weighing", "pause", None)
    assert (known.run_of(RunState()).waits_at(), known.run_of(RunState()).goto) == ("", None)


def test_a_stop_is_read_as_what_it_waits_for() -> None:
    pause = known.wait_of({"kind": "pause", "stage": "rebase", "reason": "tests_failed", "repositories": ["a"]})
    assert (pause.stage, pause.reason, pause.repositories) == (Stage.REBASE, PauseReason.TESTS_FAILED, ("a",))
    assert pause.gate_id is None
    assert known.wait_of({"kind": "gate", "stage": "release_gate", "gate_id": "g"}).gate_id == "g"
    ended = known.outcome_of({"verdict": "blocked", "reason": "review_loop", "activation": "x"})
    assert (ended.verdict, ended.reason, ended.next) == (Verdict.BLOCKED, PauseReason.REVIEW_LOOP, None)


def test_a_run_tells_whether_it_stopped_at_a_place_for_a_reason_without_judging_what_another_version_called_it() -> (
    None
):
    stopped = known.run_of({"wait": {"kind": "pause", "stage": "rebase", "reason": "tests_failed"}})
    assert stopped.waits_for(Stage.REBASE, PauseReason.TESTS_FAILED)
    assert not stopped.waits_for(Stage.REBASE, PauseReason.REVIEW_LOOP)
    assert not stopped.waits_for(Stage.REVIEW, PauseReason.TESTS_FAILED)
    strange = known.run_of({"wait": {"stage": "of_another_version", "reason": "of_another_version"}})
    assert not strange.waits_for(Stage.REBASE, PauseReason.TESTS_FAILED)
    assert not known.run_of(RunState()).waits_for(Stage.REBASE, PauseReason.TESTS_FAILED)


def test_a_line_that_has_no_decision_on_what_follows_goes_nowhere() -> None:
    with pytest.raises(InvariantBroken):
        follow(RunState(repositories={"a": {}}))
    assert follow({"goto": "review", "repositories": {"b": {}, "a": {}}}) == [
        Send("review", {"goto": "review", "repositories": {"b": {}, "a": {}}, "repository": name})
        for name in ("a", "b")
    ]


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (state.RepositoryState, known.KnownRepository),
        (state.Outcome, known.KnownOutcome),
        (state.Approval, known.KnownApproval),
        (state.RepositoryTask, known.KnownRun),
    ],
)
def test_every_fact_that_is_written_can_be_read(stored: type, read: type[known.KnownRepository]) -> None:
    assert set(get_type_hints(stored)) == {one.name for one in fields(read)}


def test_what_a_pause_showed_is_read_as_it_was_written_and_anything_else_as_nothing() -> None:
    flag = RiskFlag(risk=Risk.HIGH, pattern="p", quote="q", start=0, explanation="e")
    stop = blocked(PauseReason.INPUT_RISK, "Read this.", RiskyPassages(flags=(flag,)), repository="a")
    assert stop.facts["repository"] == "a"
    assert RiskyPassages.model_validate(stop.facts).flags == (flag,)
    assert ChangedManifests.model_validate({"findings": ["x"]}).manifests == ()
    assert RedSuites.model_validate({"last": "red", "loops": 2}).commits == {}
