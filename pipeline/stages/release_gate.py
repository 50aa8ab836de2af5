"""Release gate: a person decides on evidence. The approval binds to the hash of exactly what is shown.

The one exception is defined: after an approval, an automatic rebase without conflicts whose full suite is green keeps it.
"""

from dataclasses import asdict
from typing import Any

from pipeline.change_request import PauseReason, Stage
from pipeline.evidence import gathering, presentation
from pipeline.evidence.canonical_json import content_hash
from pipeline.gates.content import VoidApproval
from pipeline.gates.gate import GateKind
from pipeline.stage.declaration import NeverSkipped, OpensGate, SendsBack, StageDeclaration
from pipeline.stage.known import KnownApproval
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import Verdict


def inputs(run: StageRun) -> list[Any]:
    """The heads, and the approval that may hold."""
    heads = [[name, facts.head] for name, facts in run.known.items()]
    return [heads, asdict(run.approval) if run.approval else {}]


async def release_gate(run: StageRun) -> StageEnd:
    """Open the gate with what the approver must see, or carry an approval over a clean rebase."""
    approval = run.approval
    if approval and _still_holds(run, approval):
        return StageEnd(summary=f"approval of {approval.decided_by} holds over a clean rebase with a green suite")
    parts = await gathering.parts(run)
    content = await presentation.release(run, void_approval=_void(approval), parts=parts)
    gate = await run.context.gates.open(
        activation=run.activation, content=content, content_hash=content_hash(content.binding)
    )
    await gathering.save_bundle(run)
    again = f" again: the approval of {approval.decided_by} was for another content and is void" if approval else ""
    return StageEnd(
        verdict=Verdict.WAITING,
        gate_id=gate.id,
        message=f"The release waits for approval{again}.",
        summary=f"waiting for approval{again}",
    )


def _void(approval: KnownApproval | None) -> VoidApproval | None:
    """Say which approval does not count any more, because what it was given for is not what is shown now."""
    if not approval:
        return None
    return VoidApproval(
        gate_id=approval.gate_id, content_hash=approval.content_hash,
        decided_by=approval.decided_by, decided_at=approval.decided_at,
    )  # fmt: skip


def _still_holds(run: StageRun, approval: KnownApproval) -> bool:
    """Nothing but clean rebases happened to the approved heads since."""
    repositories = run.known
    return all(facts.approved_round == facts.round for facts in repositories.values()) and all(
        facts.head == approval.heads.get(name) or facts.clean for name, facts in repositories.items()
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
    gate=OpensGate(kind=GateKind.RELEASE, always=True, approval_binds=True),
    finds=frozenset({"approved_round"}),
    may_be_taken_over=True,
)
