"""Timers: due-time rows that become events, fired once in the transaction of what they do."""

from datetime import timedelta

from controller.background.bells import BellHub
from pipeline import events
from pipeline.errors import NotFound
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.principals import tenant_ids
from pipeline.store.timers import GATE_REMINDER, Timer, Timers


class TimerLoop:
    """Fires what is due in all tenants and reminds of gates that wait for long."""

    def __init__(self, *, database: Database, bells: BellHub, gate_reminder: timedelta) -> None:
        self._database = database
        self._bells = bells
        self._gate_reminder = gate_reminder

    async def tick(self) -> None:
        """Set reminders for open gates, then fire due timers."""
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        for tenant in tenants:
            if await self._fire(tenant):
                await self._bells.ring(tenant, "events")

    async def _fire(self, tenant: str) -> int:
        async with self._database.transaction(tenant) as connection:
            timers = Timers(connection)
            await timers.remind_of_open_gates(self._gate_reminder)
            due = await timers.fire_due()
            for timer in due:
                if timer.kind == GATE_REMINDER:
                    await _remind(Gates(connection), Events(connection), timer)
        return len(due)


async def _remind(gates: Gates, log: Events, timer: Timer) -> None:
    try:
        gate = await gates.get(str(timer.payload.get("gate_id", "")))
    except NotFound:
        return
    if gate.status == "open":
        waiting = f"The {gate.kind} decision {gate.id} waits for a person since {gate.created_at:%Y-%m-%d %H:%M} UTC."
        await log.append(timer.cr_id, events.Warned(message=waiting))
