"""Intake: from the raw text of a request to title, criteria, constraints and open questions.

The deterministic screening runs first, so that a high-risk text pauses before any model sees it.
"""

from typing import Any

from pipeline import events
from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.prompt_variables import RequestParserVariables
from pipeline.agents.submissions.intake import StructuredRequest
from pipeline.change_request import PauseReason
from pipeline.screening import risk_flags
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.feedback import note_context
from pipeline.stage.pause_facts import RiskyPassages
from pipeline.stage.run import StageEnd, StageRun, blocked


def inputs(run: StageRun) -> list[Any]:
    """The request is the only input."""
    return [run.context.request_text]


async def intake(run: StageRun) -> StageEnd:
    """Structure the request, or stop it before an agent reads it."""
    flags = risk_flags.pattern_flags(run)
    high = await risk_flags.stopping_flags(run, flags)
    if high:
        for flag in high:
            await run.emit(events.RiskFlagged(risk=flag.risk, pattern=flag.pattern, quote=flag.quote[:500]))
        return blocked(
            PauseReason.INPUT_RISK,
            f"{risk_flags.told(high)} No agent has read the request.",
            RiskyPassages(flags=tuple(high)),
        )
    job = Job(
        variables=RequestParserVariables(raw_request=Untrusted("change request", run.context.request_text)),
        stage=run.stage, activation=run.activation, instance="request", loop=await note_context(run),
    )  # fmt: skip
    request = (await run.context.agents.work(job)).of(StructuredRequest)
    await run.context.progress.store_structured(request.model_dump(mode="json"))
    if not request.acceptance_criteria:
        return blocked(
            PauseReason.REQUEST_UNCLEAR,
            "The request states nothing that could be tested. Answer the open questions and resume.",
            questions=list(request.ambiguities),
        )
    criteria = len(request.acceptance_criteria)
    return StageEnd(summary=f"{request.title} ({criteria} acceptance {'criterion' if criteria == 1 else 'criteria'})")


DECLARATION = StageDeclaration(
    body=intake,
    inputs=inputs,
    label="Intake",
    explanation="turns the request into a summary and acceptance criteria",
    skip=NeverSkipped("every later stage works from the structured request"),
    told_at_the_start=True,
    pauses_as=(PauseReason.INPUT_RISK, PauseReason.REQUEST_UNCLEAR),
)
