"""Screening: deterministic patterns plus a model that only flags. High risk pauses; medium goes to the security reviewer."""

from typing import Any

from pipeline import events, screened
from pipeline.agents.fences import Untrusted, readable
from pipeline.agents.prompt_variables import InputScreenerVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.intake import Screening
from pipeline.change_request import PauseReason
from pipeline.context import Job
from pipeline.execution import StageEnd, StageRun, blocked


def inputs(run: StageRun) -> list[Any]:
    """The request is the only input."""
    return [run.context.request_text]


async def screening(run: StageRun) -> StageEnd:
    """Flag suspicious passages; both passes count, neither can clear the other."""
    if run.shown(PauseReason.INPUT_RISK) is not None:
        flags = await screened.kept(run)
        await screened.unaccepted(run, flags)
        return StageEnd(summary=f"{len(flags)} flags, accepted by a person")
    text = run.context.request_text
    job = Job(
        variables=InputScreenerVariables(raw_request=Untrusted("change request", text)),
        stage=run.stage, activation=run.activation, instance="request", facts=SubmissionFacts(request_text=readable(text)),
    )  # fmt: skip
    found = (await run.context.agents.work(job)).of(Screening)
    flags = screened.united(screened.deterministic(run), found.located(readable(text)))
    await screened.keep(run, flags)
    for flag in flags:
        await run.emit(events.RiskFlagged(risk=flag.risk, pattern=flag.pattern, quote=flag.quote[:500]))
    high = await screened.unaccepted(run, flags)
    if high:
        return blocked(
            PauseReason.INPUT_RISK, "Screening found text of high risk in the request.", flags=screened.plain(high)
        )
    return StageEnd(summary=f"{len(flags)} flags" if flags else "nothing suspicious")
