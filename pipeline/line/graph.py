"""The line as a state machine: nodes and edges only.

    intake → screening → repository_identification → workspaces → translation* ⇄ verification → development* ⇄ review*
    → rebase* → delivery → release_gate → merge_check ⇄ rebase → release → retrospective → cleanup      (* per repository)

A person who hands a taken over change request back enters at `sync`, which leads to translation, verification,
development, review or rebase. Every stage may end at `pause`, whose sole statement interrupts; `resume` reads what people said from rows and leads back.
Joins are where fan-outs end and `routing` decides. Node names are a contract (`state.GRAPH_VERSION`).
"""

from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END as GRAPH_END
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send, interrupt

from pipeline.change_request import Stage
from pipeline.line import routing
from pipeline.line.execution import join_node, stage_node
from pipeline.line.resuming import resume
from pipeline.stage import state as states
from pipeline.stage.context import StageContext
from pipeline.stage.state import PER_REPOSITORY, RepositoryTask, RunState
from pipeline.stages import (
    cleanup,
    delivery,
    development,
    intake,
    merge_check,
    rebase,
    release,
    release_gate,
    repository_identification,
    retrospective,
    review,
    screening,
    sync,
    translation,
    verification,
    workspaces,
)

Line = CompiledStateGraph[RunState, StageContext, RunState, RunState]

_STAGES = {
    Stage.INTAKE: (intake.intake, intake.inputs),
    Stage.SCREENING: (screening.screening, screening.inputs),
    Stage.REPOSITORY_IDENTIFICATION: (
        repository_identification.repository_identification,
        repository_identification.inputs,
    ),
    Stage.WORKSPACES: (workspaces.workspaces, workspaces.inputs),
    Stage.TRANSLATION: (translation.translation, translation.inputs),
    Stage.VERIFICATION: (verification.verification, verification.inputs),
    Stage.DEVELOPMENT: (development.development, development.inputs),
    Stage.REVIEW: (review.review, review.inputs),
    Stage.REBASE: (rebase.rebase, rebase.inputs),
    Stage.DELIVERY: (delivery.delivery, delivery.inputs),
    Stage.RELEASE_GATE: (release_gate.release_gate, release_gate.inputs),
    Stage.MERGE_CHECK: (merge_check.merge_check, merge_check.inputs),
    Stage.RELEASE: (release.release, release.inputs),
    Stage.RETROSPECTIVE: (retrospective.retrospective, retrospective.inputs),
    Stage.CLEANUP: (cleanup.cleanup, cleanup.inputs),
    Stage.SYNC: (sync.sync, sync.inputs),
}


def compile_line(saver: BaseCheckpointSaver[str]) -> Line:
    """Return the line on a checkpointer. The line itself is compiled once per process, or before the process forks."""
    line = copy(_compiled())
    line.checkpointer = saver
    return line


@cache
def _compiled() -> Line:
    graph = StateGraph(RunState, context_schema=StageContext)
    for stage, (body, inputs) in _STAGES.items():
        graph.add_node(stage.value, cast("Any", stage_node(stage, body, inputs)), input_schema=RepositoryTask)
        if stage in PER_REPOSITORY:
            graph.add_node(join_name(stage), cast("Any", join_node(stage)), input_schema=RepositoryTask)
            graph.add_edge(stage.value, join_name(stage))
        graph.add_conditional_edges(decider(stage), follow, targets(stage))
    graph.add_node(states.PAUSE, pause)
    graph.add_node(states.RESUME, resume)
    graph.add_edge(states.PAUSE, states.RESUME)
    everywhere = [*(stage.value for stage in Stage), states.PAUSE]
    graph.add_conditional_edges(states.RESUME, follow, everywhere)
    graph.add_conditional_edges(START, enter, [*(stage.value for stage in Stage), states.RESUME])
    return graph.compile()


def pause(state: RunState) -> None:
    """Stop until a person or an event goes on; what was said is read from rows by `resume`."""
    interrupt(state["wait"])


def follow(state: RunState) -> str | Sequence[Send]:
    """Lead to the node that was decided, one branch per repository where the stage works per repository."""
    goto = state["goto"]
    if goto == states.END:
        return GRAPH_END
    if goto in {stage.value for stage in PER_REPOSITORY}:
        return [Send(goto, {**state, "repository": name}) for name in sorted(state["repositories"])]
    return goto


def enter(state: RunState) -> str | Sequence[Send]:
    """Begin at the first stage, where a restart asked for, or at the question that waited through an upgrade."""
    return follow(state) if state.get("goto") else Stage.INTAKE.value


def join_name(stage: Stage) -> str:
    """Return the name of the node where a stage's repositories meet."""
    return f"{stage.value}_join"


def decider(stage: Stage) -> str:
    """Return the node after which the next step is decided."""
    return join_name(stage) if stage in PER_REPOSITORY else stage.value


def targets(stage: Stage) -> dict[Any, str]:
    """Return where a stage may lead, as `routing` defines it."""
    if stage is Stage.SYNC:
        return {name: name for name in [*(onward.value for onward in routing.AFTER_SYNC), states.PAUSE]}
    onward = Stage(routing.LINE[stage.number + 1]).value if stage is not Stage.CLEANUP else GRAPH_END
    reachable = [onward, states.PAUSE]
    if stage in routing.SENT_BACK_TO:
        reachable.append(routing.SENT_BACK_TO[stage].value)
    return {name: name for name in reachable}
