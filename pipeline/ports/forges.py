"""Where changes are merged and pull requests live: one forge per repository, chosen by its `ForgeKind`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline.change_request import ForgeKind, RepositoryTarget
from pipeline.ports.git import Author, Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A pull request as it shall be. `marker` is the same for every text of one pull request, and finds it again."""

    marker: str
    remote: str
    title: str
    body: str
    base_branch: str
    head_branch: str
    head_commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestRef:
    """Where people find a pull request; both None where it lives in Changeline alone."""

    number: int | None = None
    url: str | None = None


class Forge(Protocol):
    """Where changes are merged. What a merge will be is built and recorded first; then the target moves to exactly that.

    `build_merge` is the worker's, everything else is carried out by the controller, as effects: each looks first, so that it
    may be repeated, and raises `Conflict` when the outside is otherwise, `PersonNeeded` when a person has to act there
    first, and `TransientError` (with the forge's own wish) for another try.
    """

    kind: ForgeKind

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
        """Return the commit that `target.base_branch` will move to from `base`, by `target.merge_strategy`.

        Nothing outside the cache changes. Same inputs give the same SHA. Raises `Conflict` when `head` does not contain
        `base`: what was tested is then not what would be merged.
        """

    async def is_merged(self, repository: Repository, *, commit: str, base_branch: str) -> bool:
        """Ask the remote whether its base branch contains `commit` right now."""

    async def merge(self, repository: Repository, *, commit: str, base_branch: str, expected: str) -> None:
        """Move the base branch from `expected` to `commit`. Idempotent: a branch that contains `commit` is success.

        Raises what `Repository.push` raises; `Conflict` means that the branch moved and does not contain `commit`.
        """

    async def propose(self, proposal: Proposal) -> PullRequestRef:
        """Open the pull request, adopt the one that carries the marker, or bring its text up to date: one text, in place."""

    async def withdraw(self, *, remote: str, marker: str, comment: str) -> None:
        """Close the pull request that carries the marker, with a word why; one that is closed, merged or absent is left so."""


def marker_of(cr_id: str, attempt: int, repository: str) -> str:
    """Return the marker of one pull request: one per change request, attempt and repository."""
    return f"changeline:{cr_id}:{attempt}:{repository}"
