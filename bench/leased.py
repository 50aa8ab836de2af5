"""A change request under lease, for figures that need a worker's connections without a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bench import sample
from bench.installation import Installation
from pipeline.change_request import Move, RepositoryTarget
from pipeline.identifiers import new_id
from pipeline.records import NewChangeRequest
from pipeline.settings.runtime import RuntimeSettings
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.leases import Leases

_LOST_AFTER = timedelta(hours=1)
POOL_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """The fenced database of one worker, and who that worker is."""

    url: str
    tenant: str
    identity: WorkerIdentity
    database: Database


@asynccontextmanager
async def leased(installation: Installation) -> AsyncIterator[Leased]:
    """Store a change request, take its lease, and open the database as its worker."""
    url, tenant = installation.servers.app_url, installation.settings.tenant
    target = RepositoryTarget(name="bench", remote="/nowhere", base_branch="main")
    new = NewChangeRequest(
        id=new_id("cr"), title=sample.TITLE, body=sample.BODY, created_by="bench", repositories=(target,),
        settings_snapshot=RuntimeSettings().snapshot(),
    )  # fmt: skip
    door = Database(url, tenant=tenant, pool_max=1)
    async with door.transaction() as connection:
        await ChangeRequests(connection).create(new)
        await ChangeRequests(connection).move(new.id, Move.DISPATCH)
        epoch = await Leases(connection).take(new.id, "bench", lost_after=_LOST_AFTER)
    identity = WorkerIdentity(cr_id=new.id, epoch=epoch)
    database = Database(url, tenant=tenant, pool_max=POOL_MAX, worker=identity)
    try:
        yield Leased(url=url, tenant=tenant, identity=identity, database=database)
    finally:
        await database.close()
        # One that stayed running would take a worker's place from what is measured later.
        async with door.transaction() as connection:
            await Leases(connection).release(new.id, epoch)
            await ChangeRequests(connection).move(new.id, Move.CANCEL, message="It was measured.")
        await door.close()
