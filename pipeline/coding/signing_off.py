"""Signs off commits of a change that were made before the operator said so: same files, one more line in each message.

Problem: a remote that refuses commits without `Signed-off-by` says so at delivery, when everything is done and paid for.
Choice: the rebase builds them anew, and proves the new head as it does after any rebase; no agent works again. Invariant:
only a line of commits that are all ours is signed, because a person signs for themselves.
"""

from dataclasses import replace

from pipeline.coding.rebasing import LINE_MAX, Rebased
from pipeline.repositories import kept_refs
from pipeline.repositories.commit_rules import is_signed_off
from pipeline.stage.run import StageRun


async def lacking(run: StageRun, name: str, base: str, head: str) -> bool:
    """Whether commits of a change have to be signed off before they are delivered."""
    if not run.context.author.signs_off or not head:
        return False
    messages = [message for _, message in await _line(run, name, base, head)]
    ours = all(f"Change-Request: {run.context.cr_id}" in message for message in messages)
    return ours and not all(is_signed_off(message) for message in messages)


async def signed(run: StageRun, base: str, unsigned: Rebased) -> Rebased:
    """Return the change with all of its commits signed off, or as it is. The same inputs give the same commits."""
    if not await lacking(run, run.name, base, unsigned.head):
        return unsigned
    repository, author = run.context.repositories[run.name], run.context.author
    built = {base: base}
    for commit, message in reversed(await _line(run, run.name, base, unsigned.head)):
        facts = await repository.commit_facts(commit)
        line = message if is_signed_off(message) else f"{message.rstrip()}\n{author.sign_off}"
        parents = [built.get(parent, parent) for parent in facts.parents]
        when = await repository.committed_at(commit)
        built[commit] = await repository.commit_tree_of(commit, parents=parents, message=line, author=author, when=when)
    head = built[unsigned.head]
    await repository.update_ref(kept_refs.work(run.context.cr_id, run.context.epoch, head), head)
    return replace(unsigned, head=head, tests=built.get(unsigned.tests, unsigned.tests))


async def _line(run: StageRun, name: str, base: str, head: str) -> list[tuple[str, str]]:
    """Return (commit, message), newest first."""
    repository = run.context.repositories[name]
    return [
        (commit, await repository.message(commit)) for commit, _ in await repository.log(base, head, limit=LINE_MAX)
    ]
