"""Timers: due-time rows that become events or pauses, fired once in the transaction of what they do."""

from dataclasses import dataclass
from datetime import timedelta

from controller.background.bells import BellHub
from pipeline import events
from pipeline.change_request import Move, PauseReason, Status, WaitKind
from pipeline.errors import NotFound
from pipeline.gates.gate import GateStatus
from pipeline.settings.process import TimerSettings
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.engine import Database
from pipeline.store.events import Events
from pipeline.store.gates import Gates
from pipeline.store.principals import tenant_ids
from pipeline.store.timers import GATE_REMINDER, REVIEW_TIMEOUT, SILENCE, Timer, Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """The aggregates of one transaction."""

    timers: Timers
    gates: Gates
    requests: ChangeRequests
    log: Events


class TimerLoop:
    """Fires what is due in all tenants: reminders of open gates, reviews that last too long, silent workers."""

    def __init__(self, *, database: Database, bells: BellHub, settings: TimerSettings) -> None:
        self._database = database
        self._bells = bells
        self._gate_reminder = timedelta(seconds=settings.gate_reminder_s)
        self._review_timeout = timedelta(seconds=settings.review_timeout_s)
        self._silence = timedelta(seconds=settings.silence_s)

    async def tick(self) -> None:
        """Set what has to be set, then fire due timers."""
        async with self._database.transaction() as connection:
            tenants = await tenant_ids(connection)
        for tenant in tenants:
            if await self._fire(tenant):
                await self._bells.ring(tenant, "events")

    async def _fire(self, tenant: str) -> int:
        async with self._database.transaction(tenant) as connection:
            timers = Timers(connection)
            await timers.forget_what_is_over()
            await timers.remind_of_open_gates(self._gate_reminder)
            await timers.limit_reviews(self._review_timeout)
            await timers.watch_silence(self._silence)
        async with self._database.transaction(tenant) as connection:
            desk = _Desk(
                timers=Timers(connection), gates=Gates(connection), requests=ChangeRequests(connection),
                log=Events(connection),
            )  # fmt: skip
            due = await desk.timers.fire_due()
            for timer in due:
                match timer.kind:
                    case kind if kind == GATE_REMINDER:
                        await self._remind(desk, timer)
                    case kind if kind == REVIEW_TIMEOUT:
                        await self._end_review(desk, timer)
                    case kind if kind == SILENCE:
                        await self._report_silence(desk, timer)
        return len(due)

    async def _remind(self, desk: _Desk, timer: Timer) -> None:
        try:
            gate = await desk.gates.get(timer.payload.gate_id)
        except NotFound:
            return
        if gate.status is not GateStatus.OPEN:
            return
        waiting = f"The {gate.kind} decision {gate.id} waits for a person since {gate.created_at:%Y-%m-%d %H:%M} UTC."
        await desk.log.append(timer.cr_id, events.Warned(message=waiting, about="reminder"))
        await desk.timers.again(timer, self._gate_reminder)

    async def _end_review(self, desk: _Desk, timer: Timer) -> None:
        cr = await desk.requests.lock(timer.cr_id)
        waits = cr.status is Status.WAITING and cr.wait_kind is WaitKind.REVIEW
        if not waits or cr.wait_id != timer.payload.wait_id:
            return
        reason = PauseReason.REVIEW_TIMEOUT
        message = f"Nobody reviewed the pull request for {_words(self._review_timeout)}."
        facts = {"wait_id": cr.wait_id, "limit_s": round(self._review_timeout.total_seconds())}
        await desk.requests.move(cr.id, Move.PAUSE, reason=reason, message=message, facts=facts)
        paused = events.StatusChanged(status=Status.PAUSED, reason=reason, message=message, stage=cr.stage)
        await desk.log.append(cr.id, paused)

    async def _report_silence(self, desk: _Desk, timer: Timer) -> None:
        cr = await desk.requests.get(timer.cr_id)
        if cr.status is not Status.RUNNING:
            return
        message = f"It runs, but nothing was heard of it for {_words(self._silence)}."
        await desk.log.append(cr.id, events.Warned(message=message, about="silence", stage=cr.stage))


def _words(time: timedelta) -> str:
    seconds = time.total_seconds()
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
