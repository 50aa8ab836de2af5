"""Dispatch over all tenants in one transaction, one dispatcher at a time.

Problem: a global limit that two controllers count at the same moment is exceeded by both. Choice: a transaction-wide
advisory lock around counting and claiming; within it the tenant setting moves from tenant to tenant, so row-level
security holds for each step. The lock is held for milliseconds, and launching happens after it.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline import events
from pipeline.change_request import Move, Status
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.events import Events
from pipeline.store.leases import Leases
from pipeline.store.principals import tenant_ids

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('changeline.dispatch'))")
_TENANT = text("SELECT set_config('changeline.tenant', :tenant, true)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """A change request that now runs under a fresh epoch and waits for its worker."""

    tenant: str
    cr_id: str
    attempt: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many change requests may run at the same time."""

    workers_max: int
    tenant_workers_max: int


async def dispatch_next(
    connection: AsyncConnection, *, owner: str, limit: Limit, lost_after: timedelta, after_tenant: str = ""
) -> Dispatched | None:
    """Move the longest-queued change request of the next tenant to running and take its lease; None when nothing may run.

    Tenants are asked in turn, beginning with the one after `after_tenant`, so that none waits behind another's queue.
    """
    await connection.execute(_LOCK)
    tenants = await tenant_ids(connection)
    running = {tenant: await _running(connection, tenant) for tenant in tenants}
    if sum(running.values()) >= limit.workers_max:
        return None
    in_turn = [name for name in tenants if name > after_tenant] + [name for name in tenants if name <= after_tenant]
    for tenant in in_turn:
        if running[tenant] >= limit.tenant_workers_max:
            continue
        await connection.execute(_TENANT, {"tenant": tenant})
        for cr_id in await ChangeRequests(connection).claim_queued(1):
            return await _start(connection, tenant, cr_id, owner, lost_after)
    return None


async def _running(connection: AsyncConnection, tenant: str) -> int:
    await connection.execute(_TENANT, {"tenant": tenant})
    return await ChangeRequests(connection).count(Status.RUNNING)


async def _start(connection: AsyncConnection, tenant: str, cr_id: str, owner: str, lost_after: timedelta) -> Dispatched:
    requests = ChangeRequests(connection)
    await requests.move(cr_id, Move.DISPATCH)
    epoch = await Leases(connection).take(cr_id, owner, lost_after=lost_after)
    await Events(connection).append(cr_id, events.StatusChanged(status=Status.RUNNING))
    return Dispatched(tenant=tenant, cr_id=cr_id, attempt=(await requests.get(cr_id)).attempt, epoch=epoch)
