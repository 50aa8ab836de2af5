"""Looking at effects, and what a person does with dead letters: try again, or dismiss."""

from controller.background.outbox import effect_event
from controller.context import ControllerContext
from controller.effects import schemas
from pipeline.access import Principal
from pipeline.effects.kinds import EffectStatus
from pipeline.errors import Conflict
from pipeline.store.audit import Audit
from pipeline.store.effects import Effects
from pipeline.store.engine import Database
from pipeline.store.events import Events

_DISMISSABLE = frozenset({EffectStatus.INTENDED, EffectStatus.RETRY, EffectStatus.DEAD})


async def every(
    context: ControllerContext, principal: Principal, *, cr_id: str | None, status: EffectStatus | None
) -> schemas.EffectList:
    """Return effects of a change request or of a status; dead letters by default."""
    wanted = status or (None if cr_id else EffectStatus.DEAD)
    async with context.database.transaction(principal.tenant) as connection:
        if cr_id is not None:
            found = [one for one in await Effects(connection).of(cr_id) if wanted in {None, one.status}]
        else:
            found = await Effects(connection).with_status(wanted or EffectStatus.DEAD)
    return schemas.EffectList(items=[schemas.effect_view(one) for one in found])


async def retry(context: ControllerContext, principal: Principal, effect_id: str) -> schemas.EffectView:
    """Give a dead letter another round of tries."""
    async with context.database.transaction(principal.tenant) as connection:
        effects = Effects(connection)
        before = await effects.get(effect_id)
        if before.status != EffectStatus.DEAD:
            raise Conflict(
                f"This effect is {before.status}; only dead letters are tried again.", field="effect_id",
                remedy="Look at its present state.", status=before.status,
            )  # fmt: skip
        await effects.revive(effect_id, given_up={EffectStatus.DEAD})
        again = effect_event(before, EffectStatus.RETRY, f"{before.kind} is tried again, as {principal.id} asked")
        await Events(connection).append(before.cr_id, again)
        await Audit(connection).note(principal.id, "effect_retried", effect_id, cr_id=before.cr_id)
    await context.bells.ring(principal.tenant, "effects", "events", f"cr:{before.cr_id}")
    return await _one(context.database, principal, effect_id)


async def dismiss(context: ControllerContext, principal: Principal, effect_id: str) -> schemas.EffectView:
    """Give an effect up for good."""
    async with context.database.transaction(principal.tenant) as connection:
        effects = Effects(connection)
        before = await effects.get(effect_id)
        if before.status not in _DISMISSABLE:
            raise Conflict(
                f"This effect is {before.status} and cannot be dismissed.", field="effect_id",
                remedy="Only what is not begun or dead can be dismissed.", status=before.status,
            )  # fmt: skip
        await effects.record(effect_id, status=EffectStatus.DISMISSED, error=f"Dismissed by {principal.id}.")
        given_up = effect_event(before, EffectStatus.DISMISSED, f"dismissed by {principal.id}")
        await Events(connection).append(before.cr_id, given_up)
        await Audit(connection).note(principal.id, "effect_dismissed", effect_id, cr_id=before.cr_id)
    await context.bells.ring(principal.tenant, "events", f"cr:{before.cr_id}")
    return await _one(context.database, principal, effect_id)


async def _one(database: Database, principal: Principal, effect_id: str) -> schemas.EffectView:
    async with database.transaction(principal.tenant) as connection:
        return schemas.effect_view(await Effects(connection).get(effect_id))
