"""The forge of any git remote and the fake with numbers keep one contract, over real git."""

from pathlib import Path

import pytest

from pipeline.adapters.forges.local import LocalForge
from pipeline.adapters.git.repository import GitRepository
from pipeline.change_request import RepositoryTarget
from pipeline.testing import MemoryForge
from tests.adapters.git_world import ADA, Origin, make_origin, repository_of
from tests.contracts.forge import REMOTE, ForgeContract, proposal


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


class TestLocalForge(ForgeContract):
    @pytest.fixture
    def forge(self) -> LocalForge:
        return LocalForge()


class TestMemoryForge(ForgeContract):
    @pytest.fixture
    def forge(self) -> MemoryForge:
        return MemoryForge(LocalForge())

    async def test_it_shows_what_a_hosted_forge_would(self, forge: MemoryForge) -> None:
        first = await forge.propose(proposal())
        second = await forge.propose(proposal(attempt=2))
        await forge.propose(proposal("Another title"))
        await forge.withdraw(remote=REMOTE, marker=proposal().marker, comment="Nobody needs it.")

        assert (first.number, second.number) == (1, 2)
        kept = forge.kept[proposal().marker]
        assert (kept.proposal.title, kept.is_open, kept.comments) == ("Another title", False, ["Nobody needs it."])
