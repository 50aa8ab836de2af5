"""Commits of the change: the tree of an agent's snapshot on our parent, under the configured identity."""

import textwrap

from pipeline.execution import StageRun

STEP = "Changeline-Step"


async def commit(run: StageRun, *, snapshot: str, parent: str, step: str, subject: str, body: str = "") -> str:
    """Build the commit of a step and keep it alive in the cache; returns `parent` when the tree is the same.

    The commit's time is the snapshot's activation time, so that a repeated step gives another SHA only if its tree
    differs; callers store the SHA before they use it.
    """
    repository = run.context.repositories[run.name]
    if not await repository.changed_files(parent, snapshot):
        return parent
    told = f"{textwrap.fill(' '.join(body.split()), 72)}\n\n" if body else ""
    headline = textwrap.shorten(subject, 72, placeholder=" …")
    message = f"{headline}\n\n{told}Change-Request: {run.context.cr_id}\n{STEP}: {step}\n"
    built = await repository.commit_tree_of(
        snapshot, parents=[parent], message=message, author=run.context.author, when=run.context.commit_time()
    )
    await repository.update_ref(f"refs/changeline/keep/{run.context.cr_id}/{run.context.epoch}/{built}", built)
    return built
