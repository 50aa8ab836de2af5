"""LangGraph's saver on our tables: the tenant and the fence travel as start-up options of its connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import make_url

from pipeline.machine.crash_points import Reached, around
from pipeline.store.engine import WorkerIdentity, connect_args
from pipeline.store.errors import FENCED


@asynccontextmanager
async def checkpointer(
    url: str, *, tenant: str, worker: WorkerIdentity, reached: Reached | None = None
) -> AsyncIterator[AsyncPostgresSaver]:
    """Open a saver for one worker. `setup()` is never called: our migrations made its tables."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    kwargs: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    kwargs |= connect_args(tenant, worker, "")
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(conninfo, min_size=1, max_size=4, kwargs=kwargs, open=False)
    async with pool:
        yield AsyncPostgresSaver(pool) if reached is None else _MortalSaver(pool, reached)


def fenced(error: BaseException) -> bool:
    """Whether an error of the saver means that another epoch owns the change request."""
    return isinstance(error, psycopg.Error) and error.sqlstate == FENCED


def away(error: BaseException) -> bool:
    """Whether an error of the saver means that the database did not answer."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def thread_id(cr_id: str, attempt: int, restart: int) -> str:
    """Return the saver's thread of a run; a restart from a stage begins a new one."""
    return f"{cr_id}/{attempt}/{restart}"


class _MortalSaver(AsyncPostgresSaver):
    """Passes the crash points around each checkpoint, which are numbered from the beginning of the run."""

    def __init__(self, pool: "AsyncConnectionPool[Any]", reached: Reached) -> None:
        super().__init__(pool)
        self._reached = reached

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep the checkpoint between its two points."""
        before, after = around("checkpoint", f"{metadata['step'] + 1:02}")
        self._reached(before)
        kept = await super().aput(config, checkpoint, metadata, new_versions)
        self._reached(after)
        return kept
