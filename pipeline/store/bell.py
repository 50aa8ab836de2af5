"""The bell in PostgreSQL: LISTEN and NOTIFY on one channel.

A bell only wakes; whoever hears it reads rows. So losing a ring costs a poll interval, never a fact.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
from sqlalchemy import make_url, text

from pipeline.store.engine import Database, connect_args

CHANNEL = "changeline"


class PostgresBell:
    """Implements `pipeline.ports.Bell` on the database alone."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    async def ring(self, topic: str) -> None:
        """Wake everyone who listens to `topic` in this tenant, after this call's own transaction committed."""
        async with self._database.transaction() as connection:
            payload = f"{self._database.tenant}/{topic}"
            await connection.execute(
                text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload}
            )

    async def listen(self) -> AsyncIterator[str]:
        """Yield topics of this tenant as they ring; ends when the connection is lost, and the caller listens again."""
        args = connect_args(self._database.tenant, self._database.worker, "bell")
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **args)  # type: ignore[arg-type]  # libpq keywords
        with suppress(psycopg.OperationalError):
            async with connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                async for notification in connection.notifies():
                    tenant, _, topic = notification.payload.partition("/")
                    if tenant == self._database.tenant:
                        yield topic
