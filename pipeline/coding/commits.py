"""Commits of the change: the tree of an agent's snapshot on our parent, under the configured identity."""

import re
import textwrap

from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.repositories import kept_refs
from pipeline.repositories.paths import portable_path
from pipeline.specs.behaviour import Behaviour, render_feature
from pipeline.stage.repository_reading import in_the_way
from pipeline.stage.run import StageRun

STEP = "Changeline-Step"


async def add_feature(run: StageRun, snapshot: str, behaviour: Behaviour) -> str:
    """Add the `.feature` file to a snapshot where the repository keeps its behaviour specs; else return it as it is."""
    place = await feature_directory(run, run.name, snapshot)
    if place is None:
        return snapshot
    slug = re.sub(r"[^a-z0-9]+", "-", behaviour.feature.lower()).strip("-")[:80] or run.context.cr_id
    path = f"{place}/{slug}.feature"
    files: dict[str, bytes | None] = {path: render_feature(behaviour).encode()}
    return await run.context.repositories[run.name].commit_files(
        parent=snapshot, files=files, message=f"Behaviour: {slug}", author=run.context.author
    )


async def feature_directory(run: StageRun, name: str, commit: str) -> str | None:
    """Return where `.feature` files of a repository are committed; None keeps them in Changeline only.

    Raises `PersonNeeded` when no directory can be there at `commit`.
    """
    wanted = run.context.targets[name].behaviour_path
    if wanted is None:
        return None
    try:
        place = portable_path(wanted)
    except ValueError as problem:
        why = f"the path {problem}"
    else:
        found = await in_the_way(run.context.repositories[name], commit, place)
        if found is None:
            return place
        why = f"{found} is a file or a link"
    remedy = "Correct the repository and resume, or submit the change request again with another behaviour path."
    raise PersonNeeded(
        PauseReason.DELIVERY_FAILED, f"Behaviour specs of {name} cannot be kept in {wanted!r}: {why}. {remedy}",
        repository=name, behaviour_path=wanted, remedy=remedy,
    )  # fmt: skip


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
    message += run.context.author.sign_off
    when = await repository.committed_at(dated or snapshot)
    built = await repository.commit_tree_of(
        snapshot, parents=[parent], message=message, author=run.context.author, when=when
    )
    await repository.update_ref(kept_refs.work(run.context.cr_id, run.context.epoch, built), built)
    return built
