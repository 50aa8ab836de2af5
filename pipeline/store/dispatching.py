"""Dispatch over all tenants in one transaction, one dispatcher at a time.

Problem: a global limit that two controllers count at the same moment is exceeded by both, and a turn that each keeps in
its memory favours whoever comes first after every restart. Choice: a transaction-wide advisory lock around counting and
claiming; the tenant that was served longest ago comes first, by a number kept with the tenant. Within the lock the tenant
setting moves from tenant to tenant, so row-level security holds for each step. The lock is held for milliseconds, and
launching happens after it.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline import events
from pipeline.change_request import HeldBy, Move, Status
from pipeline.settings.runtime import DispatchSettings
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.events import Events
from pipeline.store.leases import Leases
from pipeline.store.principals import tenant_ids
from pipeline.store.settings import SettingsVersions

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('changeline.dispatch'))")
_TENANT = text("SELECT set_config('changeline.tenant', :tenant, true)")
_IN_TURN = text("SELECT id FROM tenants ORDER BY turn, id")
_SERVED = text("UPDATE tenants SET turn = (SELECT max(turn) FROM tenants) + 1 WHERE id = :tenant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """A change request that now runs under a fresh epoch and waits for its worker."""

    tenant: str
    cr_id: str
    attempt: int
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many change requests may run at the same time, unless runtime settings say otherwise.

    A tenant's own `dispatch.workers_max` replaces `tenant_workers_max`, and `dispatch.all_workers_max` of the tenant `set_by`
    replaces `workers_max`, for every controller at once.
    """

    workers_max: int
    tenant_workers_max: int
    set_by: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How a tenant's queue stands: what holds it, and the numbers of the limit that does."""

    held_by: HeldBy
    running: int
    limit: int


async def dispatch_next(
    connection: AsyncConnection, *, owner: str, limit: Limit, lost_after: timedelta
) -> Dispatched | None:
    """Move the next change request of the tenant in turn to running and take its lease; None when nothing may run.

    Tenants are asked in the order in which they were last served, so that none waits behind another's queue.
    """
    await connection.execute(_LOCK)
    in_turn = list((await connection.execute(_IN_TURN)).scalars())
    running = {tenant: await _running(connection, tenant) for tenant in in_turn}
    if sum(running.values()) >= await _limit_of_all(connection, limit):
        return None
    for tenant in in_turn:
        await connection.execute(_TENANT, {"tenant": tenant})
        if running[tenant] >= await _limit_of(connection, limit):
            continue
        for cr_id in await ChangeRequests(connection).claim_queued(1):
            await connection.execute(_SERVED, {"tenant": tenant})
            return await _start(connection, tenant, cr_id, owner, lost_after)
    return None


async def queue_of(connection: AsyncConnection, tenant: str, limit: Limit) -> Queue:
    """Say what a tenant's queue waits for now. Leaves the transaction bound to that tenant."""
    running = {one: await _running(connection, one) for one in await tenant_ids(connection)}
    all_max = await _limit_of_all(connection, limit)
    await connection.execute(_TENANT, {"tenant": tenant})
    own, total, own_max = running.get(tenant, 0), sum(running.values()), await _limit_of(connection, limit)
    if own >= own_max:
        return Queue(held_by=HeldBy.TENANT_LIMIT, running=own, limit=own_max)
    held_by = HeldBy.GLOBAL_LIMIT if total >= all_max else HeldBy.TURN
    return Queue(held_by=held_by, running=total, limit=all_max)


async def _limit_of_all(connection: AsyncConnection, limit: Limit) -> int:
    await connection.execute(_TENANT, {"tenant": limit.set_by})
    return (await _settings(connection)).all_workers_max or limit.workers_max


async def _limit_of(connection: AsyncConnection, limit: Limit) -> int:
    return (await _settings(connection)).workers_max or limit.tenant_workers_max


async def _settings(connection: AsyncConnection) -> DispatchSettings:
    """Return what the tenant of this moment has stored."""
    stored = (await SettingsVersions(connection).current("dispatch")).value
    return DispatchSettings.model_validate(
        {name: stored[name] for name in DispatchSettings.model_fields if name in stored}
    )


async def _running(connection: AsyncConnection, tenant: str) -> int:
    await connection.execute(_TENANT, {"tenant": tenant})
    return await ChangeRequests(connection).count(Status.RUNNING)


async def _start(connection: AsyncConnection, tenant: str, cr_id: str, owner: str, lost_after: timedelta) -> Dispatched:
    requests = ChangeRequests(connection)
    await requests.move(cr_id, Move.DISPATCH)
    epoch = await Leases(connection).take(cr_id, owner, lost_after=lost_after)
    await Events(connection).append(cr_id, events.StatusChanged(status=Status.RUNNING))
    return Dispatched(tenant=tenant, cr_id=cr_id, attempt=(await requests.get(cr_id)).attempt, epoch=epoch)
