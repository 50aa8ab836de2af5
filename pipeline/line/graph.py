"""The line as a state machine: nodes and edges only, drawn from what the stages declare (`docs/architecture.md` shows it).

A person who hands a taken over change request back enters at the stage beside the line. Every stage may end at `pause`, whose
sole statement interrupts; `resume` reads what people said from rows and leads back. Joins are where fan-outs end and `routing`
decides. Node names are a contract with runs that wait (`pipeline.line.version`).
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
from pipeline.errors import InvariantBroken
from pipeline.line import routing
from pipeline.line.execution import join_node, stage_node
from pipeline.line.resuming import resume
from pipeline.stage import state as states
from pipeline.stage.context import StageContext
from pipeline.stage.known import run_of
from pipeline.stage.registry import declared, line_stages, per_repository
from pipeline.stage.state import RepositoryTask, RunState

Line = CompiledStateGraph[RunState, StageContext, RunState, RunState]
_STAGES = frozenset(stage.value for stage in Stage)


def compile_line(saver: BaseCheckpointSaver[str]) -> Line:
    """Return the line on a checkpointer. The line itself is compiled once per process, or before the process forks."""
    line = copy(_compiled())
    line.checkpointer = saver
    return line


@cache
def _compiled() -> Line:
    graph = StateGraph(RunState, context_schema=StageContext)
    for stage in Stage:
        graph.add_node(stage.value, cast("Any", stage_node(stage, declared(stage))), input_schema=RepositoryTask)
        if per_repository(stage):
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
    interrupt(run_of(state).wait)


def follow(state: RunState) -> str | Sequence[Send]:
    """Lead to the node that was decided, one branch per repository where the stage works per repository."""
    known = run_of(state)
    goto = known.goto
    if goto is None:
        raise InvariantBroken("A node ended without a decision on what follows.")
    if goto == states.END:
        return GRAPH_END
    if goto in _STAGES and per_repository(Stage(goto)):
        return [Send(goto, {**state, "repository": name}) for name in sorted(known.repositories)]
    return goto


def enter(state: RunState) -> str | Sequence[Send]:
    """Begin at the first stage, where a restart asked for, or at the question that waited through an upgrade."""
    return follow(state) if run_of(state).goto else line_stages()[0].value


def join_name(stage: Stage) -> str:
    """Return the name of the node where a stage's repositories meet."""
    return f"{stage.value}_join"


def decider(stage: Stage) -> str:
    """Return the node after which the next step is decided."""
    return join_name(stage) if per_repository(stage) else stage.value


def targets(stage: Stage) -> dict[Any, str]:
    """Return where a stage may lead, as `routing` defines it."""
    names = [GRAPH_END if name == states.END else name for name in routing.reachable(stage)]
    return {name: name for name in names}
