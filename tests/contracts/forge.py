"""What every `Forge` must do; a test module binds it by the fixtures `forge`, `origin`, `repository`, `base`, `head`, `target`.

`origin` is the remote as its people see it. What was recorded lands once, or nothing does; a pull request has one text.
"""

from dataclasses import replace

import pytest

from pipeline.adapters.git.repository import GitRepository
from pipeline.change_request import RepositoryTarget
from pipeline.errors import CallerError, Conflict
from pipeline.ports import Forge, Proposal, marker_of
from tests.adapters.git_world import ADA, NOON, Origin, git

REMOTE = "https://forge.example/team/sample.git"


async def built(forge: Forge, repository: GitRepository, target: RepositoryTarget, base: str, head: str) -> str:
    return await forge.build_merge(repository, target, base=base, head=head, message="CR-1", author=ADA, when=NOON)


def proposal(title: str = "Add rates", attempt: int = 1) -> Proposal:
    return Proposal(
        marker=marker_of("cr-1", attempt, "sample"), remote=REMOTE, title=title, body="What and why.", base_branch="main",
        head_branch="changeline/cr-1", head_commit="h" * 40,
    )  # fmt: skip


class ForgeContract:
    """Merges by compare-and-swap, and pull requests that are found again."""

    @pytest.mark.parametrize("strategy", ["merge", "squash", "fast_forward"])
    async def test_each_strategy_lands_the_tested_tree_under_the_same_commit_every_time(
        self,
        forge: Forge,
        repository: GitRepository,
        origin: Origin,
        target: RepositoryTarget,
        base: str,
        head: str,
        strategy: str,
    ) -> None:
        target = replace(target, merge_strategy=strategy)
        commit = await built(forge, repository, target, base, head)
        assert commit == await built(forge, repository, target, base, head)
        assert origin.head("refs/heads/main") == base
        await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        assert origin.head("refs/heads/main") == commit
        parents = git(origin.path, "rev-list", "--parents", "-1", commit).split()[1:]
        (one,) = [sha for sha, subject in await repository.log(base, head) if subject == "one"]
        assert parents == {"merge": [base, head], "squash": [base], "fast_forward": [one]}[strategy]
        assert await repository.changed_files(head, commit) == []

    async def test_a_merge_that_already_happened_is_found_even_below_later_commits(
        self, forge: Forge, repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
    ) -> None:
        commit = await built(forge, repository, target, base, head)
        assert not await forge.is_merged(repository, commit=commit, base_branch="main")
        await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        later = origin.commit({"d": b"d"})
        await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        assert await forge.is_merged(repository, commit=commit, base_branch="main")
        assert origin.head("refs/heads/main") == later

    async def test_a_target_that_moved_is_a_conflict_and_stays(
        self, forge: Forge, repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
    ) -> None:
        commit = await built(forge, repository, target, base, head)
        theirs = origin.commit({"d": b"d"})
        with pytest.raises(Conflict):
            await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        assert origin.head("refs/heads/main") == theirs
        with pytest.raises(Conflict, match="does not contain"):
            await built(forge, repository, target, theirs, head)

    async def test_a_target_that_is_gone_is_a_conflict(
        self, forge: Forge, repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
    ) -> None:
        commit = await built(forge, repository, target, base, head)
        git(origin.path, "update-ref", "-d", "refs/heads/main")
        with pytest.raises(Conflict):
            await forge.merge(repository, commit=commit, base_branch="main", expected=base)
        assert origin.head("refs/heads/main") is None

    async def test_an_unknown_strategy_is_refused(
        self, forge: Forge, repository: GitRepository, target: RepositoryTarget, base: str, head: str
    ) -> None:
        with pytest.raises(CallerError, match="octopus"):
            await built(forge, repository, replace(target, merge_strategy="octopus"), base, head)

    async def test_a_pull_request_is_opened_once_and_its_text_is_brought_up_to_date(self, forge: Forge) -> None:
        opened = await forge.propose(proposal())

        assert await forge.propose(proposal()) == opened
        assert await forge.propose(proposal("Add rates, in words")) == opened

    async def test_closing_what_is_closed_or_was_never_there_is_nothing(self, forge: Forge) -> None:
        await forge.propose(proposal())
        for _ in range(2):
            await forge.withdraw(remote=REMOTE, marker=proposal().marker, comment="Nobody needs it.")
        await forge.withdraw(remote=REMOTE, marker=proposal(attempt=9).marker, comment="Nobody needs it.")
