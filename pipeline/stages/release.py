"""Release: the merge commit is built before the intent, then the target branch moves by compare-and-swap, once.

A target that moved in between is no failure: the change goes back to the merge check. With several repositories the
merges run in name order; what happens when a later one fails belongs to the release saga.
"""

from datetime import datetime
from typing import Any

from pipeline.change_request import PauseReason, Stage
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, EffectStatus, Merge
from pipeline.errors import InvariantBroken
from pipeline.evidence import presentation
from pipeline.repositories import kept_refs
from pipeline.stage import effect_outcomes
from pipeline.stage.declaration import NeverSkipped, SendsBack, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState, Verdict


def inputs(run: StageRun) -> list[Any]:
    """The heads and bases that were approved and checked."""
    return [[name, facts.head, facts.base] for name, facts in run.known.items()]


async def release(run: StageRun) -> StageEnd:
    """Merge every repository's change into its base branch."""
    merged: dict[str, RepositoryState] = {}
    commits: dict[str, str] = {}
    for name in run.known:
        effect = await _intend(run, name)
        ended = await effect_outcomes.outcome(run, effect)
        if ended.status is EffectStatus.CONFLICT:
            return StageEnd(verdict=Verdict.SENT_BACK, summary=f"the base branch of {name} moved", repositories=merged)
        if ended.status is not EffectStatus.DONE:
            return effect_outcomes.stop(ended, PauseReason.DELIVERY_FAILED)
        commit = effect.needs(Merge).commit
        await run.context.progress.record(name, merge_commit=commit)
        await run.context.pull_requests.merged(repository=name, merge_commit=commit)
        merged[name], commits[name] = RepositoryState(merge=commit), commit
    summary = ", ".join(f"{name} {commit[:10]}" for name, commit in commits.items())
    return StageEnd(summary=f"merged: {summary}", repositories=merged)


async def _intend(run: StageRun, name: str) -> Effect:
    """Build the merge commit with the approval's time, so that building it again gives the same commit."""
    facts, target = run.known[name], run.context.targets[name]
    title, _ = await presentation.pull_request(run, name)
    approval = run.approval
    if approval is None:
        raise InvariantBroken("Nothing is released without an approval.", repository=name)
    trailers = f"Change-Request: {run.context.cr_id}\nApproved-By: {approval.decided_by}"
    commit = await run.context.forges[name].build_merge(
        run.context.repositories[name],
        target,
        base=facts.base,
        head=facts.head,
        message=f"{title}\n\n{trailers}\n{run.context.author.sign_off}",
        author=run.context.author,
        when=datetime.fromisoformat(approval.decided_at),
    )
    # Until the merge is fetched back no branch has it, and the controller may carry it out after this worker is gone.
    kept = kept_refs.purpose(run.context.cr_id, "merge", commit)
    await run.context.repositories[name].update_ref(kept, commit)
    return await run.context.effects.intend(
        key=f"merge/{run.context.cr_id}/{name}/{commit}",
        repository=name,
        payload=Merge(
            remote=target.remote, base_branch=target.base_branch, commit=commit, expected=facts.base,
            head=facts.head,
        ),
    )  # fmt: skip


DECLARATION = StageDeclaration(
    body=release,
    inputs=inputs,
    label="Release",
    explanation="moves the target ref by one compare-and-swap",
    skip=NeverSkipped("it is the purpose of the change request"),
    sends_back=SendsBack(
        to=Stage.MERGE_CHECK,
        paused_as=PauseReason.DELIVERY_FAILED,
        at_most=lambda limits: limits.ci_loops_max,
    ),
    finds=frozenset({"merge"}),
    effects=(EffectKind.MERGE,),
    pauses_as=(PauseReason.TARGET_CHECKOUT_DIRTY,),
)
