"""Why work was sent back, kept as an artifact and named in the state: the long text never enters a checkpoint."""

from collections.abc import Sequence

from pydantic import TypeAdapter

from pipeline.agents.loop_context import Feedback, FeedbackKind, LoopContext
from pipeline.findings import Finding
from pipeline.gates.gate import Gate
from pipeline.ports import Instruction
from pipeline.stage.artifacts import Artifact
from pipeline.stage.context import StageContext
from pipeline.stage.registry import declared
from pipeline.stage.run import StageRun

FEEDBACK = Artifact("feedback", TypeAdapter(list[Feedback]))
OPEN_POINTS = "open points"
"""The source of what a handed back change leaves to be done."""


async def save(run: StageRun, repository: str, feedback: Sequence[Feedback]) -> str:
    """Store feedback for one repository and return its name for the state."""
    name = f"{run.stage.value}/{repository}/{run.activation}"
    await FEEDBACK.save(run.context.artifacts, name, list(feedback))
    return name


async def save_of_gate(context: StageContext, gate: Gate) -> None:
    """Keep an approver's words as the feedback `gate/<id>`. Idempotent."""
    wording = Feedback(kind=FeedbackKind.PULL_REQUEST, source=f"approver {gate.decided_by}", text=gate.comment)
    await FEEDBACK.save(context.artifacts, f"gate/{gate.id}", [wording])


async def loop_context(
    run: StageRun, extra: Sequence[Feedback] = (), *, kinds: Sequence[FeedbackKind] = ()
) -> LoopContext:
    """Return layer 4 of a prompt: what sent the work back, and what a person said for this stage.

    `kinds` limits the stored feedback to what concerns the asking role; none means all.
    """
    stored = [one for one in await load(run) if not kinds or one.kind in kinds]
    return LoopContext(round=run.here.round + 1, feedback=(*stored, *extra), instructions=await instructions(run))


async def note_context(run: StageRun) -> LoopContext | None:
    """Return layer 4 of a stage without a repository: only what a person said."""
    said = await instructions(run)
    return LoopContext(instructions=said) if said else None


async def load(run: StageRun) -> list[Feedback]:
    """Return the feedback that sent this repository back, in order."""
    name = getattr(run.here, declared(run.stage).feedback_in)
    return (await FEEDBACK.load(run.context.artifacts, name) or []) if name else []


async def instructions(run: StageRun) -> tuple[Instruction, ...]:
    """Return what a person said when they let this stage run again."""
    if run.fresh_note is None:
        return ()
    said = await run.context.interventions.get(run.fresh_note)
    text = said.body.instructions
    return (Instruction(intervention_id=said.id, text=text, actor=said.actor),) if text else ()


def wording(findings: Sequence[Finding]) -> str:
    """Word findings for an agent: where, what, and the remedy."""
    return "\n\n".join(_line(finding) for finding in findings)


def _line(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}" if finding.line else finding.file or "the change as a whole"
    remedy = f"\n  Remedy: {finding.remedy}" if finding.remedy else ""
    return f"- [{finding.severity.value}] {finding.category} in {where}: {finding.message}{remedy}"
