"""Reports and notifications: what follows from events becomes effects, and effects become signed deliveries.

Choice: one reader per tenant goes through the events in their public order and stores what follows in the transaction that
moves its cursor, so each thing is told once, whoever dies. Reports of one change request share a lane and arrive in order.
Where a delivery goes is looked up when it is sent: addresses and names of secrets are in no effect, and a corrected
address serves the dead letters of the old one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controller.background.bells import BellHub
from pipeline.effects import notifications
from pipeline.errors import Conflict
from pipeline.ports import Delivery, Webhooks
from pipeline.records import Effect, StoredEvent
from pipeline.settings.runtime import NotificationSettings
from pipeline.store.announcements import Announcements
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects, effect_id
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.principals import tenant_ids
from pipeline.store.settings import SettingsVersions

PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What announcing works with: the aggregates of one transaction and what its tenant wants to hear."""

    requests: ChangeRequests
    effects: Effects
    wanted: NotificationSettings


class Announcer:
    """Turns events into reports and notifications; `tick` is called on the bell `events` and at an interval."""

    def __init__(self, *, database: Database, bells: BellHub) -> None:
        self._database = database
        self._bells = bells

    async def tick(self) -> None:
        """Announce what is new in every tenant."""
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        for tenant in tenants:
            async with self._database.transaction(tenant) as connection:
                await Events(connection).number()
            while await self._some(tenant):
                await self._bells.ring(tenant, "effects")

    async def _some(self, tenant: str) -> int:
        """Announce one page; returns how many effects followed."""
        intended = 0
        async with self._database.transaction(tenant) as connection:
            cursor, log = Announcements(connection), Events(connection)
            after = await cursor.take()
            if after is None:
                return 0
            last = await log.last_number()
            found = await log.read(after=after, types=notifications.EVENT_TYPES, limit=PAGE)
            desk = _Desk(
                requests=ChangeRequests(connection), effects=Effects(connection),
                wanted=await _read_settings(SettingsVersions(connection)),
            )  # fmt: skip
            for event in found:
                intended += await _report(desk, event)
                intended += await _notify(desk, event)
            reached = found[-1].seq if len(found) == PAGE else max(last, found[-1].seq if found else 0)
            if reached != after:
                await cursor.advance(reached)
        return intended


class DeliverReport:
    """Effect `report`: the source of a change request is told of a checkpoint."""

    def __init__(self, database: Database, webhooks: Webhooks, *, secret: str) -> None:
        self._database = database
        self._webhooks = webhooks
        self._secret = secret

    async def execute(self, effect: Effect) -> Mapping[str, Any]:
        """Deliver once from the receiver's view: each try carries the same key."""
        async with self._database.transaction(effect.tenant_id) as connection:
            url = (await ChangeRequests(connection).get(effect.cr_id)).report_url
        if url is None:
            raise Conflict("This change request has no address for reports any more.")
        return await _deliver(self._webhooks, effect, url, self._secret)


class DeliverNotification:
    """Effect `notification`: the tenant's webhook is told that somebody is needed."""

    def __init__(self, database: Database, webhooks: Webhooks) -> None:
        self._database = database
        self._webhooks = webhooks

    async def execute(self, effect: Effect) -> Mapping[str, Any]:
        """Deliver to the address that holds now."""
        async with self._database.transaction(effect.tenant_id) as connection:
            wanted = await _read_settings(SettingsVersions(connection))
        if wanted.url is None:
            raise Conflict("The settings `notifications` name no address any more.")
        return await _deliver(self._webhooks, effect, wanted.url, wanted.secret)


async def _deliver(webhooks: Webhooks, effect: Effect, url: str, secret: str) -> Mapping[str, Any]:
    body = str(effect.payload["body"]).encode()
    answer = await webhooks.deliver(Delivery(id=effect.id, url=url, secret=secret, body=body))
    return {"status": answer.status}


async def _read_settings(versions: SettingsVersions) -> NotificationSettings:
    stored = (await versions.current("notifications")).value
    known = {name: value for name, value in stored.items() if name in NotificationSettings.model_fields}
    return NotificationSettings.model_validate(known)


async def _report(desk: _Desk, event: StoredEvent) -> int:
    if event.type != "status_changed":
        return 0
    cr = await desk.requests.get(event.cr_id)
    if cr.report_url is None:
        return 0
    before = await desk.effects.newest(cr.id, notifications.REPORT)
    checkpoint = notifications.checkpoint(event, str(before.payload["checkpoint"]) if before else None)
    if checkpoint is None:
        return 0
    key = f"{notifications.REPORT}/{cr.id}/{event.seq}"
    text = notifications.body(notifications.report(checkpoint, event), cr, event, effect_id(key))
    payload = {"checkpoint": checkpoint.value, "body": text}
    await desk.effects.intend(
        key=key, cr_id=cr.id, repository=None, kind=notifications.REPORT, payload=payload, lane=f"report/{cr.id}"
    )
    return 1


async def _notify(desk: _Desk, event: StoredEvent) -> int:
    told = notifications.need(event) if desk.wanted.url is not None else None
    if told is None or told.need not in desk.wanted.events:
        return 0
    cr = await desk.requests.get(event.cr_id)
    key = f"{notifications.NOTIFICATION}/{cr.id}/{event.seq}"
    payload = {"need": told.need.value, "body": notifications.body(told, cr, event, effect_id(key))}
    await desk.effects.intend(key=key, cr_id=cr.id, repository=None, kind=notifications.NOTIFICATION, payload=payload)
    return 1
