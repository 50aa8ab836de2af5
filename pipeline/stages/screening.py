"""Screening: deterministic patterns plus a model that only flags. High risk pauses; medium goes to the security reviewer."""

from typing import Any

from pipeline import events
from pipeline.agents.fences import Untrusted, readable
from pipeline.agents.job import Job
from pipeline.agents.prompt_variables import InputScreenerVariables
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.agents.submissions.intake import Screening
from pipeline.change_request import PauseReason
from pipeline.screening import risk_flags
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.pause_facts import RiskyPassages
from pipeline.stage.run import StageEnd, StageRun, blocked


def inputs(run: StageRun) -> list[Any]:
    """The request is the only input."""
    return [run.context.request_text]


async def screening(run: StageRun) -> StageEnd:
    """Flag suspicious passages; both passes count, neither can clear the other."""
    if run.shown(PauseReason.INPUT_RISK, RiskyPassages) is not None:
        flags = await risk_flags.load_flags(run)
        await risk_flags.stopping_flags(run, flags)
        return StageEnd(summary=f"{len(flags)} flags, accepted by a person")
    text = run.context.request_text
    job = Job(
        variables=InputScreenerVariables(raw_request=Untrusted("change request", text)),
        stage=run.stage, activation=run.activation, instance="request", facts=SubmissionFacts(request_text=readable(text)),
    )  # fmt: skip
    found = (await run.context.agents.work(job)).of(Screening)
    flags = risk_flags.merge_flags(risk_flags.pattern_flags(run), found.located(readable(text)))
    await risk_flags.save_flags(run, flags)
    for flag in flags:
        await run.emit(events.RiskFlagged(risk=flag.risk, pattern=flag.pattern, quote=flag.quote[:500]))
    high = await risk_flags.stopping_flags(run, flags)
    if high:
        return blocked(
            PauseReason.INPUT_RISK,
            risk_flags.told(high),
            RiskyPassages(flags=tuple(high)),
        )
    return StageEnd(summary=f"{len(flags)} flags" if flags else "nothing suspicious")


DECLARATION = StageDeclaration(
    body=screening,
    inputs=inputs,
    label="Screening",
    explanation="looks for instructions hidden in the request",
    skip=NeverSkipped("text of high risk is accepted with `resume` after reading it, never passed unread"),
    pauses_as=(PauseReason.INPUT_RISK,),
)
