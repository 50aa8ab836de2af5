"""Reports and notifications: what follows from events becomes effects, and effects become signed deliveries.

Choice: one reader per tenant goes through the events in their public order and stores what follows in the transaction that
moves its cursor, so each thing is told once, whoever dies. Reports of one change request share a lane and arrive in order.
Where a delivery goes is looked up when it is sent: addresses and names of secrets are in no effect, and a corrected
address serves the dead letters of the old one.
"""

from dataclasses import dataclass

import structlog

from controller.background.bells import BellHub
from pipeline.effects import notifications
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Delivered, EffectKind, Notification, Report
from pipeline.errors import Conflict
from pipeline.events import Event, StatusChanged
from pipeline.ports import Notifier, Tracker
from pipeline.ports.telling import Message, Receiver
from pipeline.records import StoredEvent
from pipeline.settings.runtime import NotificationSettings
from pipeline.store.announcements import Announcements
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects, effect_id
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.principals import tenant_ids
from pipeline.store.settings import SettingsVersions

PAGE = 200

_log = structlog.get_logger(__name__)


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
            for stored in found:
                event = stored.event
                if event is None:
                    _log.warning("event_cannot_be_announced", type=stored.type, seq=stored.seq)
                    continue
                intended += await _report(desk, stored, event)
                intended += await _notify(desk, stored, event)
            reached = found[-1].seq if len(found) == PAGE else max(last, found[-1].seq if found else 0)
            if reached != after:
                await cursor.advance(reached)
        return intended


class DeliverReport:
    """Effect `report`: the source of a change request is told of a checkpoint."""

    def __init__(self, database: Database, tracker: Tracker, *, secret: str) -> None:
        self._database = database
        self._tracker = tracker
        self._secret = secret

    async def execute(self, effect: Effect) -> Delivered:
        """Deliver once from the receiver's view: each try carries the same key."""
        async with self._database.transaction(effect.tenant_id) as connection:
            url = (await ChangeRequests(connection).get(effect.cr_id)).report_url
        if url is None:
            raise Conflict("This change request has no address for reports any more.")
        message = Message(id=effect.id, body=effect.needs(Report).body.encode())
        answer = await self._tracker.report(message, Receiver(address=url, secret=self._secret))
        return Delivered(status=answer.status)


class DeliverNotification:
    """Effect `notification`: the tenant is told that somebody is needed."""

    def __init__(self, database: Database, notifier: Notifier) -> None:
        self._database = database
        self._notifier = notifier

    async def execute(self, effect: Effect) -> Delivered:
        """Deliver to the address that holds now."""
        async with self._database.transaction(effect.tenant_id) as connection:
            wanted = await _read_settings(SettingsVersions(connection))
        if wanted.url is None:
            raise Conflict("The settings `notifications` name no address any more.")
        message = Message(id=effect.id, body=effect.needs(Notification).body.encode())
        answer = await self._notifier.send(message, Receiver(address=wanted.url, secret=wanted.secret))
        return Delivered(status=answer.status)


async def _read_settings(versions: SettingsVersions) -> NotificationSettings:
    stored = (await versions.current("notifications")).value
    known = {name: value for name, value in stored.items() if name in NotificationSettings.model_fields}
    return NotificationSettings.model_validate(known)


async def _report(desk: _Desk, stored: StoredEvent, event: Event) -> int:
    if not isinstance(event, StatusChanged):
        return 0
    cr = await desk.requests.get(stored.cr_id)
    if cr.report_url is None:
        return 0
    before = await desk.effects.newest(cr.id, EffectKind.REPORT)
    checkpoint = notifications.checkpoint(event, before.needs(Report).checkpoint if before else None)
    if checkpoint is None:
        return 0
    key = f"{EffectKind.REPORT}/{cr.id}/{stored.seq}"
    text = notifications.body(notifications.report(checkpoint, event), cr, stored, effect_id(key))
    payload = Report(checkpoint=checkpoint, body=text)
    await desk.effects.intend(key=key, cr_id=cr.id, repository=None, payload=payload, lane=f"report/{cr.id}")
    return 1


async def _notify(desk: _Desk, stored: StoredEvent, event: Event) -> int:
    told = notifications.need(event) if desk.wanted.url is not None else None
    if told is None or told.need is None or told.need not in desk.wanted.events:
        return 0
    cr = await desk.requests.get(stored.cr_id)
    key = f"{EffectKind.NOTIFICATION}/{cr.id}/{stored.seq}"
    payload = Notification(need=told.need, body=notifications.body(told, cr, stored, effect_id(key)))
    await desk.effects.intend(key=key, cr_id=cr.id, repository=None, payload=payload)
    return 1
