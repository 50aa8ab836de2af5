"""Checks of repositories by the real process's code, in this process: real git, sandbox, environments and rows."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.change_request import Reach, RepositoryTarget
from pipeline.ports import Isolation
from pipeline.settings.process import DatabaseSettings, EnvironmentSettings, GitSettings, ProcessSettings
from pipeline.store.engine import Database
from pipeline.store.repositories import Repositories
from pipeline.store.surveys import StoredSurvey, Surveys
from pipeline.survey.record import RepositorySurvey
from tests.database import TestDatabase
from tests.line.conftest import environments, isolation, temporary_directory
from tests.line.repositories import SampleRepository
from worker.surveys import SurveyOrder, carry_out

__all__ = ["environments", "isolation"]


@dataclass
class Checks:
    """Repositories of one test, and checks of them."""

    database: TestDatabase
    root: Path
    isolation: Isolation
    sign_off: bool = False
    timeout_s: float = 300.0

    def settings(self) -> ProcessSettings:
        return ProcessSettings(
            _env_file=None, data_dir=self.root / "data", database=DatabaseSettings(url=SecretStr(self.database.app_url)),
            environment=EnvironmentSettings(offline=True, check_timeout_s=self.timeout_s),
            git=GitSettings(sign_off=self.sign_off),
        )  # fmt: skip

    def repository(
        self, files: Mapping[str, str], name: str = "sums", test_command: str | None = None
    ) -> SampleRepository:
        """Make a repository of these files and register it."""
        made = SampleRepository.create(self.root / "remotes" / name, files)
        target = RepositoryTarget(
            name=name, remote=str(made.path), base_branch="main", reach=Reach.PRIVATE, test_command=test_command
        )
        asyncio.run(self._register(target))
        return made

    async def _register(self, target: RepositoryTarget) -> None:
        store = Database(self.database.app_url, tenant="default")
        async with store.transaction() as connection:
            await Repositories(connection).register(target)
        await store.close()

    async def begin(self, name: str = "sums", manifest_hash: str = "m" * 64) -> StoredSurvey:
        store = Database(self.database.app_url, tenant="default")
        async with store.transaction() as connection:
            begun, _ = await Surveys(connection).begin(
                name, manifest_hash, base_commit="b" * 40, requested_by="somebody"
            )
        await store.close()
        return begun

    async def newest(self, name: str = "sums") -> StoredSurvey:
        store = Database(self.database.app_url, tenant="default")
        async with store.transaction() as connection:
            found = await Surveys(connection).newest(name)
        await store.close()
        assert found is not None
        return found

    async def cancel(self, name: str = "sums") -> bool:
        store = Database(self.database.app_url, tenant="default")
        async with store.transaction() as connection:
            asked = await Surveys(connection).cancel(name)
        await store.close()
        return asked

    async def carried_out(self, survey_id: str) -> int:
        return await carry_out(SurveyOrder(tenant="default", survey_id=survey_id), self.settings(), self.isolation)

    def stored(self, name: str = "sums") -> StoredSurvey:
        """Check a repository, and return what its row says then."""

        async def check() -> StoredSurvey:
            begun = await self.begin(name)
            assert await self.carried_out(begun.id) == 0
            return await self.newest(name)

        return asyncio.run(check())

    def found(self, name: str = "sums") -> RepositorySurvey:
        """Check a repository, and return what was found."""
        stored = self.stored(name)
        assert stored.record is not None, stored.message
        return stored.record


@pytest.fixture
def checks(database: TestDatabase, isolation: Isolation, environments: Path) -> Iterator[Checks]:
    """Environments are kept by the test process; everything else is the test's own."""
    with temporary_directory("changeline-test-checks-") as root:
        (root / "data").mkdir(mode=0o700)
        (root / "data" / "environments").symlink_to(environments)
        yield Checks(database, root, isolation)
