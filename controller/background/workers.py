"""Dispatch, and what happens when a worker is gone: seen by the launcher at once, or by the reaper after its lease ran out."""

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psutil
import structlog

from controller.background.bells import BellHub
from controller.metrics import Metrics
from controller.wiring import Launcher, NotLaunched
from pipeline.change_request import Status
from pipeline.errors import NotFound, TransientError
from pipeline.records import ExpiredLease
from pipeline.settings.process import ProcessSettings
from pipeline.store.dispatching import Dispatched, Limit, dispatch_next
from pipeline.store.engine import Database
from pipeline.store.leases import Leases
from pipeline.store.principals import tenant_ids
from pipeline.store.worker_deaths import outlived, worker_died
from pipeline.worker_loss import LossKind, WorkerLoss

SILENT = WorkerLoss(kind=LossKind.SILENT, cause="the worker fell silent")
WATCHED_BY_NOBODY = WorkerLoss(kind=LossKind.CONTROLLER_LOST, cause="its controller was restarted")

_log = structlog.get_logger(__name__)


def limit_of(settings: ProcessSettings) -> Limit:
    """Return how many change requests this controller lets run at the same time, where no runtime setting says otherwise."""
    door = settings.controller
    return Limit(workers_max=door.workers_max, tenant_workers_max=door.tenant_workers_max, set_by=settings.tenant)


class Workers:
    """Starts workers for queued change requests and replaces those that died. Safe beside other controllers."""

    def __init__(
        self,
        *,
        database: Database,
        bells: BellHub,
        launcher: Launcher,
        settings: ProcessSettings,
        metrics: Metrics,
        owner: str,
        alone: bool,
        on_ready: Callable[[], None],
    ) -> None:
        self._database = database
        self._bells = bells
        self._launcher = launcher
        self._metrics = metrics
        self._owner = owner
        self._alone = alone
        self._on_ready = on_ready
        self._unrecorded: list[tuple[Dispatched, WorkerLoss]] = []
        self._lost_after = timedelta(seconds=settings.lease.lost_after_s)
        self._deaths_max = settings.lease.deaths_max
        self._limit = limit_of(settings)

    async def dispatch(self) -> None:
        """Start as many queued change requests as the limits allow; waits while workers cannot be launched."""
        while self._launcher.ready:
            async with self._database.transaction() as connection:
                order = await dispatch_next(
                    connection, owner=self._owner, limit=self._limit, lost_after=self._lost_after
                )
            if order is None:
                return
            self._metrics.dispatched.inc()
            await self._bells.ring(order.tenant, "events")
            try:
                await self._launcher.launch(order)
            except NotLaunched as failed:
                loss = replace(failed.loss, cause=f"it could not be launched: {failed.loss.cause}")
                await self._lost(order.tenant, order.cr_id, order.epoch, loss)

    async def reap(self) -> None:
        """Requeue change requests whose holder fell silent; on the first look also those of a dead predecessor."""
        while self._unrecorded:
            order, loss = self._unrecorded[0]
            await self._lost(order.tenant, order.cr_id, order.epoch, loss)
            del self._unrecorded[0]
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        for tenant in tenants:
            for lease in await self._silent(tenant):
                await self._launcher.stop(lease.cr_id, lease.epoch)
                await self._lost(tenant, lease.cr_id, lease.epoch, SILENT)
            if self._alone:
                for lease in await self._orphans(tenant):
                    await self._lost(tenant, lease.cr_id, lease.epoch, WATCHED_BY_NOBODY)
        self._alone = False

    def launcher_ready(self) -> None:
        """See `LaunchObserver.launcher_ready`."""
        self._on_ready()

    async def worker_lost(self, order: Dispatched, loss: WorkerLoss) -> None:
        """See `LaunchObserver.worker_lost`: a worker that left its change request running is replaced at once."""
        try:
            await self._lost(order.tenant, order.cr_id, order.epoch, loss)
        except TransientError as away:
            # What took the database away often took the worker with it; nobody should wait for its lease to run out.
            self._unrecorded.append((order, loss))
            _log.warning("worker_exit_left_to_the_reaper", cr_id=order.cr_id, cause=away.message)
        await self._bells.ring(order.tenant, "queue")

    async def _silent(self, tenant: str) -> list[ExpiredLease]:
        async with self._database.transaction(tenant) as connection:
            return await Leases(connection).expired()

    async def _orphans(self, tenant: str) -> list[ExpiredLease]:
        async with self._database.transaction(tenant) as connection:
            held = [lease for lease in await Leases(connection).held() if lease.owner != self._owner]
        return [lease for lease in held if not is_alive(lease.owner)]

    async def _lost(self, tenant: str, cr_id: str, epoch: int, loss: WorkerLoss) -> None:
        try:
            async with self._database.transaction(tenant) as connection:
                status = await worker_died(connection, cr_id, epoch, loss, deaths_max=self._deaths_max)
                left = 0 if status is not None else await outlived(connection, cr_id, epoch)
        except NotFound:
            return
        if left:
            _log.info("snapshots_deleted_again", cr_id=cr_id, epoch=epoch)
            await self._bells.ring(tenant, "effects")
        if status is None:
            return
        self._metrics.workers_lost.inc()
        _log.warning("worker_lost", cr_id=cr_id, epoch=epoch, kind=loss.kind, cause=loss.cause, status=status.value)
        await self._bells.ring(tenant, "events", *(["queue"] if status is Status.QUEUED else []))


def owner_name(process_id: str) -> str:
    """Return the name under which this process owns leases: where it runs, so that its death can be told."""
    return f"{socket.gethostname()}:{os.getpid()}:{process_id}"


def is_alive(owner: str) -> bool:
    """Whether an owner is another process of this machine that still runs; "alone" must not steal from a sibling."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit() or int(pid) == os.getpid():
        return False
    return psutil.pid_exists(int(pid))
