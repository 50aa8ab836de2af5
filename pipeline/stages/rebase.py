"""Rebase: the reviewed branch onto the latest base branch, then the full suite there, always.

A conflict goes to the conflict resolver, who sees our side as the verified spec and theirs as untrusted text; what it
cannot resolve pauses. A suite that turned red on the new base sends the change back to development.
"""

from typing import Any

from pipeline import feedback, proving, replaying
from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.evidence.baseline import compare_suites
from pipeline.execution import StageEnd, StageRun
from pipeline.state import RepositoryState, Verdict


def inputs(run: StageRun) -> list[Any]:
    """The head, and which rebase of this run it is: the remote may have moved since the last one."""
    loops = run.state.get("loops", {})
    return [run.here.get("head"), loops.get("merge_check", 0), loops.get("release", 0)]


async def rebase(run: StageRun) -> StageEnd:
    """Bring one repository's change onto its base branch as it is now."""
    repository = run.context.repositories[run.name]
    await repository.fetch()
    onto = await repository.branch_head(run.target.base_branch)
    if onto is None:
        raise PersonNeeded(
            PauseReason.REMOTE_UNREACHABLE,
            f"{run.name} has no branch {run.target.base_branch} any more.",
            repository=run.name,
        )
    if onto == run.here["base"]:
        facts: RepositoryState = {"clean": True, "tested_base": onto}
        return StageEnd(summary="already on the latest base, full suite green there", repositories={run.name: facts})
    replayed = await replaying.replay(run, onto)
    if isinstance(replayed, StageEnd):
        return replayed
    return await _prove(run, onto, replayed)


async def _prove(run: StageRun, onto: str, replayed: "replaying.Replayed") -> StageEnd:
    stack, environment = await proving.environment_of(run, run.name, onto)
    base = await proving.baseline(run, run.name, onto, stack, environment)
    stack, environment = await proving.environment_of(run, run.name, replayed.head)
    report = await proving.prove(
        run,
        name=run.name,
        commit=replayed.head,
        purpose="green_rebased",
        selection=None,
        stack=stack,
        environment=environment,
    )
    suite = compare_suites(base=base, head=report, retired_files=replayed.test_files)
    await proving.keep(
        run, run.name, purpose="green_rebased", commit=replayed.head, report=report, ok=suite.ok,
        verdict={"suite": proving.plain(suite)},
    )  # fmt: skip
    await run.context.records.record_progress(
        run.name, base_commit=onto, tests_commit=replayed.tests, head_commit=replayed.head
    )
    facts: RepositoryState = {
        "base": onto, "tests": replayed.tests, "head": replayed.head, "clean": replayed.clean, "tested_base": onto
    }  # fmt: skip
    if suite.ok:
        how = "cleanly" if replayed.clean else "after resolving conflicts"
        return StageEnd(summary=f"rebased {how}, full suite green", repositories={run.name: facts})
    failures = "\n".join([*suite.new_failures, *suite.disappeared, *suite.newly_skipped, *suite.problems])
    told = Feedback(
        kind=FeedbackKind.REBASE,
        source="full suite on the new base",
        text=f"{failures}\n\n{report.output_tail[-4_000:]}",
    )
    facts["feedback"] = await feedback.keep(run, run.name, [told])
    return StageEnd(
        verdict=Verdict.SENT_BACK, summary="the full suite fails on the new base", repositories={run.name: facts}
    )
