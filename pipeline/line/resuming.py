"""What follows a pause: reads what people said from rows, never from a resume value.

A run that is woken without a decision (a restart, a lost race) simply waits again.
"""

from langgraph.runtime import Runtime

from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken
from pipeline.line.routing import LOOP_REASON, SENT_BACK_TO, loops_max
from pipeline.records import Gate
from pipeline.stage.context import StageContext
from pipeline.stage.feedback import keep_of_gate
from pipeline.stage.state import (
    PAUSE,
    PER_REPOSITORY,
    Approval,
    RepositoryState,
    RepositoryTask,
    RunState,
    Wait,
    outcome_key,
)

APPROVED_GOES_TO = {"release": Stage.MERGE_CHECK, "spec": Stage.DEVELOPMENT}
SENT_BACK_GOES_TO = {"release": Stage.DEVELOPMENT, "spec": Stage.TRANSLATION}


async def resume(state: RepositoryTask, runtime: Runtime[StageContext]) -> RunState:
    """Lead on from `state.wait` as the rows say."""
    wait = state["wait"]
    if wait["kind"] == "gate":
        return await _after_gate(state, wait, runtime.context)
    if runtime.execution_info is None:
        raise InvariantBroken("A run resumes only inside a checkpointed graph.")
    skipped = await runtime.context.interventions.skip_waiting()
    if skipped is not None:
        return {"goto": skipped.value}
    stage = Stage(wait["stage"])
    said = await runtime.context.interventions.take_resume(stage=stage, activation=runtime.execution_info.task_id)
    if said is None:
        return {"goto": PAUSE, "wait": wait}
    # What a person lets run again gets its loops anew: they have just looked at it.
    loops = {name.value: 0 for name, target in SENT_BACK_TO.items() if target is stage}
    return {"goto": stage.value, "notes": _notes(state, wait, stage, said.id), "loops": loops}


def _notes(state: RunState, wait: Wait, stage: Stage, said: str) -> dict[str, str]:
    """Address a note to those it concerns, so that the others' results stay valid."""
    if stage not in PER_REPOSITORY:
        return {stage.value: said}
    concerned = wait.get("repositories") or sorted(state["repositories"])
    return {outcome_key(stage, name): said for name in concerned}


async def _after_gate(state: RunState, wait: Wait, context: StageContext) -> RunState:
    gate = await context.gates.get(wait["gate_id"])
    if gate.status == "void":
        return {"goto": wait["stage"]}
    if gate.status != "decided":
        return {"goto": PAUSE, "wait": wait}
    if gate.decision == "approve":
        return _approved(state, gate)
    return await _sent_back(state, gate, context)


def _approved(state: RunState, gate: Gate) -> RunState:
    goto = APPROVED_GOES_TO[gate.kind].value
    if gate.kind != "release" or gate.decided_at is None:
        return {"goto": goto}
    repositories = state["repositories"]
    approval: Approval = {
        "gate_id": gate.id,
        "content_hash": gate.content_hash,
        "decided_by": gate.decided_by or "",
        "decided_at": gate.decided_at.isoformat(),
        "heads": {name: facts["head"] for name, facts in repositories.items()},
    }
    rounds = {name: RepositoryState(approved_round=facts.get("round", 0)) for name, facts in repositories.items()}
    return {"goto": goto, "approval": approval, "repositories": rounds}


async def _sent_back(state: RunState, gate: Gate, context: StageContext) -> RunState:
    """Hand the approver's words to the stage that works again; counted as a loop of the gate."""
    target = SENT_BACK_GOES_TO[gate.kind]
    stage = Stage.RELEASE_GATE if gate.kind == "release" else Stage.VERIFICATION
    loop = state.get("loops", {}).get(stage.value, 0) + 1
    allowed = loops_max(stage, context.settings.pipeline)
    field = "feedback" if gate.kind == "release" else "spec_feedback"
    facts = {name: _feedback(field, f"gate/{gate.id}") for name in state["repositories"]}
    update: RunState = {"loops": {stage.value: loop}, "repositories": facts}
    await keep_of_gate(context, gate)
    if loop <= allowed:
        return {**update, "goto": target.value}
    wait: Wait = {
        "kind": "pause", "stage": target.value, "repository": "", "repositories": [], "reason": LOOP_REASON[stage].value,
        "message": f"The {gate.kind} was sent back {loop} times; {allowed} are allowed.", "facts": {"comment": gate.comment},
    }  # fmt: skip
    return {**update, "goto": PAUSE, "wait": wait}


def _feedback(field: str, name: str) -> RepositoryState:
    return RepositoryState(feedback=name) if field == "feedback" else RepositoryState(spec_feedback=name)
