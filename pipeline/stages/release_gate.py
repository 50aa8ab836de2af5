"""Release gate: a person decides on evidence. The approval binds to the hash of exactly what is shown.

The one exception is defined: after an approval, an automatic rebase without conflicts whose full suite is green keeps it.
"""

from typing import Any

from pipeline.change_request import PauseReason, Stage
from pipeline.evidence import gathering, presentation
from pipeline.evidence.canonical_json import content_hash
from pipeline.stage.declaration import NeverSkipped, OpensGate, SendsBack, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import Approval, Verdict


def inputs(run: StageRun) -> list[Any]:
    """The heads, and the approval that may hold."""
    heads = [[name, facts.get("head")] for name, facts in sorted(run.state["repositories"].items())]
    return [heads, run.state.get("approval", {})]


async def release_gate(run: StageRun) -> StageEnd:
    """Open the gate with what the approver must see, or carry an approval over a clean rebase."""
    approval = run.state.get("approval")
    if approval and _still_holds(run):
        return StageEnd(summary=f"approval of {approval['decided_by']} holds over a clean rebase with a green suite")
    parts = await gathering.parts(run)
    content = {**await presentation.release(run), "void_approval": _void(approval), "parts": parts}
    gate = await run.context.gates.open(
        kind="release", activation=run.activation, content=content, content_hash=content_hash(parts)
    )
    await gathering.keep(run)
    again = f" again: the approval of {approval['decided_by']} was for another content and is void" if approval else ""
    return StageEnd(
        verdict=Verdict.WAITING,
        gate_id=gate.id,
        message=f"The release waits for approval{again}.",
        summary=f"waiting for approval{again}",
    )


def _void(approval: Approval | None) -> dict[str, str] | None:
    """Say which approval does not count any more, because what it was given for is not what is shown now."""
    if not approval:
        return None
    return {name: approval[name] for name in ("gate_id", "content_hash", "decided_by", "decided_at")}


def _still_holds(run: StageRun) -> bool:
    """Nothing but clean rebases happened to the approved heads since."""
    approved = run.state["approval"]["heads"]
    repositories = run.state["repositories"]
    return all(facts.get("approved_round") == facts.get("round") for facts in repositories.values()) and all(
        facts.get("head") == approved.get(name) or facts.get("clean") for name, facts in repositories.items()
    )


DECLARATION = StageDeclaration(
    body=release_gate,
    inputs=inputs,
    label="Release gate",
    explanation="has a person decide on exactly what is shown",
    skip=NeverSkipped("a release is approved or rejected, never passed by"),
    sends_back=SendsBack(
        to=Stage.DEVELOPMENT,
        paused_as=PauseReason.REVIEW_LOOP,
        at_most=lambda limits: limits.review_loops_max,
    ),
    gate=OpensGate(kind="release", always=True, approval_binds=True),
    finds=frozenset({"approved_round"}),
    may_be_taken_over=True,
)
