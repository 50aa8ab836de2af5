"""Where a change request may go: no way past a red outcome, no endless loop, no status by accident."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.types import Send

from pipeline.change_request import (
    FINISHED,
    MOVES,
    PEOPLE_ONLY,
    IllegalMove,
    Move,
    PauseReason,
    Stage,
    Status,
    transition,
)
from pipeline.errors import InvariantBroken
from pipeline.limits import Limits
from pipeline.line import routing
from pipeline.line.graph import follow, targets
from pipeline.line.skipping import left_out, why_never
from pipeline.stage.registry import after_handback, declared, handback_stage, line_stages, per_repository
from pipeline.stage.state import END, PAUSE, Outcome, RunState, Verdict, outcome_key

LIMITS = Limits()
REPOSITORIES = ("one", "two", "three")


ENDINGS: list[Outcome] = [
    {"verdict": "passed", "summary": "fine"},
    {"verdict": "sent_back", "summary": "not yet"},
    *(Outcome(verdict="blocked", reason=reason.value, message="stop", facts={}) for reason in PauseReason),
    {"verdict": "waiting", "gate_id": "gate-1", "message": "decide"},
]
"""Every way in which a stage can end."""


@st.composite
def situations(draw: st.DrawFn) -> tuple[Stage, RunState]:
    """A stage that has just ended, with the outcomes of this and of any earlier visits."""
    stage = draw(st.sampled_from(line_stages()))
    names = draw(st.lists(st.sampled_from(REPOSITORIES), min_size=1, unique=True))
    other = draw(st.sampled_from(list(Stage)))
    endings = [one for one in ENDINGS if one["verdict"] != "sent_back" or declared(stage).sends_back]
    found = {outcome_key(other, name): draw(st.sampled_from(ENDINGS)) for name in names}
    for name in names if per_repository(stage) else [None]:
        weighted = st.one_of(st.sampled_from(endings[:2]), st.sampled_from(endings))
        found[outcome_key(stage, name)] = draw(weighted)
    loops = draw(st.dictionaries(st.sampled_from([one.value for one in Stage]), st.integers(0, 12), max_size=3))
    return stage, {"repositories": {name: {} for name in names}, "outcomes": found, "loops": loops}


def verdicts(stage: Stage, state: RunState) -> set[str]:
    names = list(state["repositories"]) if per_repository(stage) else [None]
    return {state["outcomes"][outcome_key(stage, name)]["verdict"] for name in names}


@given(situations())
@settings(max_examples=250, deadline=None)
def test_only_a_stage_that_passed_everywhere_leads_onward(situation: tuple[Stage, RunState]) -> None:
    stage, state = situation
    decision = routing.after(stage, state, LIMITS)
    onward = decision.goto == END or (decision.goto != PAUSE and Stage(decision.goto).number > stage.number)
    assert onward == (verdicts(stage, state) == {Verdict.PASSED})
    if onward and decision.goto != END:
        assert Stage(decision.goto).number == stage.number + 1


@given(situations())
@settings(max_examples=250, deadline=None)
def test_every_decision_is_an_edge_of_the_graph(situation: tuple[Stage, RunState]) -> None:
    stage, state = situation
    decision = routing.after(stage, state, LIMITS)
    reached = follow({**state, "goto": decision.goto})
    nodes = {send.node for send in reached if isinstance(send, Send)} if isinstance(reached, list) else {reached}
    assert nodes <= set(targets(stage))
    if isinstance(reached, list):
        assert [send.arg["repository"] for send in reached] == sorted(state["repositories"])


@given(situations())
@settings(max_examples=250, deadline=None)
def test_whatever_stops_a_run_says_for_whom_and_why(situation: tuple[Stage, RunState]) -> None:
    stage, state = situation
    decision = routing.after(stage, state, LIMITS)
    if decision.goto != PAUSE:
        assert decision.wait == {}
        return
    if decision.wait["kind"] == "gate":
        assert decision.wait["gate_id"]
    else:
        PauseReason(decision.wait["reason"])
    Stage(decision.wait["stage"])


@given(situations(), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
@settings(max_examples=250, deadline=None)
def test_a_loop_is_counted_and_ends_in_a_pause_with_its_own_reason(
    situation: tuple[Stage, RunState], specs: int, reviews: int, others: int
) -> None:
    stage, state = situation
    limits = Limits(verification_loops_max=specs, review_loops_max=reviews, ci_loops_max=others)
    if verdicts(stage, state) & {"blocked", "waiting"} or "sent_back" not in verdicts(stage, state):
        return
    visits = 0
    while (decision := routing.after(stage, state, limits)).goto != PAUSE:
        assert decision.goto == routing.sends_back(stage).to.value
        assert decision.loops == {stage.value: state["loops"].get(stage.value, 0) + 1}
        state = {**state, "loops": {**state["loops"], **decision.loops}}
        visits += 1
        assert visits <= 10
    assert decision.wait["reason"] == routing.sends_back(stage).paused_as.value
    assert decision.wait["stage"] == routing.sends_back(stage).to.value
    assert state["loops"].get(stage.value, 0) >= routing.sends_back(stage).at_most(limits)


def test_no_way_leads_from_a_red_suite_to_delivery() -> None:
    """Every stage that judges tests comes before delivery, and its red outcome leads back or stops."""
    for stage in (Stage.DEVELOPMENT, Stage.REBASE):
        for verdict in (Verdict.SENT_BACK, Verdict.BLOCKED):
            if verdict is Verdict.SENT_BACK and not declared(stage).sends_back:
                continue
            red: Outcome = {"verdict": verdict.value, "reason": "tests_failed", "summary": "red"}
            state: RunState = {
                "repositories": {"one": {}, "two": {}},
                "outcomes": {outcome_key(stage, "one"): {"verdict": "passed"}, outcome_key(stage, "two"): red},
            }
            goto = routing.after(stage, state, LIMITS).goto
            assert goto == PAUSE or Stage(goto).number < stage.number


@pytest.mark.parametrize("stage", [stage for stage in line_stages() if not declared(stage).sends_back])
def test_a_stage_that_cannot_send_back_has_no_edge_back(stage: Stage) -> None:
    assert {name for name in targets(stage) if name not in {PAUSE, "__end__"}} <= {
        one.value for one in Stage if one.number == stage.number + 1
    }


@given(st.sampled_from(ENDINGS), st.sampled_from(list(Stage)))
@settings(max_examples=200, deadline=None)
def test_what_was_handed_back_goes_on_before_everything_is_proven_and_never_after(
    ending: Outcome, onward: Stage
) -> None:
    outcome = {**ending, "next": onward.value}
    state: RunState = {"repositories": {"one": {}}, "outcomes": {handback_stage().value: outcome}}  # type: ignore[dict-item]  # a typed dictionary with one key more
    if ending["verdict"] == Verdict.SENT_BACK:
        return
    if ending["verdict"] == Verdict.PASSED and onward not in after_handback():
        with pytest.raises(InvariantBroken):
            routing.after(handback_stage(), state, LIMITS)
        return
    goto = routing.after(handback_stage(), state, LIMITS).goto
    assert goto in targets(handback_stage())
    assert goto == PAUSE or (ending["verdict"] == Verdict.PASSED and Stage(goto).number <= Stage.REBASE.number)


def test_every_stage_may_be_skipped_or_says_why_not() -> None:
    for stage in Stage:
        assert bool(left_out(stage)) is not bool(why_never(stage))
    proofs = {Stage.DEVELOPMENT, Stage.REBASE, Stage.DELIVERY, Stage.RELEASE_GATE, Stage.MERGE_CHECK, Stage.RELEASE}
    assert not [stage for stage in proofs if left_out(stage)]


LEGAL = {
    (Status.QUEUED, Move.DISPATCH): Status.RUNNING,
    (Status.QUEUED, Move.PAUSE): Status.PAUSED,
    (Status.QUEUED, Move.FAIL): Status.FAILED,
    (Status.QUEUED, Move.CANCEL): Status.CANCELLED,
    (Status.RUNNING, Move.WAIT): Status.WAITING,
    (Status.RUNNING, Move.PAUSE): Status.PAUSED,
    (Status.RUNNING, Move.REQUEUE): Status.QUEUED,
    (Status.RUNNING, Move.COMPLETE): Status.COMPLETED,
    (Status.RUNNING, Move.FAIL): Status.FAILED,
    (Status.RUNNING, Move.CANCEL): Status.CANCELLED,
    (Status.WAITING, Move.PAUSE): Status.PAUSED,
    (Status.WAITING, Move.REQUEUE): Status.QUEUED,
    (Status.WAITING, Move.FAIL): Status.FAILED,
    (Status.WAITING, Move.CANCEL): Status.CANCELLED,
    (Status.PAUSED, Move.REQUEUE): Status.QUEUED,
    (Status.PAUSED, Move.FAIL): Status.FAILED,
    (Status.PAUSED, Move.CANCEL): Status.CANCELLED,
    (Status.PAUSED, Move.RERUN): Status.QUEUED,
    (Status.COMPLETED, Move.RERUN): Status.QUEUED,
    (Status.FAILED, Move.RERUN): Status.QUEUED,
    (Status.CANCELLED, Move.RERUN): Status.QUEUED,
}
"""Written out by hand, so that a change of the product's table has to be said twice."""


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("move", list(Move))
def test_the_table_of_moves_is_exactly_this(status: Status, move: Move) -> None:
    if (status, move) in LEGAL:
        assert transition(status, move) is LEGAL[status, move]
    elif status is MOVES[move][1] and move is not Move.RERUN:
        assert transition(status, move) is status, "repeating a move that already happened changes nothing"
    else:
        with pytest.raises(IllegalMove):
            transition(status, move)


def test_only_people_end_a_change_request_otherwise_than_completed() -> None:
    ends = {move for move, (_, after) in MOVES.items() if after in FINISHED}
    assert ends - {Move.COMPLETE} <= PEOPLE_ONLY


def test_a_stop_after_too_many_loops_says_why_the_last_one_was_sent_back() -> None:
    sent = routing.SentBack(
        stage=Stage.REBASE, why="app: the proof fails on the new base: 1 failed\nmore", who="Rebase sent it back"
    )
    loops = {Stage.REBASE.value: 99}
    stopped = routing.loop_back(sent, {"repositories": {"app": {}}, "outcomes": {}, "loops": loops}, LIMITS)
    assert stopped.goto == PAUSE
    assert "are allowed: app: the proof fails on the new base: 1 failed" in stopped.wait["message"]
    assert "\n" not in stopped.wait["message"]
