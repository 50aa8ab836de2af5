"""A tenant's store on a fresh database, with one change request."""

from collections.abc import AsyncIterator

import pytest

from pipeline.change_request import RepositoryTarget
from pipeline.records import NewChangeRequest
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from tests.database import TestDatabase

TARGET = RepositoryTarget(name="sample", remote="/tmp/sample", base_branch="main")


@pytest.fixture
async def store(database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database(database.app_url, tenant="default")
    yield opened
    await opened.close()


@pytest.fixture
async def cr(store: Database) -> str:
    new = NewChangeRequest(
        id="cr-1", title="t", body="b", created_by="me", repositories=(TARGET,), settings_snapshot={}
    )
    async with store.transaction() as connection:
        await ChangeRequests(connection).create(new)
    return new.id
