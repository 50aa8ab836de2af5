"""A forge for any git remote: the pull request lives in Changeline, the merge is a compare-and-swap on the target.

Problem: "merge" as one act cannot be repeated after a crash, because the second try makes another commit. Choice: the
commit that the target will move to is built first and recorded by the caller; merging looks whether the target already
contains it, and otherwise moves the target from exactly the commit that was tested against. Invariant: what lands is the
recorded commit, once, or nothing.
"""

from datetime import datetime

from pipeline.change_request import ForgeKind, RepositoryTarget
from pipeline.errors import CallerError, Conflict
from pipeline.ports import Author, Proposal, PullRequestRef, Repository


class LocalForge:
    """The `Forge` port without a hosting product."""

    kind = ForgeKind.LOCAL

    async def build_merge(
        self,
        repository: Repository,
        target: RepositoryTarget,
        *,
        base: str,
        head: str,
        message: str,
        author: Author,
        when: datetime,
    ) -> str:
        """Return the commit that the target will move to: a merge of base and head, one squashed commit, or `head`."""
        if not await repository.is_ancestor(base, head):
            raise Conflict(
                "The change does not contain the commit it would be merged into.",
                field="head",
                remedy="Rebase onto the base branch and test again.",
                base=base,
                head=head,
            )
        if target.merge_strategy == "fast_forward":
            return head
        parents = {"merge": [base, head], "squash": [base]}.get(target.merge_strategy)
        if parents is None:
            raise CallerError(
                f"There is no merge strategy {target.merge_strategy!r}.",
                field="merge_strategy",
                remedy="Use merge, squash or fast_forward.",
            )
        return await repository.commit_tree_of(head, parents=parents, message=message, author=author, when=when)

    async def is_merged(self, repository: Repository, *, commit: str, base_branch: str) -> bool:
        """Ask the remote whether its base branch contains `commit` right now."""
        present = await repository.remote_ref(f"refs/heads/{base_branch}")
        if present is None or present == commit:
            return present == commit
        await repository.fetch()
        fetched = await repository.branch_head(base_branch)
        return fetched is not None and await repository.is_ancestor(commit, fetched)

    async def merge(self, repository: Repository, *, commit: str, base_branch: str, expected: str) -> None:
        """Move the base branch from `expected` to `commit`, unless it contains `commit` already."""
        if await self.is_merged(repository, commit=commit, base_branch=base_branch):
            return
        try:
            await repository.push(commit=commit, ref=f"refs/heads/{base_branch}", expected=expected)
        except Conflict:
            if not await self.is_merged(repository, commit=commit, base_branch=base_branch):
                raise

    async def propose(self, proposal: Proposal) -> PullRequestRef:
        """See the port: Changeline's own row, which the effect's executor keeps for every forge, is all there is."""
        del proposal
        return PullRequestRef()

    async def withdraw(self, *, remote: str, marker: str, comment: str) -> None:
        """See the port: likewise."""
