"""Branches beside which git cannot keep ours, in a repository of this machine; over a network see `test_git_network`."""

from pathlib import Path

import pytest

from pipeline.adapters.git.remotes import inspect_remote
from pipeline.adapters.git.repository import GitRepository
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from tests.adapters.git_world import Origin, git, make_origin, repository_of, to


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


@pytest.fixture
def base(origin: Origin) -> str:
    return origin.commit({"a.txt": b"a"})


@pytest.fixture
async def repository(tmp_path: Path, origin: Origin, base: str) -> GitRepository:
    opened = await repository_of(origin.path, tmp_path / "cache")
    await opened.fetch()
    return opened


@pytest.mark.parametrize("other", ["changeline", "changeline/cr-1/mine"])
async def test_a_branch_beside_which_ours_cannot_be_is_named(
    origin: Origin, base: str, repository: GitRepository, other: str
) -> None:
    assert await repository.branch_in_the_way("changeline/cr-1") is None
    git(origin.path, "branch", "changeline-2", base)
    git(origin.path, "branch", other, base)
    with pytest.raises(PersonNeeded, match=f"`{other}`") as paused:
        await repository.push(commit=base, ref="refs/heads/changeline/cr-1", expected=None)
    assert paused.value.reason is PauseReason.DELIVERY_FAILED
    await repository.fetch()
    assert await repository.branch_in_the_way("changeline/cr-1") == other


async def test_looking_at_a_repository_with_a_branch_of_our_name_warns(origin: Origin, base: str) -> None:
    assert (await inspect_remote(to(str(origin.path)))).warnings == ()
    git(origin.path, "branch", "changeline", base)
    (warning,) = (await inspect_remote(to(str(origin.path)))).warnings
    assert "`changeline`" in warning and "Rename or delete it" in warning
