"""What came back on a branch that a person had taken over: the commits since the one that was published to them.

Their history is taken as it is when it continues from the published commit. One with merges (of the base branch, as a
person resolves a conflict) is flattened into one commit on the newest base it contains, because everything later works
on a line of commits. A history that was rewritten is never guessed at: it goes back to the person.
"""

from dataclasses import dataclass
from datetime import UTC

from pipeline.change_request import PauseReason, branch_name
from pipeline.errors import TransientError
from pipeline.interventions.intervention import HandingBack, Intervention
from pipeline.ports import Repository
from pipeline.repositories import kept_refs
from pipeline.stage.run import StageEnd, StageRun, blocked

COMMITS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Handback:
    """New work on one branch. Commits are full SHAs; `commits` are a person's subjects, oldest first."""

    name: str
    published: str
    tip: str
    """Where the branch stands."""
    head: str
    """`tip`, or the commit that flattens it."""
    base: str
    commits: tuple[str, ...]


async def read_handback(run: StageRun, name: str, said: Intervention) -> Handback | StageEnd | None:
    """Return what is new on the branch of one repository, None when nothing is, or why it cannot be taken."""
    published = said.facts(HandingBack).published.get(name)
    if published is None:
        return None
    repository = run.context.repositories[name]
    branch = branch_name(run.context.cr_id, run.context.attempt)
    tip = await repository.remote_ref(f"refs/heads/{branch}")
    if tip is None:
        return _refused(run, name, f"The branch {branch} is gone.", f"Push it again from {published}, then hand back.")
    if tip == published:
        return None
    await repository.fetch()
    if not await repository.has_commit(tip):
        raise TransientError("The branch moved while it was fetched.", repository=name, commit=tip)
    if not await repository.is_ancestor(published, tip):
        return _refused(
            run, name, f"The branch {branch} was rewritten: it does not contain {published[:12]} any more.",
            f"Put your commits on top of {published} (for instance by `git rebase --onto {published[:12]}`) and push.",
        )  # fmt: skip
    return await _taken(run, name, published, tip, said)


async def _taken(run: StageRun, name: str, published: str, tip: str, said: Intervention) -> Handback | StageEnd:
    repository = run.context.repositories[name]
    listed = await repository.log(published, tip, limit=COMMITS_MAX)
    merges = [commit for commit, _ in listed if len((await repository.commit_facts(commit)).parents) > 1]
    base, head = run.known[name].base, tip
    if merges:
        base = await _newest_base(run, repository, name, tip) or base
        head = await repository.commit_tree_of(
            tip, parents=[base], author=run.context.author, when=said.created_at.astimezone(UTC),
            message=f"Work of {said.actor} on {name}\n\nHanded back as {tip}, whose history holds merges.\n\n"
            f"Change-Request: {run.context.cr_id}\n{run.context.author.sign_off}",
        )  # fmt: skip
        listed = [one for one in listed if not await repository.is_ancestor(one[0], base)]
    await repository.update_ref(kept_refs.work(run.context.cr_id, run.context.epoch, head), head)
    return Handback(
        name=name, published=published, tip=tip, head=head, base=base,
        commits=tuple(f"{commit[:12]} {subject}" for commit, subject in reversed(listed)),
    )  # fmt: skip


async def _newest_base(run: StageRun, repository: Repository, name: str, tip: str) -> str | None:
    on_base = await repository.branch_head(run.context.targets[name].base_branch)
    return await repository.merge_base(on_base, tip) if on_base is not None else None


def _refused(run: StageRun, name: str, message: str, remedy: str) -> StageEnd:
    return blocked(
        PauseReason.HANDBACK_REFUSED, f"{message} {remedy}", repository=name, remedy=remedy,
        branch=branch_name(run.context.cr_id, run.context.attempt),
    )  # fmt: skip
