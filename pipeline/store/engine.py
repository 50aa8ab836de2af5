"""The door to PostgreSQL: one driver (psycopg 3), one engine per process, the tenant set where the connection needs it.

Problem: row-level security is only as good as the setting it compares with. A `SET` leaks to the pool's next user, and
`SET LOCAL` does nothing outside a transaction. Choice: the controller sets the tenant inside each transaction; a worker,
which serves one change request, sets tenant, change request and epoch as start-up options of every connection, where the
fence trigger reads them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from pipeline.store.errors import translated
from pipeline.store.storable import keep_texts_storable, storable_json


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdentity:
    """Whose writes these are: what the fence trigger compares with the lease."""

    cr_id: str
    epoch: int

    @property
    def application_name(self) -> str:
        """The back end's name, by which a takeover finds and terminates a frozen predecessor."""
        return f"worker:{self.cr_id}:{self.epoch}"


class Database:
    """Short transactions for one process. Not bound to a request; open one transaction per unit of work.

    `pool_max` bounds the connections; a worker may have as many again for single statements.
    """

    def __init__(
        self,
        url: str,
        *,
        tenant: str,
        pool_max: int = 10,
        worker: WorkerIdentity | None = None,
        name: str = "controller",
    ) -> None:
        self.tenant = tenant
        self.worker = worker
        address = make_url(url).set(drivername="postgresql+psycopg")
        given = {
            "pool_size": pool_max,
            "max_overflow": 0,
            "connect_args": connect_args(tenant, worker, name),
            "json_serializer": storable_json,
        }
        self.engine: AsyncEngine = create_async_engine(address, pool_pre_ping=worker is None, **given)
        keep_texts_storable(self.engine)
        self._single = self.engine
        if worker is not None:
            # Connections of their own: one that serves both ways is switched to and fro at every use.
            self._single = create_async_engine(
                address, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, skip_autocommit_rollback=True, **given
            )
            keep_texts_storable(self._single)
        self._closed = False
        for engine in {self.engine, self._single}:
            event.listen(engine.sync_engine, "checkin", self._returned)

    @asynccontextmanager
    async def transaction(self, tenant: str | None = None) -> AsyncIterator[AsyncConnection]:
        """Open a transaction bound to a tenant (this process's own by default); commits at the end, rolls back on error."""
        identity = self.worker
        with translated(identity.cr_id if identity else "", identity.epoch if identity else 0):
            async with self.engine.begin() as connection:
                if identity is None:
                    setting = text("SELECT set_config('changeline.tenant', :tenant, true)")
                    await connection.execute(setting, {"tenant": tenant or self.tenant})
                yield connection

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncConnection]:
        """Let every statement commit by itself: one round trip where a transaction takes three.

        Only for a worker, whose connections know their tenant; anybody else gets a transaction.
        """
        if self.worker is None:
            async with self.transaction() as connection:
                yield connection
            return
        with translated(self.worker.cr_id, self.worker.epoch):
            async with self._single.connect() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection; one that is in use now is closed when it comes back."""
        self._closed = True
        await self.engine.dispose()
        if self._single is not self.engine:
            await self._single.dispose()

    def _returned(self, _connection: object, entry: ConnectionPoolEntry) -> None:
        # A disposed pool takes a connection back and never closes it.
        if self._closed:
            entry.close()


def connect_args(tenant: str, worker: WorkerIdentity | None, name: str) -> dict[str, str]:
    """Build libpq start-up parameters; shared with LangGraph's saver so that its writes are fenced too."""
    if worker is None:
        return {"application_name": name}
    options = f"-c changeline.tenant={tenant} -c changeline.cr={worker.cr_id} -c changeline.epoch={worker.epoch}"
    return {"application_name": worker.application_name, "options": options}
