"""Whether the database has this version's schema: compared in full once, then by its revision alone."""

import asyncio

from pipeline.store import migrations
from pipeline.store.engine import Database
from pipeline.store.schema_version import schema_version

OK = "ok"


class SchemaCheck:
    """Remembers the revision that was found to be right, because reading all migrations for every probe is slow."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url
        self._right: str | None = None

    async def state(self) -> str:
        """Return `ok` or what is wrong; raises `TransientError` when the database is away."""
        if self._right is not None:
            async with self._database.transaction() as connection:
                if await schema_version(connection) == self._right:
                    return OK
        found = await asyncio.to_thread(migrations.schema_state, self._url)
        if not found.up_to_date:
            return "its schema is newer than this version" if found.ahead else "its schema is not migrated"
        self._right = found.current
        return OK
