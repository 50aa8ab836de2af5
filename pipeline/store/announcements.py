"""How far a tenant's events were turned into reports and notifications.

The cursor moves in the transaction that stores what follows from the events, and only one controller holds it at a time:
each event is announced once, in public order, whoever dies in between.
"""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import announcement_cursors


class Announcements:
    """The cursor of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self) -> int | None:
        """Lock the cursor to the end of the transaction and return it; None while another controller holds it."""
        await self._connection.execute(upsert(announcement_cursors).values(seq=0).on_conflict_do_nothing())
        query = select(announcement_cursors.c.seq).with_for_update(skip_locked=True)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def advance(self, seq: int) -> None:
        """Say that everything up to this number was looked at."""
        await self._connection.execute(update(announcement_cursors).values(seq=seq))
