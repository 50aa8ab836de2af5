"""What follows a pause: reads what people said from rows, never from a resume value.

A run that is woken without a decision (a restart, a lost race) simply waits again, for what it waited for.
"""

from langgraph.runtime import Runtime

from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken
from pipeline.gates.gate import Gate
from pipeline.line.routing import SentBack, loop_back, onward, sends_back
from pipeline.stage.context import StageContext
from pipeline.stage.declaration import FeedbackFact
from pipeline.stage.feedback import save_of_gate
from pipeline.stage.known import KnownWait, repositories_of, run_of, wait_of
from pipeline.stage.registry import declared, opening_gate, per_repository
from pipeline.stage.state import (
    PAUSE,
    Approval,
    RepositoryState,
    RepositoryTask,
    RunState,
    outcome_key,
)


async def resume(state: RepositoryTask, runtime: Runtime[StageContext]) -> RunState:
    """Lead on from `state.wait` as the rows say."""
    stored = run_of(state).wait
    if stored is None:
        raise InvariantBroken("A run resumes only where it stopped.")
    wait = wait_of(stored)
    if wait.gate_id is not None:
        return await _after_gate(state, wait, wait.gate_id, runtime.context)
    if runtime.execution_info is None:
        raise InvariantBroken("A run resumes only inside a checkpointed graph.")
    skipped = await runtime.context.interventions.skip_waiting()
    if skipped is not None:
        return {"goto": skipped.value}
    stage = wait.stage
    said = await runtime.context.interventions.take_resume(stage=stage, activation=runtime.execution_info.task_id)
    if said is None:
        return {"goto": PAUSE}
    # What a person lets run again gets its loops anew: they have just looked at it.
    loops = {one.value: 0 for one in Stage if (back := declared(one).sends_back) is not None and back.to is stage}
    return {"goto": stage.value, "notes": _notes(state, wait, stage, said.id), "loops": loops}


def _notes(state: RunState, wait: KnownWait, stage: Stage, said: str) -> dict[str, str]:
    """Address a note to those it concerns, so that the others' results stay valid."""
    if not per_repository(stage):
        return {stage.value: said}
    concerned = wait.repositories or repositories_of(state)
    return {outcome_key(stage, name): said for name in concerned}


async def _after_gate(state: RunState, wait: KnownWait, gate_id: str, context: StageContext) -> RunState:
    gate = await context.gates.get(gate_id)
    if gate.status == "void":
        return {"goto": wait.stage.value}
    if gate.status != "decided":
        return {"goto": PAUSE}
    if gate.decision == "approve":
        return _approved(state, gate)
    return await _sent_back(state, gate, context)


def _approved(state: RunState, gate: Gate) -> RunState:
    stage = opening_gate(gate.kind)
    goto, opened = onward(stage), declared(stage).gate
    if opened is None or not opened.approval_binds or gate.decided_at is None:
        return {"goto": goto}
    repositories = repositories_of(state)
    approval: Approval = {
        "gate_id": gate.id,
        "content_hash": gate.content_hash,
        "decided_by": gate.decided_by or "",
        "decided_at": gate.decided_at.isoformat(),
        "heads": {name: facts.head for name, facts in repositories.items()},
    }
    rounds = {name: RepositoryState(approved_round=facts.round) for name, facts in repositories.items()}
    return {"goto": goto, "approval": approval, "repositories": rounds}


async def _sent_back(state: RunState, gate: Gate, context: StageContext) -> RunState:
    """Hand the approver's words to the stage that works again; counted as a loop of the stage that opened the gate."""
    await save_of_gate(context, gate)
    sent = SentBack(
        stage=opening_gate(gate.kind), why=gate.comment, who=f"The {gate.kind} was sent back",
        facts={"comment": gate.comment},
    )  # fmt: skip
    decision = loop_back(sent, state, context.settings.pipeline)
    field = declared(sends_back(sent.stage).to).feedback_in
    facts = {name: _feedback(field, f"gate/{gate.id}") for name in repositories_of(state)}
    update: RunState = {"goto": decision.goto, "loops": decision.loops, "repositories": facts}
    return {**update, "wait": decision.wait} if decision.wait else update


def _feedback(field: FeedbackFact, name: str) -> RepositoryState:
    return RepositoryState(feedback=name) if field == "feedback" else RepositoryState(spec_feedback=name)
