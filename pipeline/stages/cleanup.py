"""Cleanup: the evidence bundle is signed and kept, the merged branch, all snapshots and every epoch's trees are removed."""

import asyncio
from typing import Any

from pipeline.change_request import PauseReason, branch_name
from pipeline.effects.kinds import DeleteRef, EffectKind
from pipeline.evidence import gathering
from pipeline.machine import tree_walk
from pipeline.proof.test_runs import RESULTS
from pipeline.snapshots import saving
from pipeline.stage import effect_outcomes
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun


def inputs(run: StageRun) -> list[Any]:
    """The merged commits."""
    return [[name, facts.merge] for name, facts in run.known.items()]


async def cleanup(run: StageRun) -> StageEnd:
    """Close what the change request opened. A branch that moved since is left alone."""
    digest = await gathering.save_bundle(run)
    await run.context.snapshots.end()
    for name in run.known:
        await _delete_branch(run, name)
        await _delete_snapshots(run, name)
        await saving.forget(run.context.repositories[name], run.context.cr_id, name, shown=_shown(run, name))
    await _remove_trees(run)
    return StageEnd(summary=f"evidence {digest[:12]} signed and kept")


async def _remove_trees(run: StageRun) -> None:
    """Remove what this and earlier epochs left, their private indexes too."""
    everything = run.context.workspaces.parent
    for name, repository in run.context.repositories.items():
        for tree in await asyncio.to_thread(lambda within: sorted(everything.glob(within)), f"*/{name}/*"):
            # A worker killed in a test run leaves the run's results beside its tree; they go with everything below.
            if RESULTS not in tree.name:
                await repository.remove_worktree(tree)
    await asyncio.to_thread(tree_walk.discard, everything)


async def _delete_branch(run: StageRun, name: str) -> None:
    facts, target = run.known[name], run.context.targets[name]
    branch = branch_name(run.context.cr_id, run.context.attempt)
    effect = await run.context.effects.intend(
        key=f"delete/{run.context.cr_id}/{run.context.attempt}/{name}/{facts.head}",
        repository=name,
        payload=DeleteRef(remote=target.remote, ref=f"refs/heads/{branch}", expected=facts.head),
    )
    await effect_outcomes.for_effect(run, effect, refused=PauseReason.DELIVERY_FAILED)


async def _delete_snapshots(run: StageRun, name: str) -> None:
    """Delete the snapshots of every epoch; a remote that refuses keeps them, and nobody has to act on that."""
    context, target = run.context, run.context.targets[name]
    intent = saving.deletion(context.cr_id, context.attempt, name, target.remote, shown=_shown(run, name))
    await effect_outcomes.outcome(
        run, await context.effects.intend(key=intent.key, repository=name, payload=intent.payload)
    )


def _shown(run: StageRun, name: str) -> list[str]:
    """Return the commits whose difference people look at."""
    facts = run.known[name]
    return [facts.base, facts.head]


DECLARATION = StageDeclaration(
    body=cleanup,
    inputs=inputs,
    label="Cleanup",
    explanation="signs the evidence; worktrees and refs go",
    skip=NeverSkipped("it signs the evidence"),
    effects=(EffectKind.DELETE_REF, EffectKind.DELETE_SNAPSHOTS),
    pauses_as=(PauseReason.DELIVERY_FAILED,),
)
