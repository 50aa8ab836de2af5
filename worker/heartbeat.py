"""Renews the lease from a thread of its own, and ends the process before the lease does.

Problem: an event loop that is busy or stuck would let its lease expire while its tools still run. Choice: a thread with
its own connection beats; when it could not renew until shortly before expiry, by the monotonic clock, or when another
epoch holds the lease, it ends the process at once. Tool processes die with it (they are bound to the starting thread).
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from pipeline.errors import ChangelineError
from pipeline.settings.process import LeaseSettings
from pipeline.store.engine import Database, WorkerIdentity
from pipeline.store.leases import Leases

LEASE_LOST_EXIT = 75
MARGIN = 0.8
"""The part of the lease after which a worker that could not renew gives up."""


class Heartbeat:
    """Runs from `start` to `stop`. `activity` is asked before each beat for the one line people see."""

    def __init__(
        self, url: str, *, tenant: str, identity: WorkerIdentity, settings: LeaseSettings, activity: Callable[[], str]
    ) -> None:
        self._url = url
        self._tenant = tenant
        self._identity = identity
        self._settings = settings
        self._activity = activity
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Stop beating and wait for the beat under way."""
        self._ended.set()
        self._thread.join(timeout=self._settings.beat_s + 5)

    def _run(self) -> None:
        asyncio.run(self._beat())

    async def _beat(self) -> None:
        database = Database(self._url, tenant=self._tenant, pool_max=1, worker=self._identity)
        last = renewed = time.monotonic()
        try:
            while not await asyncio.to_thread(self._ended.wait, self._settings.beat_s):
                now = time.monotonic()
                if await self._renew(database, worked_s=now - last):
                    last = renewed = now
                elif now - renewed > self._settings.lost_after_s * MARGIN:
                    self._give_up("the lease could not be renewed in time")
            await self._count(database, worked_s=time.monotonic() - last)
        finally:
            await database.close()

    async def _renew(self, database: Database, *, worked_s: float) -> bool:
        lost_after = timedelta(seconds=self._settings.lost_after_s)
        try:
            async with asyncio.timeout(self._settings.beat_s + 5), database.transaction() as connection:
                held = await Leases(connection).beat(
                    self._identity.cr_id,
                    self._identity.epoch,
                    lost_after=lost_after,
                    worked_s=worked_s,
                    activity=self._activity(),
                )
        except (ChangelineError, TimeoutError) as problem:
            structlog.get_logger().warning("heartbeat_missed", problem=str(problem))
            return False
        if not held:
            self._give_up("another epoch holds the lease")
        return True

    async def _count(self, database: Database, *, worked_s: float) -> None:
        """Add what was worked since the last beat; the lease itself is given back already."""
        try:
            async with asyncio.timeout(self._settings.beat_s + 5), database.transaction() as connection:
                await Leases(connection).worked(self._identity.cr_id, self._identity.epoch, worked_s=worked_s)
        except (ChangelineError, TimeoutError) as problem:
            structlog.get_logger().warning("working_time_not_counted", problem=str(problem))

    def _give_up(self, why: str) -> None:
        structlog.get_logger().error("lease_lost", why=why, cr_id=self._identity.cr_id, epoch=self._identity.epoch)
        os._exit(LEASE_LOST_EXIT)
