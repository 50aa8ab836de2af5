"""Text that streams, over NOTIFY, for installations without a Redis. A notification is bounded and stored nowhere."""

from collections.abc import AsyncGenerator
from contextlib import suppress

import psycopg
from sqlalchemy import make_url, text

from pipeline.errors import TransientError
from pipeline.store.engine import Database, connect_args

CHANNEL = "changeline_deltas"
_NOTIFY = text("SELECT pg_notify(:channel, :payload)")


class PostgresDeltas:
    """Implements `pipeline.ports.Deltas` for the tenant of a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, body: bytes) -> None:
        """Notify, by a statement of its own."""
        payload = f"{self._database.tenant}/{body.decode()}"
        async with self._database.statements() as connection:
            await connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})

    async def close(self) -> None:
        """Nothing is held: sending borrows from the database's pool."""


class PostgresTenantDeltas:
    """Implements `pipeline.ports.TenantDeltas`."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    async def listen(self) -> AsyncGenerator[tuple[str, bytes] | None]:
        """See the port."""
        args = connect_args(self._database.tenant, self._database.worker, "deltas")
        try:
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **args)  # type: ignore[arg-type]  # libpq keywords
        except psycopg.OperationalError as error:
            raise TransientError("The database did not answer; it will be tried again.") from error
        try:
            with suppress(psycopg.OperationalError):
                await connection.execute(f"LISTEN {CHANNEL}")
                yield None
                async for notification in connection.notifies():
                    tenant, _, body = notification.payload.partition("/")
                    yield tenant, body.encode()
        finally:
            # Not `async with`: that rolls back first, and a second cancellation in this wait would leave it open.
            await connection.close()
