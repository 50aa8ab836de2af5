"""Effects: what changes outside, exactly once.

An intent is stored with the exact commit or marker before anything happens. A claim is short and renewed while its
executor works, so a dead executor blocks for seconds; the executor looks up before it acts and acts by compare-and-swap,
so two at once do no harm; the outcome is recorded. A conflict is final (a person or the pipeline decides), a transient
failure is tried again with growing pauses. Effects that name a lane are carried out in the order they were intended.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, case, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.effects.notifications import DELIVERIES
from pipeline.errors import InvariantBroken, NotFound
from pipeline.identifiers import derived_id
from pipeline.records import Effect
from pipeline.store.repositories import stored_reach
from pipeline.store.tables import change_request_repositories, effects

CLAIM = timedelta(seconds=15)
TRIES_MAX = 8
_GIVEN_UP = "dismissed"
_UNDECIDED = ("intended", "retry", "claimed")
_REPOSITORY = change_request_repositories.c
_TARGET = (
    select(_REPOSITORY.target)
    .where(_REPOSITORY.cr_id == effects.c.cr_id, _REPOSITORY.repository == effects.c.repository)
    .correlate(effects)
    .scalar_subquery()
    .label("target")
)
"""The repository of an effect as its change request froze it."""


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
        kind: str,
        payload: Mapping[str, Any],
        lane: str | None = None,
    ) -> Effect:
        """Store an intent once per key; the same key with another payload is a bug."""
        row = {"id": effect_id(key), "key": key, "cr_id": cr_id, "repository": repository, "kind": kind, "lane": lane}
        await self._connection.execute(upsert(effects).values(**row, payload=dict(payload)).on_conflict_do_nothing())
        stored = await self._by(effects.c.key == key, key)
        if dict(stored.payload) != dict(payload):
            raise InvariantBroken("An effect was intended twice with different payloads.", key=key)
        return stored

    async def get(self, effect_id: str) -> Effect:
        """Return it or raise `NotFound`."""
        return await self._by(effects.c.id == effect_id, effect_id)

    async def of(self, cr_id: str) -> list[Effect]:
        """Return the effects of a change request, oldest first."""
        query = select(effects).where(effects.c.cr_id == cr_id).order_by(effects.c.created_at, effects.c.number)
        return [_effect(row) for row in (await self._connection.execute(query)).mappings()]

    async def newest(self, cr_id: str, kind: str) -> Effect | None:
        """Return the last effect of a kind that was intended for a change request."""
        query = select(effects).where(effects.c.cr_id == cr_id, effects.c.kind == kind)
        newest = query.order_by(effects.c.number.desc()).limit(1)
        row = (await self._connection.execute(newest)).mappings().one_or_none()
        return _effect(row) if row else None

    async def with_status(self, status: str, *, limit: int = 200) -> list[Effect]:
        """Return effects of one status, oldest first; `dead` is the list of dead letters."""
        query = select(effects).where(effects.c.status == status).order_by(effects.c.created_at).limit(limit)
        return [_effect(row) for row in (await self._connection.execute(query)).mappings()]

    async def claim(
        self, owner: str, *, limit: int = 10, lasts: timedelta = CLAIM, deliveries: bool | None = None
    ) -> list[Effect]:
        """Take due intents, and claims whose executor died, for a bounded time; `deliveries` restricts the kinds."""
        given_up = (effects.c.status == "claimed") & (effects.c.claimed_by == _GIVEN_UP)
        expired = effects.c.claimed_until < func.now()
        await self._dismiss(given_up & expired)
        due = or_(
            effects.c.status.in_(["intended", "retry"]) & (effects.c.next_try_at <= func.now()),
            (effects.c.status == "claimed") & expired,
        )
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
            "status": "claimed",
            "claimed_by": owner,
            "claimed_until": func.now() + lasts,
            "tries": effects.c.tries + 1,
        }
        claimed = update(effects).where(effects.c.id.in_(chosen)).values(**values)
        rows = (await self._connection.execute(claimed.returning(effects, _TARGET))).mappings()
        return [replace(_effect(row), reach=stored_reach(row["target"] or {})) for row in rows]

    async def renew(self, owner: str, ids: Collection[str], *, lasts: timedelta) -> None:
        """Keep what an executor still works on; what another took meanwhile stays with it."""
        mine = effects.c.id.in_(ids) & effects.c.claimed_by.in_([owner, _GIVEN_UP]) & (effects.c.status == "claimed")
        await self._connection.execute(update(effects).where(mine).values(claimed_until=func.now() + lasts))

    async def give_back(self, owner: str, ids: Collection[str]) -> None:
        """Let go of claims at once, because their executor stops; the try does not count."""
        mine = effects.c.id.in_(ids) & (effects.c.claimed_by == owner) & (effects.c.status == "claimed")
        await self._release(mine, tries=func.greatest(effects.c.tries - 1, 0))

    async def claimants(self) -> list[str]:
        """Return who holds claims now."""
        held = (effects.c.status == "claimed") & (effects.c.claimed_by != _GIVEN_UP)
        return list((await self._connection.execute(select(effects.c.claimed_by).where(held).distinct())).scalars())

    async def take_over(self, dead: Collection[str], *, deliveries: bool | None = None) -> int:
        """Release the claims of owners that are known to be dead; returns how many can go on."""
        theirs = (effects.c.status == "claimed") & effects.c.claimed_by.in_(dead) & _kinds(deliveries)
        return await self._release(theirs, tries=effects.c.tries)

    async def record(
        self, effect_id: str, *, status: str, result: Mapping[str, Any] | None = None, error: str = ""
    ) -> bool:
        """Record an outcome: `done`, `conflict`, `refused`, `dead` or `dismissed`. The first stays; says whether this is it."""
        values = {
            "status": status,
            "result": dict(result or {}),
            "error": error,
            "done_at": func.now(),
            "claimed_by": None,
        }
        undecided = effects.c.status.in_([*_UNDECIDED, "dead"])
        statement = update(effects).where(effects.c.id == effect_id, undecided).values(**values)
        return bool((await self._connection.execute(statement)).rowcount)

    async def dismiss_open(self, cr_id: str) -> list[Effect]:
        """Dismiss what is not begun, because the change request ended; returns what was dismissed.

        What an executor has in its hands right now is recorded if it succeeds, and not tried again if it does not.
        Reports and notifications stay: that it ended is what they have to tell.
        """
        its_own = (effects.c.cr_id == cr_id) & _kinds(deliveries=False)
        begun = its_own & (effects.c.status == "claimed")
        await self._connection.execute(update(effects).where(begun).values(claimed_by=_GIVEN_UP))
        waiting = its_own & effects.c.status.in_(["intended", "retry", "dead"])
        values = {"status": "dismissed", "done_at": func.now(), "error": "The change request ended."}
        rows = await self._connection.execute(update(effects).where(waiting).values(**values).returning(effects))
        return [_effect(row) for row in rows.mappings()]

    async def retry_later(self, effect: Effect, *, after: timedelta, error: str, tries_max: int = TRIES_MAX) -> bool:
        """Give it back for later; after `tries_max` tries it becomes a dead letter. Returns whether it will be retried."""
        alive = effect.tries < tries_max
        values = {
            "status": case((effects.c.claimed_by == _GIVEN_UP, "dismissed"), else_="retry" if alive else "dead"),
            "next_try_at": func.now() + after,
            "error": error,
            "claimed_by": None,
        }
        undecided = (effects.c.id == effect.id) & (effects.c.status == "claimed")
        statement = update(effects).where(undecided).values(**values).returning(effects.c.status)
        return bool((await self._connection.execute(statement)).scalar_one_or_none() == "retry")

    async def revive(self, effect_id: str, *, given_up: Sequence[str] = ("dead",)) -> None:
        """Try a dead letter (or what was otherwise given up) again, as a person asked. Idempotent."""
        dead = (effects.c.id == effect_id) & effects.c.status.in_(given_up)
        values = {"status": "retry", "tries": 0, "next_try_at": func.now()}
        await self._connection.execute(update(effects).where(dead).values(**values))

    async def _dismiss(self, where: ColumnElement[bool]) -> None:
        ended = {"status": "dismissed", "done_at": func.now(), "claimed_by": None}
        await self._connection.execute(update(effects).where(where).values(**ended))

    async def _release(self, where: ColumnElement[bool], *, tries: Any) -> int:
        values = {"status": "retry", "tries": tries, "next_try_at": func.now(), "claimed_by": None}
        return int((await self._connection.execute(update(effects).where(where).values(**values))).rowcount)

    async def _by(self, where: Any, name: str) -> Effect:
        row = (await self._connection.execute(select(effects).where(where))).mappings().one_or_none()
        if row is None:
            raise NotFound("effect", name)
        return _effect(row)


def effect_id(key: str) -> str:
    """Return the id that the effect of a key has or will have."""
    return derived_id("eff", key)


def _kinds(deliveries: bool | None) -> ColumnElement[bool]:
    if deliveries is None:
        return true()
    return effects.c.kind.in_(DELIVERIES) if deliveries else effects.c.kind.not_in(DELIVERIES)


def _behind_another() -> ColumnElement[bool]:
    earlier = effects.alias("earlier")
    same_lane = (earlier.c.tenant_id == effects.c.tenant_id) & (earlier.c.lane == effects.c.lane)
    return exists().where(same_lane, earlier.c.number < effects.c.number, earlier.c.status.in_(_UNDECIDED))


def _effect(row: RowMapping) -> Effect:
    return Effect(**{name: row[name] for name in Effect.__slots__ if name != "reach"})
