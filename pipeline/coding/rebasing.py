"""Replays the change's commits onto another base, with the conflict resolver where git cannot do it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.agents.fences import Untrusted
from pipeline.agents.job import Job
from pipeline.agents.loop_context import Feedback, FeedbackKind, LoopContext
from pipeline.agents.prompt_variables import ConflictResolverVariables
from pipeline.agents.submissions.fields import Confidence, SubmissionFacts
from pipeline.agents.submissions.work import Resolution
from pipeline.change_request import PauseReason
from pipeline.coding.commits import STEP
from pipeline.errors import ModelError
from pipeline.ports import RebaseResult
from pipeline.proof.shown_diff import shown_diff
from pipeline.repositories import kept_refs
from pipeline.repositories.ref_names import shown
from pipeline.stage import feedback, proving, specs, trees
from pipeline.stage.run import StageEnd, StageRun, blocked, with_why

LINE_MAX = 1_000
"""Commits of one change that are looked at, those of a person who took it over included."""
_NAMED_MAX = 5
CONFLICTS_MAX = 10
"""Commits of one change that may conflict in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebased:
    """The change on its new base."""

    head: str
    tests: str
    clean: bool


async def rebase_onto(run: StageRun, onto: str) -> Rebased | StageEnd:
    """Return the change on `onto`, or block with the conflict that nobody could resolve."""
    repository = run.context.repositories[run.name]
    async with trees.empty(run, run.name, "rebase") as tree:
        result = await repository.rebase(
            commits_from=run.here.base, head=run.here.head, onto=onto, worktree=tree, author=run.context.author
        )
        clean = result.head is not None
        ended = await _settled(run, onto, tree, result)
    if isinstance(ended, StageEnd):
        return ended
    return await _replayed(run, onto, ended, clean=clean)


async def _settled(run: StageRun, onto: str, tree: Path, result: RebaseResult) -> str | StageEnd:
    """Let conflicts be resolved until none is left; returns the head, or how the stage ends."""
    came_back: list[Feedback] = []
    for number in range(1, CONFLICTS_MAX + 1):
        if result.head is not None:
            break
        stop = await _resolve(run, onto, tree, result, number, came_back)
        if stop is not None:
            return stop
        try:
            result = await run.context.repositories[run.name].continue_rebase(worktree=tree, author=run.context.author)
            came_back = []
        except ModelError as problem:
            came_back = [Feedback(kind=FeedbackKind.REBASE, source="pipeline", text=problem.message)]
    return result.head or _unresolved(run, result, "The conflicts did not end.")


async def _replayed(run: StageRun, onto: str, head: str, *, clean: bool) -> Rebased:
    """Find the tests commit of the replayed line: at its old place, or by its trailer when commits fell away."""
    repository = run.context.repositories[run.name]
    await repository.update_ref(kept_refs.work(run.context.cr_id, run.context.epoch, head), head)
    replayed = [commit for commit, _ in await repository.log(onto, head, limit=LINE_MAX)]
    old = [commit for commit, _ in await repository.log(run.here.base, run.here.head, limit=LINE_MAX)]
    tests = onto
    if len(old) == len(replayed) and run.here.tests in old:
        tests = replayed[old.index(run.here.tests)]
    else:
        for commit in replayed:
            if f"{STEP}: tests" in await repository.message(commit):
                tests = commit
                break
    return Rebased(head=head, tests=tests, clean=clean)


async def _resolve(
    run: StageRun, onto: str, tree: Path, result: RebaseResult, number: int, came_back: Sequence[Feedback]
) -> StageEnd | None:
    repository = run.context.repositories[run.name]
    limit = run.context.settings.pipeline.diff_max_bytes
    theirs = await repository.diff(run.here.base, onto, paths=result.conflicts)
    messages = [subject for _, subject in await repository.log(run.here.base, onto)]
    prepared = await proving.environment_of(run, run.name, onto)
    variables = ConflictResolverVariables(
        repository=run.name,
        spec=await specs.verified_spec(run, run.name),
        test_command=prepared.test_command,
        conflicts=result.conflicts,
        their_diff=Untrusted("their diff", shown_diff(theirs, limit).text),
        their_commits=Untrusted("their commit messages", "\n".join(messages)),
    )
    job = Job(
        variables=variables, stage=run.stage, activation=run.activation, repository=run.name,
        instance=f"{run.name}/{number}", facts=SubmissionFacts(conflicts=frozenset(result.conflicts)),
        loop=LoopContext(feedback=tuple(came_back), instructions=await feedback.instructions(run)), tree=tree,
        commit=onto, restore=False, environment=prepared.environment,
    )  # fmt: skip
    handed = await run.context.agents.work(job)
    # A conversation that ended before a crash left its files in the tree of an epoch that is gone.
    await repository.restore_worktree(tree, handed.snapshot)
    resolution = handed.of(Resolution)
    if resolution.resolved and resolution.confidence is not Confidence.LOW:
        return None
    return _unresolved(run, result, resolution.explanation)


def _unresolved(run: StageRun, result: RebaseResult, why: str) -> StageEnd:
    return blocked(
        PauseReason.REBASE_CONFLICT,
        with_why(f"The change conflicts with what is new on the base branch{_where(result)}", why),
        repository=run.name,
        conflicts=list(result.conflicts),
        why=why,
    )


def _where(result: RebaseResult) -> str:
    named = ", ".join(shown(path) for path in result.conflicts[:_NAMED_MAX])
    more = len(result.conflicts) - _NAMED_MAX
    return f" in {named}{f' and {more:,} more' if more > 0 else ''}" if named else ""
