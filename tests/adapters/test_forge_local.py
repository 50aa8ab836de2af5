"""Merging without a hosting product: what was recorded lands once, or nothing does."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.forges.local import LocalForge
from pipeline.adapters.git.repository import GitRepository
from pipeline.change_request import RepositoryTarget
from pipeline.errors import CallerError, Conflict
from pipeline.ports import Forge
from tests.adapters.git_world import ADA, NOON, Origin, git, make_origin, repository_of

FORGE: Forge = LocalForge()


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a": b"a"})


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin, base: str) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


@pytest.fixture
async def head(repository: GitRepository, base: str) -> str:
    one = await repository.commit_files(parent=base, files={"b": b"b"}, message="one", author=ADA)
    return await repository.commit_files(parent=one, files={"c": b"c"}, message="two", author=ADA)


@pytest.fixture
def target(origin: Origin) -> RepositoryTarget:
    return RepositoryTarget(name="sample", remote=str(origin.path), base_branch="main")


async def built(repository: GitRepository, target: RepositoryTarget, base: str, head: str) -> str:
    return await FORGE.build_merge(repository, target, base=base, head=head, message="CR-1", author=ADA, when=NOON)


@pytest.mark.parametrize("strategy", ["merge", "squash", "fast_forward"])
async def test_each_strategy_lands_the_tested_tree_under_the_same_commit_every_time(
    repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str, strategy: str
) -> None:
    target = replace(target, merge_strategy=strategy)
    commit = await built(repository, target, base, head)
    assert commit == await built(repository, target, base, head)
    assert origin.head("refs/heads/main") == base
    await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    assert origin.head("refs/heads/main") == commit
    parents = git(origin.path, "rev-list", "--parents", "-1", commit).split()[1:]
    (one,) = [sha for sha, subject in await repository.log(base, head) if subject == "one"]
    assert parents == {"merge": [base, head], "squash": [base], "fast_forward": [one]}[strategy]
    assert await repository.changed_files(head, commit) == []


async def test_a_merge_that_already_happened_is_found_even_below_later_commits(
    repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
) -> None:
    commit = await built(repository, target, base, head)
    assert not await FORGE.is_merged(repository, commit=commit, base_branch="main")
    await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    later = origin.commit({"d": b"d"})
    await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    assert await FORGE.is_merged(repository, commit=commit, base_branch="main")
    assert origin.head("refs/heads/main") == later


async def test_a_target_that_moved_is_a_conflict_and_stays(
    repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
) -> None:
    commit = await built(repository, target, base, head)
    theirs = origin.commit({"d": b"d"})
    with pytest.raises(Conflict):
        await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    assert origin.head("refs/heads/main") == theirs
    with pytest.raises(Conflict, match="does not contain"):
        await built(repository, target, theirs, head)


async def test_a_target_that_is_gone_is_a_conflict(
    repository: GitRepository, origin: Origin, target: RepositoryTarget, base: str, head: str
) -> None:
    commit = await built(repository, target, base, head)
    git(origin.path, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(Conflict):
        await FORGE.merge(repository, commit=commit, base_branch="main", expected=base)
    assert origin.head("refs/heads/main") is None


async def test_an_unknown_strategy_is_refused(
    repository: GitRepository, target: RepositoryTarget, base: str, head: str
) -> None:
    with pytest.raises(CallerError, match="octopus"):
        await built(repository, replace(target, merge_strategy="octopus"), base, head)
