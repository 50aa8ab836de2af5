"""Effects: what changes outside, exactly once.

An intent is stored with the exact commit or marker before anything happens. A claim is short and renewed while its
executor works, so a dead executor blocks for seconds; the executor looks up before it acts and acts by compare-and-swap,
so two at once do no harm; the outcome is recorded. A conflict is final (a person or the pipeline decides), a transient
failure is tried again with growing pauses. Effects that name a lane are carried out in the order they were intended.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.effects.effect import Effect, UnreadableEffect, stored_effect
from pipeline.effects.kinds import DELIVERIES, UNDECIDED, EffectKind, EffectStatus, Payload, Refusal, Result, kind_of
from pipeline.errors import InvariantBroken, NotFound
from pipeline.identifiers import derived_id
from pipeline.store.repositories import leads_of
from pipeline.store.tables import change_request_repositories, effects

_log = structlog.get_logger(__name__)

CLAIM = timedelta(seconds=15)
TRIES_MAX = 8
_REPOSITORY = change_request_repositories.c
_TARGET = (
    select(_REPOSITORY.target)
    .where(_REPOSITORY.cr_id == effects.c.cr_id, _REPOSITORY.repository == effects.c.repository)
    .correlate(effects)
    .scalar_subquery()
    .label("target")
)
"""The repository of an effect as its change request froze it."""
_CLAIMED = effects.c.status == EffectStatus.CLAIMED
_WAITING = effects.c.status.in_([EffectStatus.INTENDED, EffectStatus.RETRY])


class Effects:
    """The effect table of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def intend(
        self,
        *,
        key: str,
        cr_id: str,
        repository: str | None,
        payload: Payload,
        lane: str | None = None,
    ) -> Effect:
        """Store an intent once per key; its payload decides the kind. The same key with another payload is a bug."""
        row = {"id": effect_id(key), "key": key, "cr_id": cr_id, "repository": repository, "lane": lane}
        facts = {"kind": kind_of(payload), "payload": payload.model_dump(mode="json")}
        await self._connection.execute(upsert(effects).values(**row, **facts).on_conflict_do_nothing())
        stored = await self._by(effects.c.key == key, key)
        if stored.payload != payload:
            raise InvariantBroken("An effect was intended twice with different payloads.", key=key)
        return stored

    async def get(self, effect_id: str) -> Effect:
        """Return it or raise `NotFound`."""
        return await self._by(effects.c.id == effect_id, effect_id)

    async def of(self, cr_id: str) -> list[Effect]:
        """Return the effects of a change request, oldest first."""
        query = select(effects).where(effects.c.cr_id == cr_id).order_by(effects.c.created_at, effects.c.number)
        return [stored_effect(row) for row in await self._connection.execute(query)]

    async def newest(self, cr_id: str, kind: EffectKind) -> Effect | None:
        """Return the last effect of a kind that was intended for a change request."""
        query = select(effects).where(effects.c.cr_id == cr_id, effects.c.kind == kind)
        newest = query.order_by(effects.c.number.desc()).limit(1)
        row = (await self._connection.execute(newest)).one_or_none()
        return stored_effect(row) if row else None

    async def with_status(self, status: EffectStatus, *, limit: int = 200) -> list[Effect]:
        """Return effects of one status, oldest first; `dead` is the list of dead letters."""
        query = select(effects).where(effects.c.status == status).order_by(effects.c.created_at).limit(limit)
        return [stored_effect(row) for row in await self._connection.execute(query)]

    async def claim(
        self, owner: str, *, limit: int = 10, lasts: timedelta = CLAIM, deliveries: bool | None = None
    ) -> list[Effect]:
        """Take due intents, and claims whose executor died, for a bounded time; `deliveries` restricts the kinds.

        Kinds that this version does not know are left to controllers that do; a row that it cannot read stays claimed until
        the claim runs out, and holds up no other.
        """
        expired = _CLAIMED & (effects.c.claimed_until < func.now())
        await self._dismiss(expired & effects.c.abandoned)
        due = or_(_WAITING & (effects.c.next_try_at <= func.now()), expired)
        query = (
            select(effects.c.id)
            .where(due, _kinds(deliveries), ~_behind_another())
            .order_by(effects.c.next_try_at, effects.c.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        chosen = list((await self._connection.execute(query)).scalars())
        if not chosen:
            return []
        values = {
            "status": EffectStatus.CLAIMED,
            "claimed_by": owner,
            "claimed_until": func.now() + lasts,
            "tries": effects.c.tries + 1,
        }
        claimed = update(effects).where(effects.c.id.in_(chosen)).values(**values)
        rows = await self._connection.execute(claimed.returning(effects, _TARGET))
        found = [_claimed(row) for row in rows]
        return [effect for effect in found if effect is not None]

    async def renew(self, owner: str, ids: Collection[str], *, lasts: timedelta) -> None:
        """Keep what an executor still works on; what another took meanwhile stays with it."""
        mine = effects.c.id.in_(ids) & (effects.c.claimed_by == owner) & _CLAIMED
        await self._connection.execute(update(effects).where(mine).values(claimed_until=func.now() + lasts))

    async def give_back(self, owner: str, ids: Collection[str]) -> None:
        """Let go of claims at once, because their executor stops; the try does not count."""
        mine = effects.c.id.in_(ids) & (effects.c.claimed_by == owner) & _CLAIMED
        await self._release(mine, tries=func.greatest(effects.c.tries - 1, 0))

    async def claimants(self) -> list[str]:
        """Return who holds claims now."""
        return list((await self._connection.execute(select(effects.c.claimed_by).where(_CLAIMED).distinct())).scalars())

    async def take_over(self, dead: Collection[str], *, deliveries: bool | None = None) -> int:
        """Release the claims of owners that are known to be dead; returns how many can go on."""
        theirs = _CLAIMED & effects.c.claimed_by.in_(dead) & _kinds(deliveries)
        return await self._release(theirs, tries=effects.c.tries)

    async def record(
        self, effect_id: str, *, status: EffectStatus, result: Result | Refusal | None = None, error: str = ""
    ) -> bool:
        """Record an outcome, any status that is decided. The first stays; says whether this is it."""
        values = {
            "status": status,
            "result": result.model_dump(mode="json", exclude_none=True) if result else {},
            "error": error,
            "done_at": func.now(),
            "claimed_by": None,
        }
        undecided = effects.c.status.in_([*UNDECIDED, EffectStatus.DEAD])
        statement = update(effects).where(effects.c.id == effect_id, undecided).values(**values)
        return bool((await self._connection.execute(statement)).rowcount)

    async def dismiss_open(self, cr_id: str) -> list[Effect]:
        """Dismiss what is not begun, because the change request ended; returns what was dismissed.

        What an executor has in its hands right now is recorded if it succeeds, and not tried again if it does not.
        Reports and notifications stay: that it ended is what they have to tell.
        """
        its_own = (effects.c.cr_id == cr_id) & _kinds(deliveries=False)
        await self._connection.execute(update(effects).where(its_own & _CLAIMED).values(abandoned=True))
        waiting = its_own & (_WAITING | (effects.c.status == EffectStatus.DEAD))
        values = {"status": EffectStatus.DISMISSED, "done_at": func.now(), "error": "The change request ended."}
        rows = await self._connection.execute(update(effects).where(waiting).values(**values).returning(effects))
        return [stored_effect(row) for row in rows]

    async def retry_later(self, effect: Effect, *, after: timedelta, error: str, tries_max: int = TRIES_MAX) -> bool:
        """Give it back for later; after `tries_max` tries it becomes a dead letter. Returns whether it will be retried."""
        alive = effect.tries < tries_max
        values = {
            "status": _unless_abandoned(EffectStatus.RETRY if alive else EffectStatus.DEAD),
            "next_try_at": func.now() + after,
            "error": error,
            "claimed_by": None,
        }
        undecided = (effects.c.id == effect.id) & _CLAIMED
        statement = update(effects).where(undecided).values(**values).returning(effects.c.status)
        return bool((await self._connection.execute(statement)).scalar_one_or_none() == EffectStatus.RETRY)

    async def revive(self, effect_id: str, *, given_up: Collection[EffectStatus]) -> None:
        """Try again what was given up, as a person asked. Idempotent."""
        dead = (effects.c.id == effect_id) & effects.c.status.in_(given_up)
        values = {"status": EffectStatus.RETRY, "tries": 0, "next_try_at": func.now(), "abandoned": False}
        await self._connection.execute(update(effects).where(dead).values(**values))

    async def _dismiss(self, where: ColumnElement[bool]) -> None:
        ended = {"status": EffectStatus.DISMISSED, "done_at": func.now(), "claimed_by": None}
        await self._connection.execute(update(effects).where(where).values(**ended))

    async def _release(self, where: ColumnElement[bool], *, tries: Any) -> int:
        status = _unless_abandoned(EffectStatus.RETRY)
        values = {"status": status, "tries": tries, "next_try_at": func.now(), "claimed_by": None}
        return int((await self._connection.execute(update(effects).where(where).values(**values))).rowcount)

    async def _by(self, where: Any, name: str) -> Effect:
        row = (await self._connection.execute(select(effects).where(where))).one_or_none()
        if row is None:
            raise NotFound("effect", name)
        return stored_effect(row)


def effect_id(key: str) -> str:
    """Return the id that the effect of a key has or will have."""
    return derived_id("eff", key)


def _kinds(deliveries: bool | None) -> ColumnElement[bool]:
    if deliveries is None:
        return effects.c.kind.in_(EffectKind)
    return effects.c.kind.in_(DELIVERIES if deliveries else set(EffectKind) - DELIVERIES)


def _unless_abandoned(status: EffectStatus) -> ColumnElement[str]:
    return case((effects.c.abandoned, EffectStatus.DISMISSED.value), else_=status.value)


def _behind_another() -> ColumnElement[bool]:
    earlier = effects.alias("earlier")
    same_lane = (earlier.c.tenant_id == effects.c.tenant_id) & (earlier.c.lane == effects.c.lane)
    return exists().where(same_lane, earlier.c.number < effects.c.number, earlier.c.status.in_(UNDECIDED))


def _claimed(row: Row[Any]) -> Effect | None:
    leads = leads_of(row.target or {})
    try:
        return stored_effect(row, reach=leads.reach, forge=leads.forge)
    except UnreadableEffect as unreadable:
        _log.error("effect_unreadable", **unreadable.facts)
        return None
