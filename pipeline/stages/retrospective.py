"""Retrospective: what this run taught about its repositories. It never holds up a finished change.

Learnings are proposals; they enter later prompts only after a person approved them.
"""

from typing import Any

from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.prompt_variables import RetrospectiveVariables
from pipeline.agents.submissions.closing import Learnings
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.errors import DatabaseAway, ModelError, PersonNeeded, TransientError
from pipeline.evidence import presentation
from pipeline.stage.declaration import Skippable, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun


def inputs(run: StageRun) -> list[Any]:
    """The merged commits."""
    return [[name, facts.merge] for name, facts in run.known.items()]


async def retrospective(run: StageRun) -> StageEnd:
    """Ask for learnings; a failure is skipped and said."""
    if run.skip is not None:
        return StageEnd(summary=f"skipped by {run.skip.actor}")
    names = list(run.known)
    history = await presentation.history(run)
    job = Job(
        variables=RetrospectiveVariables(
            outcome="completed",
            repositories=tuple(names),
            history=Untrusted("history of the run", history),
            findings=Untrusted("findings", await presentation.findings_text(run)),
        ),
        stage=run.stage, activation=run.activation, instance="run", facts=SubmissionFacts(repositories=frozenset(names)),
    )  # fmt: skip
    try:
        learned = (await run.context.agents.work(job)).of(Learnings).learnings
    except DatabaseAway:
        raise
    except (PersonNeeded, TransientError, ModelError) as error:
        return StageEnd(summary=f"skipped: {error.message}")
    proposals = [(one.repository, one.text, one.evidence) for one in learned]
    await run.context.learnings.propose(proposals, activation=run.activation)
    return StageEnd(summary=f"{len(learned)} learnings proposed" if learned else "nothing to learn")


DECLARATION = StageDeclaration(
    body=retrospective,
    inputs=inputs,
    label="Retrospective",
    explanation="proposes learnings, which count only after approval",
    skip=Skippable("What could be learned from this run."),
)
