"""A forge that keeps pull requests with numbers, as hosted ones do, and merges like the forge it is given."""

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.change_request import ForgeKind, RepositoryTarget
from pipeline.ports import Author, Forge, Proposal, PullRequestRef, Repository


@dataclass(slots=True)
class KeptPullRequest:
    """One pull request: its newest text, and every word that was said at its end."""

    ref: PullRequestRef
    proposal: Proposal
    is_open: bool = True
    comments: list[str] = field(default_factory=list)


class MemoryForge:
    """A `Forge`. `kept` is by marker."""

    kind = ForgeKind.LOCAL

    def __init__(self, merging: Forge) -> None:
        self._merging = merging
        self.kept: dict[str, KeptPullRequest] = {}

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
        """See `Forge.build_merge`."""
        return await self._merging.build_merge(
            repository, target, base=base, head=head, message=message, author=author, when=when
        )

    async def is_merged(self, repository: Repository, *, commit: str, base_branch: str) -> bool:
        """See `Forge.is_merged`."""
        return await self._merging.is_merged(repository, commit=commit, base_branch=base_branch)

    async def merge(self, repository: Repository, *, commit: str, base_branch: str, expected: str) -> None:
        """See `Forge.merge`."""
        await self._merging.merge(repository, commit=commit, base_branch=base_branch, expected=expected)

    async def propose(self, proposal: Proposal) -> PullRequestRef:
        """See `Forge.propose`."""
        known = self.kept.get(proposal.marker)
        if known is not None:
            known.proposal = proposal
            return known.ref
        number = len(self.kept) + 1
        made = PullRequestRef(number=number, url=f"https://forge.example/pulls/{number}")
        self.kept[proposal.marker] = KeptPullRequest(made, proposal)
        return made

    async def withdraw(self, *, remote: str, marker: str, comment: str) -> None:  # noqa: ARG002 - one place for all remotes
        """See `Forge.withdraw`."""
        known = self.kept.get(marker)
        if known is not None and known.is_open:
            known.is_open = False
            known.comments.append(comment)
