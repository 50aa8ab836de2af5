"""Atomic merge check: is every base branch still where the suite was proven? One stale repository sends all to rebase."""

from typing import Any

from pipeline.change_request import PauseReason, Stage
from pipeline.concurrency.together import together
from pipeline.stage.declaration import NeverSkipped, SendsBack, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import Verdict


def inputs(run: StageRun) -> list[Any]:
    """Never the same twice: the question is about the remote's present state."""
    return [run.activation]


async def merge_check(run: StageRun) -> StageEnd:
    """Compare each remote's base branch, asked right now, with the base the head was proven on."""
    names = list(run.known)
    fresh = await together(_fresh(run, name) for name in names)
    stale = [name for name, ok in zip(names, fresh, strict=True) if not ok]
    if stale:
        return StageEnd(verdict=Verdict.SENT_BACK, summary=f"the base branch of {', '.join(stale)} moved")
    return StageEnd(summary="every base branch is where the suite was proven")


async def _fresh(run: StageRun, name: str) -> bool:
    if run.known[name].merge:
        return True  # its part of the release is done; only the others are still asked
    branch = run.context.targets[name].base_branch
    remote = await run.context.repositories[name].remote_ref(f"refs/heads/{branch}")
    return remote == run.known[name].base


DECLARATION = StageDeclaration(
    body=merge_check,
    inputs=inputs,
    label="Merge check",
    explanation="asks whether the target is still what was tested",
    skip=NeverSkipped("a base branch that moved has not been tested"),
    sends_back=SendsBack(
        to=Stage.REBASE,
        paused_as=PauseReason.REBASE_CONFLICT,
        at_most=lambda limits: limits.ci_loops_max,
    ),
)
