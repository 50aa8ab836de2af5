"""Commits of the change: the tree of an agent's snapshot on our parent, under the configured identity."""

import re
import textwrap

from pipeline.behaviour import Behaviour, render_feature
from pipeline.execution import StageRun

STEP = "Changeline-Step"


async def with_feature(run: StageRun, snapshot: str, behaviour: Behaviour) -> str:
    """Add the `.feature` file to a snapshot where the repository keeps its behaviour specs; else return it as it is."""
    if run.target.behaviour_path is None:
        return snapshot
    slug = re.sub(r"[^a-z0-9]+", "-", behaviour.feature.lower()).strip("-")[:80] or run.context.cr_id
    path = f"{run.target.behaviour_path.strip('/')}/{slug}.feature"
    files: dict[str, bytes | None] = {path: render_feature(behaviour).encode()}
    return await run.context.repositories[run.name].commit_files(
        parent=snapshot, files=files, message=f"Behaviour: {slug}", author=run.context.author
    )


async def commit(
    run: StageRun, *, snapshot: str, parent: str, step: str, subject: str, body: str = "", dated: str | None = None
) -> str:
    """Build the commit of a step and keep it alive in the cache; returns `parent` when the tree is the same.

    The commit has the time of `dated`, the agent's snapshot (`snapshot` itself by default), which the journal remembers:
    so a step that is repeated after a crash gives the same SHA, and what was proven on it is not proven twice.
    """
    repository = run.context.repositories[run.name]
    if not await repository.changed_files(parent, snapshot):
        return parent
    told = f"{textwrap.fill(' '.join(body.split()), 72)}\n\n" if body else ""
    headline = textwrap.shorten(subject, 72, placeholder=" …")
    message = f"{headline}\n\n{told}Change-Request: {run.context.cr_id}\n{STEP}: {step}\n"
    when = await repository.committed_at(dated or snapshot)
    built = await repository.commit_tree_of(
        snapshot, parents=[parent], message=message, author=run.context.author, when=when
    )
    await repository.update_ref(f"refs/changeline/keep/{run.context.cr_id}/{run.context.epoch}/{built}", built)
    return built
