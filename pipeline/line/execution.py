"""Runs one stage as a node: returns a result that is still valid, else works, stores, and says what happened.

Problem: a node may run twice (a crash), again (a loop), or for a neighbour's sake (fan-out after one repository was sent
back). Choice: a stage's result is stored with the hash of its inputs; a node whose inputs did not change returns it at
once, so acting on one repository never edits the graph. Stages that block or wait store nothing: they run afresh.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from langgraph.runtime import Runtime

from pipeline import events
from pipeline.change_request import PauseReason, Stage
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.line import routing
from pipeline.line.skipping import left_out
from pipeline.records import StageResult
from pipeline.stage.context import StageContext
from pipeline.stage.declaration import StageDeclaration
from pipeline.stage.known import run_of
from pipeline.stage.outcomes import outcomes_of
from pipeline.stage.registry import declared, line_stages
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import (
    PAUSE,
    Outcome,
    RepositoryTask,
    RunState,
    Verdict,
    outcome_key,
)

Node = Callable[[RepositoryTask, Runtime[StageContext]], Awaitable[RunState]]


def stage_node(stage: Stage, declaration: StageDeclaration) -> Node:
    """Wrap a stage's coroutine as a node of the graph."""

    async def node(state: RepositoryTask, runtime: Runtime[StageContext]) -> RunState:
        run = StageRun(
            stage=stage,
            state=state,
            context=runtime.context,
            activation=_activation(runtime),
            repository=run_of(state).repository if declaration.per_repository else None,
        )
        update = await _update(run, declaration)
        if declaration.per_repository:
            return update
        return {**update, **await decide_next(stage, _merged(state, update), run.context, run.activation)}

    return node


def join_node(stage: Stage) -> Node:
    """Return the node that waits for all repositories of a stage and decides what follows."""

    async def node(state: RepositoryTask, runtime: Runtime[StageContext]) -> RunState:
        update = await decide_next(stage, state, runtime.context, _activation(runtime))
        if run_of(update).goto != PAUSE:
            await runtime.context.interventions.settle_instructions(None)
        return update

    return node


async def decide_next(stage: Stage, state: RunState, context: StageContext, activation: str) -> RunState:
    """Ask `routing` what follows, announce a loop-back, and answer those who asked to skip."""
    verdicts = {outcome.verdict for outcome in outcomes_of(state, stage).values()}
    await context.interventions.settle_skips(
        stage, happened=verdicts <= {Verdict.PASSED, Verdict.WAITING}, activation=activation
    )
    limits = context.settings.pipeline
    decision = routing.after(stage, state, limits)
    if decision.loops:
        await context.emit(
            events.StageLooped(
                stage=stage,
                back_to=Stage(decision.goto),
                why=decision.why[:500],
                loop=decision.loops[stage.value],
                loops_max=routing.sends_back(stage).at_most(limits),
            )
        )
    return {"goto": decision.goto, "wait": decision.wait, "loops": decision.loops}


async def _update(run: StageRun, declaration: StageDeclaration) -> RunState:
    if left_out(run.stage):
        run = replace(run, skip=await run.context.interventions.skip_of(run.stage, run.repository, run.activation))
    inputs_hash = _hash([run.stage.value, run.note, *([run.skip.id] if run.skip else []), *declaration.inputs(run)])
    known = await run.context.results.valid(run.repository or "", run.stage, inputs_hash)
    if known is not None:
        return known.update
    await _check_working_time(run)
    started = run.context.clock.monotonic()
    if not declaration.beside_the_line:
        await run.context.progress.enter_stage(run.stage)
    await run.emit(events.StageEntered(round=_round(run)))
    end = await declaration.body(run)
    update = _as_update(run, end)
    duration = run.context.clock.monotonic() - started
    completed = run.located(
        events.StageCompleted(outcome=end.verdict.value, summary=end.summary[:500], duration_s=round(duration, 3))
    )
    if end.verdict in {Verdict.PASSED, Verdict.SENT_BACK}:
        result = StageResult(
            repository=run.repository or "", stage=run.stage, activation=run.activation,
            inputs_hash=inputs_hash, update=update,
        )  # fmt: skip
        # From the result on nothing of this stage runs again, so whatever belongs to its end comes before or with it.
        await run.context.interventions.settle_instructions(run.repository)
        await run.context.results.save(result, announced_by=completed)
        run.context.snapshots.kick()
    else:
        await run.context.emit(completed)
    return update


async def _check_working_time(run: StageRun) -> None:
    """Stop before a stage when the working time is used up; each time a person lets the run go on, it is given once more."""
    worked_s, times = await run.context.progress.working_time()
    allowed_s = run.context.settings.pipeline.working_time_max_s * (1 + times)
    if worked_s > allowed_s:
        raise PersonNeeded(
            PauseReason.TOTAL_TIME,
            "The working time of this change request is used up.",
            worked_s=round(worked_s),
            allowed_s=allowed_s,
        )


def _round(run: StageRun) -> int:
    if "round" in declared(run.stage).finds:
        return run.here.round + 1
    loops = run_of(run.state).loops
    sent_back = [
        stage
        for stage in line_stages()
        if (back := declared(stage).sends_back) is not None
        if back.to.number <= run.stage.number <= stage.number
    ]
    return 1 + sum(loops.get(stage.value, 0) for stage in sent_back)


def _as_update(run: StageRun, end: StageEnd) -> RunState:
    outcome: Outcome = {"verdict": end.verdict.value, "summary": end.summary, "activation": run.activation}
    if end.verdict is not Verdict.BLOCKED:
        outcome["note"] = run.note
    if end.reason is not None:
        outcome |= {"reason": end.reason.value, "message": end.message, "facts": end.facts}
    if end.gate_id is not None:
        outcome |= {"gate_id": end.gate_id, "message": end.message, "facts": end.facts}
    if run.skip is not None:
        outcome["skip"] = run.skip.id
    if end.next is not None:
        outcome["next"] = end.next.value
    update: RunState = {"outcomes": {outcome_key(run.stage, run.repository): outcome}, "repositories": end.repositories}
    return {**update, **end.update}


def _merged(state: RunState, update: RunState) -> RunState:
    return {**state, "outcomes": {**run_of(state).outcomes, **run_of(update).outcomes}}


def _activation(runtime: Runtime[StageContext]) -> str:
    if runtime.execution_info is None:
        raise InvariantBroken("A stage runs only inside a checkpointed graph.")
    return runtime.execution_info.task_id


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
