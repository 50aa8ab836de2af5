"""What follows when a worker dies: the change request goes on with the next epoch, or pauses when it dies too often.

Whoever notices first (the launcher that saw the exit, any controller's reaper) acts under the change request's row lock
and only while the epoch is still the present one, so a death is counted once.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline import events
from pipeline.change_request import Move, PauseReason, Status
from pipeline.effects.kinds import EffectKind
from pipeline.snapshots import saving
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.effects import Effects
from pipeline.store.events import Events
from pipeline.store.leases import Leases
from pipeline.worker_loss import WorkerLoss

_IN_A_ROW = text(
    "SELECT count(*) FROM events WHERE cr_id = :cr AND type = 'worker_lost' AND at > greatest("
    "  coalesce((SELECT max(at) FROM journal WHERE cr_id = :cr AND kind IN ('answered', 'observed')), '-infinity'),"
    "  coalesce((SELECT max(created_at) FROM stage_results WHERE cr_id = :cr), '-infinity'),"
    "  coalesce((SELECT max(created_at) FROM interventions WHERE cr_id = :cr), '-infinity'),"
    "  coalesce((SELECT max(decided_at) FROM gates WHERE cr_id = :cr), '-infinity'))"
)

_TAKEN_UP = text(
    "SELECT EXISTS (SELECT 1 FROM events WHERE cr_id = :cr AND type = 'worker_started'"
    " AND (payload->>'epoch')::int = :epoch)"
)


async def worker_died(
    connection: AsyncConnection, cr_id: str, epoch: int, loss: WorkerLoss, *, deaths_max: int
) -> Status | None:
    """Record the death and requeue, or pause at the `deaths_max`-th in a row; None when that epoch no longer runs."""
    requests, log = ChangeRequests(connection), Events(connection)
    cr = await requests.lock(cr_id)
    if cr.status is not Status.RUNNING or await Leases(connection).epoch(cr_id) != epoch:
        return None
    await Leases(connection).release(cr_id, epoch)
    if not (await connection.execute(_TAKEN_UP, {"cr": cr_id, "epoch": epoch})).scalar_one():
        loss = loss.before_it_began()
    await log.append(cr_id, events.WorkerLost(epoch=epoch, kind=loss.kind, cause=loss.cause, stage=cr.stage))
    deaths = int((await connection.execute(_IN_A_ROW, {"cr": cr_id})).scalar_one())
    if deaths < deaths_max:
        await requests.move(cr_id, Move.REQUEUE)
        await log.append(cr_id, events.StatusChanged(status=Status.QUEUED, message=loss.cause))
        return Status.QUEUED
    reason, message = (
        PauseReason.ATTEMPTS_EXHAUSTED,
        (
            f"The worker died {deaths} times in a row without any progress. "
            "See the last cause and the logs, mend it, then resume."
        ),
    )
    await requests.move(
        cr_id, Move.PAUSE, reason=reason, message=message,
        facts={
            "deaths": deaths, "deaths_max": deaths_max, "last_kind": loss.kind.value, "last_cause": loss.cause,
            "stage": cr.stage, "epoch": epoch,
        },
    )  # fmt: skip
    await log.append(cr_id, events.StatusChanged(status=Status.PAUSED, reason=reason, message=message))
    return Status.PAUSED


async def outlived(connection: AsyncConnection, cr_id: str, epoch: int) -> int:
    """Delete snapshots once more that a worker may have pushed after they were deleted; returns how many are to go.

    A worker that froze past its lease, or was still leaving when its change request ended, can push to its own epoch's ref
    until it is gone. While the change request goes on, its end will delete them. Idempotent.
    """
    cr = await ChangeRequests(connection).lock(cr_id)
    ended_by_itself = cr.status is Status.COMPLETED and await Leases(connection).epoch(cr_id) == epoch
    if not cr.status.finished or ended_by_itself:
        return 0
    known = Effects(connection)
    deleted = {one.key for one in await known.of(cr_id) if one.kind is EffectKind.DELETE_SNAPSHOTS}
    again = 0
    for one in await ChangeRequests(connection).progress(cr_id):
        shown = (one.base_commit, one.head_commit)
        first = saving.deletion(cr_id, cr.attempt, one.target.name, one.target.remote, shown=shown)
        if first.key in deleted:
            key = f"{first.key}/after/{epoch}"
            await known.intend(key=key, cr_id=cr_id, repository=first.repository, payload=first.payload)
            again += 1
    return again
