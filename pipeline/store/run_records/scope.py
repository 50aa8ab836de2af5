"""The run that records belong to, and how its events are announced.

Problem: every subject needs the same three facts and the same way to the database. Choice: one frozen base that each
subject extends; what is one statement commits by itself, in one round trip instead of three. Invariant: an event rings only
with the commit of what stored it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.events import Event
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.work import Work


@dataclass(frozen=True, slots=True)
class OfRun:
    """One attempt of one change request."""

    database: Database
    cr_id: str
    attempt: int

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """Give what stages produce, in one transaction."""
        async with self.database.transaction() as connection:
            yield Work(connection, cr_id=self.cr_id, attempt=self.attempt)

    @asynccontextmanager
    async def single(self) -> AsyncIterator[Work]:
        """Give what stages produce, where one statement is all there is to do."""
        async with self.database.statements() as connection:
            yield Work(connection, cr_id=self.cr_id, attempt=self.attempt)

    async def emit(self, event: Event) -> None:
        """Append an event by itself; its commit rings."""
        async with self.database.statements() as connection:
            await self.announce(connection, event)

    async def announce(self, connection: AsyncConnection, event: Event) -> None:
        """Append an event; the commit of the transaction, if there is one, rings."""
        await Events(connection).append(self.cr_id, event, ringing=self.database.tenant)
