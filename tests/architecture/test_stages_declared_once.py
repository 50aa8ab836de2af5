"""A stage is known where it declares itself; whoever else names one says here why.

What is counted is `Stage.<MEMBER>` outside `pipeline/change_request.py`. A declaration may name the stage to which it sends
back; everything else that has to know stages reads the declarations.
"""

import ast
from collections import Counter
from dataclasses import fields
from typing import get_args

import pytest

from pipeline.change_request import PauseReason, Stage
from pipeline.line.skipping import left_out
from pipeline.stage.declaration import FeedbackFact, StageDeclaration
from pipeline.stage.registry import after_handback, declared, line_stages
from pipeline.stage.state import RepositoryState
from tests.architecture.source_tree import PRODUCT, TOGETHER, python_files, tree_of

pytestmark = TOGETHER

REGISTRATION = "pipeline/change_request.py"
ALLOWED = {
    "pipeline/agents/roles.py": "a role says in which stage it works; that is where a role is declared",
    "pipeline/stages/sync.py": "what a person did decides whether specs, their check or the code are next",
    "pipeline/evidence/gathering.py": "the evidence holds what the checkers and the reviewers said",
    "pipeline/evidence/presentation.py": "the approver sees what the reviewers said",
    "pipeline/replay/verdicts.py": "decides again on the verdicts that were given in review and translation",
    "pipeline/replay/conversations.py": "a role beside the line has no stage of its own",
    "pipeline/store/attention.py": "a query: ready is who waits at the release gate",
    "pipeline/store/handing_over.py": "only development leaves trees in the middle of a turn",
    "bench/turns.py": "the name under which a made-up agent is measured",
    "bench/control_room.py": "the name under which made-up events are sent",
}
NAMED_MAX = 32
"""151 in 27 files before stages declared themselves; of these, 15 are where roles are declared."""


def _named(path: str) -> list[str]:
    """Return the stages that a file names, without the targets of its own declaration."""
    tree = tree_of(path)
    declarations = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "StageDeclaration"
    ]
    declaring = {id(inner) for call in declarations for inner in ast.walk(call)}
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Stage"
        if node.attr in Stage.__members__ and id(node) not in declaring
    ]


def test_nobody_but_its_declaration_knows_a_stage_without_a_reason() -> None:
    files = [path for path in python_files(*PRODUCT) if path != REGISTRATION]
    named = Counter({path: len(found) for path in files if (found := _named(path))})
    assert set(named) - set(ALLOWED) == set(), "derive it from `pipeline.stage.registry`"
    assert set(ALLOWED) - set(named) == set(), "an exception that is not needed any more"
    assert named.total() <= NAMED_MAX


@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_says_who_it_is_in_words_for_people(stage: Stage) -> None:
    declaration = declared(stage)
    assert declaration.label[0].isupper() and not declaration.explanation.endswith(".")
    assert declaration.body.__name__ == stage.value


def test_labels_are_told_apart() -> None:
    assert len({declared(stage).label for stage in Stage}) == len(Stage)


def test_every_fact_about_a_repository_is_found_by_one_stage() -> None:
    found = Counter(name for stage in Stage for name in declared(stage).finds)
    assert found == Counter(RepositoryState.__annotations__.keys())


def test_work_is_sent_back_to_an_earlier_stage_that_reads_why() -> None:
    for stage in line_stages():
        back = declared(stage).sends_back
        if back is not None:
            assert back.to.number < stage.number
            assert declared(back.to).feedback_in in get_args(FeedbackFact)


def test_a_handed_back_change_goes_on_before_its_proof_on_the_target() -> None:
    merging = next(stage for stage in line_stages() if "clean" in declared(stage).finds)
    assert all(stage.number <= merging.number for stage in after_handback())


def test_the_reason_of_a_used_up_loop_says_which_stage_may_be_skipped() -> None:
    reasons = [back.paused_as for stage in Stage if left_out(stage) and (back := declared(stage).sends_back)]
    assert len(reasons) == len(set(reasons))


def test_one_stage_opens_the_gates_of_a_kind_and_sends_back_what_is_not_approved() -> None:
    gates = [(stage, gate) for stage in Stage if (gate := declared(stage).gate) is not None]
    assert len({gate.kind for _, gate in gates}) == len(gates)
    assert [stage for stage, _ in gates if declared(stage).sends_back is None] == []


@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_declares_the_reasons_that_its_module_stops_for(stage: Stage) -> None:
    declaration = declared(stage)
    reasons = {*declaration.pauses_as, *([declaration.sends_back.paused_as] if declaration.sends_back else [])}
    used = {
        PauseReason[node.attr]
        for node in ast.walk(tree_of(f"pipeline/stages/{stage.value}.py"))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "PauseReason"
    }
    assert used <= reasons


def test_every_field_of_a_declaration_is_used_by_somebody() -> None:
    read = {
        node.attr
        for path in python_files("pipeline", "worker", "controller", "scripts")
        if not path.startswith("pipeline/stages/")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
    }
    assert {one.name for one in fields(StageDeclaration)} <= read
