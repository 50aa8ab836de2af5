"""The bell in PostgreSQL: LISTEN and NOTIFY on one channel.

A bell only wakes; whoever hears it reads rows. So losing a ring costs a poll interval, never a fact.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import psycopg
from sqlalchemy import Insert, Select, func, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import DatabaseAway
from pipeline.store.engine import Database, connect_args

CHANNEL = "changeline"
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


async def ring_at_commit(connection: AsyncConnection, tenant: str, *topics: str) -> None:
    """Wake the listeners of `topics` when this connection's transaction commits, and only then.

    For whoever writes what it rings for: a ring of its own would cost a second commit.
    """
    for topic in topics:
        await connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": f"{tenant}/{topic}"})


def stored_and_rung(row: Insert, tenant: str, topic: str) -> Select[Any]:
    """Make one statement of the insertion of a row with an `id` and of the ring that tells of it at the commit."""
    stored = row.returning(row.table.c.id).cte("stored")
    return select(func.pg_notify(CHANNEL, f"{tenant}/{topic}")).select_from(stored)


class PostgresTenantBell:
    """Implements `pipeline.ports.TenantBell` on the database alone: rings and hears every tenant."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    async def ring(self, tenant: str, topic: str) -> None:
        """Wake everyone who listens to `topic` in a tenant, after this call's own transaction committed."""
        async with self._database.transaction(tenant) as connection:
            await ring_at_commit(connection, tenant, topic)

    async def listen(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (tenant, topic) as they ring; ends when the connection is lost, and the caller listens again."""
        args = connect_args(self._database.tenant, self._database.worker, "bell")
        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **args)  # type: ignore[arg-type]  # libpq keywords
        except psycopg.OperationalError as error:
            raise DatabaseAway("The database did not answer; it will be tried again.") from error
        try:
            with suppress(psycopg.OperationalError):
                await connection.execute(f"LISTEN {CHANNEL}")
                async for notification in connection.notifies():
                    tenant, _, topic = notification.payload.partition("/")
                    yield tenant, topic
        finally:
            # Not `async with`: that rolls back first, and a second cancellation in this wait would leave it open.
            await connection.close()

    async def close(self) -> None:
        """Nothing is held: ringing borrows from the database's pool."""


class PostgresBell:
    """Implements `pipeline.ports.Bell` for the tenant of a `Database`."""

    def __init__(self, database: Database, url: str) -> None:
        self._bell = PostgresTenantBell(database, url)
        self._tenant = database.tenant

    async def ring(self, topic: str) -> None:
        """Wake everyone who listens to `topic` in this tenant."""
        await self._bell.ring(self._tenant, topic)

    async def listen(self) -> AsyncIterator[str]:
        """Yield topics of this tenant as they ring; ends when the connection is lost, and the caller listens again."""
        async for tenant, topic in self._bell.listen():
            if tenant == self._tenant:
                yield topic
