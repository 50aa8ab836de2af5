"""Effects: what changes outside, exactly once.

An intent is stored with the exact commit or marker before anything happens; a claim is short and expires, so a dead
executor never blocks; the executor looks up before it acts and acts by compare-and-swap; the outcome is recorded. A
conflict is final (a person or the pipeline decides), a transient failure is tried again with growing pauses.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import InvariantBroken, NotFound
from pipeline.identifiers import derived_id
from pipeline.records import Effect
from pipeline.store.tables import effects

CLAIM = timedelta(seconds=120)
TRIES_MAX = 8
_GIVEN_UP = "dismissed"


class Effects:
    """The effect table of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def intend(
        self, *, key: str, cr_id: str, repository: str | None, kind: str, payload: Mapping[str, Any]
    ) -> Effect:
        """Store an intent once per key; the same key with another payload is a bug."""
        row = {"id": derived_id("eff", key), "key": key, "cr_id": cr_id, "repository": repository, "kind": kind}
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
        query = select(effects).where(effects.c.cr_id == cr_id).order_by(effects.c.created_at, effects.c.id)
        return [_effect(row) for row in (await self._connection.execute(query)).mappings()]

    async def with_status(self, status: str, *, limit: int = 200) -> list[Effect]:
        """Return effects of one status, oldest first; `dead` is the list of dead letters."""
        query = select(effects).where(effects.c.status == status).order_by(effects.c.created_at).limit(limit)
        return [_effect(row) for row in (await self._connection.execute(query)).mappings()]

    async def claim(self, owner: str, *, limit: int = 10) -> list[Effect]:
        """Take due intents, and claims whose executor died, for a bounded time."""
        given_up = (effects.c.status == "claimed") & (effects.c.claimed_by == _GIVEN_UP)
        ended = {"status": "dismissed", "done_at": func.now(), "claimed_by": None}
        expired = effects.c.claimed_until < func.now()
        await self._connection.execute(update(effects).where(given_up, expired).values(**ended))
        due = or_(
            effects.c.status.in_(["intended", "retry"]) & (effects.c.next_try_at <= func.now()),
            (effects.c.status == "claimed") & (effects.c.claimed_until < func.now()),
        )
        query = (
            select(effects.c.id)
            .where(due)
            .order_by(effects.c.next_try_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        chosen = list((await self._connection.execute(query)).scalars())
        values = {
            "status": "claimed",
            "claimed_by": owner,
            "claimed_until": func.now() + CLAIM,
            "tries": effects.c.tries + 1,
        }
        statement = update(effects).where(effects.c.id.in_(chosen)).values(**values).returning(effects)
        return [_effect(row) for row in (await self._connection.execute(statement)).mappings()]

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
        undecided = effects.c.status.in_(["intended", "retry", "claimed", "dead"])
        statement = update(effects).where(effects.c.id == effect_id, undecided).values(**values)
        return bool((await self._connection.execute(statement)).rowcount)

    async def dismiss_open(self, cr_id: str) -> list[Effect]:
        """Dismiss what is not begun, because the change request ended; returns what was dismissed.

        What an executor has in its hands right now is recorded if it succeeds, and not tried again if it does not.
        """
        begun = (effects.c.cr_id == cr_id) & (effects.c.status == "claimed")
        await self._connection.execute(update(effects).where(begun).values(claimed_by=_GIVEN_UP))
        waiting = (effects.c.cr_id == cr_id) & effects.c.status.in_(["intended", "retry", "dead"])
        values = {"status": "dismissed", "done_at": func.now(), "error": "The change request ended."}
        rows = await self._connection.execute(update(effects).where(waiting).values(**values).returning(effects))
        return [_effect(row) for row in rows.mappings()]

    async def retry_later(self, effect: Effect, *, after: timedelta, error: str) -> bool:
        """Give it back for later; after `TRIES_MAX` tries it becomes a dead letter. Returns whether it will be retried."""
        alive = effect.tries < TRIES_MAX
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

    async def _by(self, where: Any, name: str) -> Effect:
        row = (await self._connection.execute(select(effects).where(where))).mappings().one_or_none()
        if row is None:
            raise NotFound("effect", name)
        return _effect(row)


def _effect(row: RowMapping) -> Effect:
    return Effect(**{name: row[name] for name in Effect.__slots__})
