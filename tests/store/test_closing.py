"""Closing a database leaves no connection behind, whatever is under way."""

import asyncio
import gc

from sqlalchemy import text

from pipeline.store.engine import Database
from tests.database import TestDatabase


async def test_a_connection_that_is_in_use_is_closed_when_it_comes_back(database: TestDatabase) -> None:
    await _closed_while_in_use(Database(database.app_url, tenant="default"))
    gc.collect()  # an open connection would be told as a ResourceWarning, which is an error here


async def _closed_while_in_use(store: Database) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def works() -> None:
        async with store.transaction() as connection:
            inside.set()
            await go_on.wait()
            assert await connection.scalar(text("SELECT 1")) == 1

    working = asyncio.create_task(works())
    await inside.wait()
    await store.close()
    go_on.set()
    await working
