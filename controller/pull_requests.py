"""Pull requests as effects: the repository's forge acts, and what it did is kept as Changeline's own row.

Problem: a pull request that a worker opens by itself is opened twice after a crash, or never. Choice: the text is intended
like a push; the forge finds its own by a marker before it acts, and the row that people see is written after it did.
Invariant: a row that says open, merged or closed was so at the forge.
"""

from collections.abc import Mapping

from pipeline.change_request import ForgeKind
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import ClosePullRequest, ProposePullRequest, PullRequestClosed, PullRequestProposed
from pipeline.errors import InvariantBroken
from pipeline.ports import Forge, Proposal, marker_of
from pipeline.store.engine import Database
from pipeline.store.pull_requests import PullRequests


class PullRequestProposer:
    """Effect `pull_request`: a pull request stands with exactly the intended text and head."""

    def __init__(self, database: Database, forges: Mapping[ForgeKind, Forge]) -> None:
        self._database = database
        self._forges = forges

    async def execute(self, effect: Effect) -> PullRequestProposed:
        """Propose, then keep the row; proposing the same again changes nothing."""
        wanted, name = effect.needs(ProposePullRequest), str(effect.repository)
        found = await forge_of(self._forges, effect).propose(
            Proposal(
                marker=marker_of(effect.cr_id, wanted.attempt, name), remote=wanted.remote, title=wanted.title,
                body=wanted.body, base_branch=wanted.base_branch, head_branch=wanted.head_branch,
                head_commit=wanted.head_commit,
            )
        )  # fmt: skip
        async with self._database.transaction(effect.tenant_id) as connection:
            await PullRequests(connection).save(
                effect.cr_id, wanted.attempt, name, title=wanted.title, body=wanted.body,
                base_branch=wanted.base_branch, head_branch=wanted.head_branch, head_commit=wanted.head_commit,
            )  # fmt: skip
        return PullRequestProposed(number=found.number, url=found.url)


class PullRequestCloser:
    """Effect `close_pull_request`: nobody will merge it, and a person said so."""

    def __init__(self, database: Database, forges: Mapping[ForgeKind, Forge]) -> None:
        self._database = database
        self._forges = forges

    async def execute(self, effect: Effect) -> PullRequestClosed:
        """Withdraw, then keep the row."""
        wanted, name = effect.needs(ClosePullRequest), str(effect.repository)
        await forge_of(self._forges, effect).withdraw(
            remote=wanted.remote, marker=marker_of(effect.cr_id, wanted.attempt, name), comment=wanted.comment
        )
        async with self._database.transaction(effect.tenant_id) as connection:
            await PullRequests(connection).end(effect.cr_id, wanted.attempt, name, status="closed")
        return PullRequestClosed(closed_by=wanted.closed_by)


def forge_of(forges: Mapping[ForgeKind, Forge], effect: Effect) -> Forge:
    """Return the forge of an effect's repository, as its change request froze it."""
    if effect.forge not in forges:
        raise InvariantBroken("This controller has no such forge.", forge=effect.forge, effect=effect.id)
    return forges[effect.forge]
