"""Rebase: the reviewed branch onto the latest base branch, and the whole proof again there, always.

A conflict goes to the conflict resolver, who sees our side as the verified spec and theirs as untrusted text; what it
cannot resolve pauses. Red, preserve, change and the full suite are witnessed again on the new base, so that the evidence
of what is merged never rests on another base; what fails there sends the change back to development.
"""

from typing import Any

from pipeline.agents.loop_context import Feedback, FeedbackKind
from pipeline.change_request import PauseReason, Stage
from pipeline.coding import green_witness, moved_bases, rebasing, signing_off, test_writing
from pipeline.coding.ground import ground_of
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.proof.baseline import suite_in_words
from pipeline.proof.stored_runs import green_of, newest, report_of
from pipeline.records import RunPurpose
from pipeline.stage import feedback
from pipeline.stage.declaration import NeverSkipped, SendsBack, StageDeclaration
from pipeline.stage.known import loops_of
from pipeline.stage.proving import environment_of
from pipeline.stage.registry import declared, line_stages
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState, Verdict


def inputs(run: StageRun) -> list[Any]:
    """The head, and which rebase of this run it is: the remote may have moved since the last one."""
    returning = [
        one for one in line_stages() if (back := declared(one).sends_back) and back.to.number >= run.stage.number
    ]
    # Commits are signed off here when the operator has said so meanwhile.
    signing = ["signed off"] if run.context.author.signs_off else []
    return [run.here.head, *(loops_of(run.state, one) for one in returning), *signing]


async def rebase(run: StageRun) -> StageEnd:
    """Bring one repository's change onto its base branch as it is now."""
    if run.here.merge:
        return StageEnd(summary="merged already", repositories={run.name: {}})
    repository = run.context.repositories[run.name]
    await repository.fetch()
    onto = await repository.branch_head(run.target.base_branch)
    if onto is None:
        raise PersonNeeded(
            PauseReason.REMOTE_UNREACHABLE,
            f"{run.name} has no branch {run.target.base_branch} any more. Push it again, then resume; or submit the change request again for "
            "another branch.",
            repository=run.name,
        )
    if onto == run.here.base and not await signing_off.lacking(run, run.name, onto, run.here.head):
        facts: RepositoryState = {"clean": True, "tested_base": onto}
        summary = f"already on the latest base; {await _suite_there(run)}"
        return StageEnd(summary=summary, repositories={run.name: facts})
    replayed = await _replayed(run, onto)
    if isinstance(replayed, StageEnd):
        return replayed
    return await _prove(run, onto, await signing_off.signed(run, onto, replayed))


async def _replayed(run: StageRun, onto: str) -> rebasing.Rebased | StageEnd:
    if onto != run.here.base:
        return await rebasing.rebase_onto(run, onto)
    return rebasing.Rebased(head=run.here.head, tests=run.here.tests, clean=True)


async def _suite_there(run: StageRun) -> str:
    proven = newest(await run.context.test_runs.all(run.name), RunPurpose.GREEN_SUITE, run.here.head)
    if proven is None:
        return "its suite was not run there"
    return f"full suite {suite_in_words(report_of(proven), green_of(proven).suite)}"


async def _prove(run: StageRun, onto: str, replayed: rebasing.Rebased) -> StageEnd:
    await run.context.progress.record(
        run.name, base_commit=onto, tests_commit=replayed.tests, head_commit=replayed.head
    )
    facts: RepositoryState = {
        "base": onto, "tests": replayed.tests, "head": replayed.head, "clean": replayed.clean, "tested_base": onto
    }  # fmt: skip
    problems = await _problems(run, onto, replayed)
    if onto == run.here.base:
        moved = f"the commits are signed off, the head is {replayed.head[:10]} now"
    else:
        moved = await moved_bases.save_move(run, onto, replayed, proven=not problems)
    if not problems:
        how = "cleanly" if replayed.clean else "after resolving conflicts"
        return StageEnd(summary=f"rebased {how}, everything proven again: {moved}", repositories={run.name: facts})
    told = Feedback(kind=FeedbackKind.REBASE, source="proof on the new base", text="\n".join(problems))
    facts["feedback"] = await feedback.save(run, run.name, [told])
    summary = f"the proof fails on the new base: {problems[0]}"[:300]
    return StageEnd(verdict=Verdict.SENT_BACK, summary=summary, repositories={run.name: facts})


async def _problems(run: StageRun, onto: str, replayed: rebasing.Rebased) -> list[str]:
    """Witness everything on the new base; returns what is wrong there."""
    ground = await ground_of(run, base=onto, start=onto)
    known = await test_writing.load_tests(run)
    if known is None:
        raise InvariantBroken("A change without proven tests reached the rebase.", repository=run.name)
    tests = await test_writing.witness(run, ground, known.submission, replayed.tests)
    if not isinstance(tests, test_writing.ProvenTests):
        return tests
    prepared = (await environment_of(run, run.name, replayed.head, base=onto)).without(ground.prepared.absent)
    judged = await green_witness.prove(run, ground, tests, replayed.head, prepared)
    tails = [
        f"Output of the {purpose} run (end):\n{report.output_tail[-3_000:]}"
        for purpose, report in judged.reports.items()
    ]
    return [] if judged.verdict.ok else [*judged.verdict.problems, *tails]


DECLARATION = StageDeclaration(
    body=rebase,
    inputs=inputs,
    label="Rebase",
    explanation="replays the change onto the target as it is now and runs the full suite again",
    per_repository=True,
    skip=NeverSkipped("the suite has to be green on the base that it is merged into"),
    sends_back=SendsBack(
        to=Stage.DEVELOPMENT,
        paused_as=PauseReason.TESTS_FAILED,
        at_most=lambda limits: limits.ci_loops_max,
    ),
    finds=frozenset({"clean"}),
    after_handback=True,
    may_be_taken_over=True,
    pauses_as=(PauseReason.REBASE_CONFLICT, PauseReason.REMOTE_UNREACHABLE),
)
