"""The texts of a request: what was submitted, what people made of it, what its source says now.

Problem: an edit that overwrites the request hides what agents were kept from, and a source that changed under a run is
either ignored or restarts it. Choice: every text is a numbered row that stays; the change request works on the newest
`taken` one, which its own row repeats. Invariant: a `proposed` text is never worked on before a person takes it, and at
most one is open. A request that never changed has no rows: its first revision is read from the change request itself.
"""

from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import InvariantBroken
from pipeline.interventions.intervention import Intervention, SourceChange
from pipeline.interventions.pauses import SourceChanged, StoppedBefore
from pipeline.records import ChangeRequest, RequestRevision
from pipeline.store.tables import change_requests, request_revisions

SUBMITTED, EDITED, SOURCE = "submitted", "edited", "source"
TAKEN, PROPOSED, DECLINED, LATE = "taken", "proposed", "declined", "late"


class RequestRevisions:
    """The texts of change requests, on one connection. Whoever writes has locked the change request's row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, cr: ChangeRequest) -> list[RequestRevision]:
        """Return every text, oldest first; never empty."""
        return await self._stored(cr.id) or [_first(cr)]

    async def edit(self, cr: ChangeRequest, *, title: str, body: str, actor: str) -> RequestRevision:
        """Store what a person made of the text; it is what the change request works on from now on."""
        number = await self._next(cr)
        decided = {"decided_by": actor, "decided_at": func.now()}
        await self._add(cr, number, origin=EDITED, state=TAKEN, title=title, body=body, changed_by=actor, **decided)
        await self._work_on(cr, title, body)
        return (await self._stored(cr.id))[-1]

    async def propose(self, cr: ChangeRequest, *, title: str, body: str, actor: str) -> RequestRevision | None:
        """Store what the source says now, to be decided; None when it says what it said last. Overtakes an open one."""
        said = [one for one in await self.of(cr) if one.origin != EDITED][-1]
        if (said.title, said.body) == (title, body):
            return None
        number = await self._next(cr)
        await self.settle(cr.id, DECLINED, actor=actor)
        await self._add(cr, number, origin=SOURCE, state=PROPOSED, title=title, body=body, changed_by=actor)
        return (await self._stored(cr.id))[-1]

    async def proposed(self, cr_id: str) -> RequestRevision | None:
        """Return the text that waits for a decision."""
        return next((one for one in await self._stored(cr_id) if one.state == PROPOSED), None)

    async def take(self, cr: ChangeRequest, *, actor: str) -> RequestRevision:
        """Work on the proposed text from now on."""
        proposed = await self.proposed(cr.id)
        if proposed is None:
            raise InvariantBroken("There is no other text to take.", cr_id=cr.id)
        await self.settle(cr.id, TAKEN, actor=actor)
        await self._work_on(cr, proposed.title, proposed.body)
        return proposed

    async def settle(self, cr_id: str, state: str, *, actor: str) -> None:
        """Close the proposed text, if there is one. Idempotent."""
        table = request_revisions
        where = (table.c.cr_id == cr_id) & (table.c.state == PROPOSED)
        values = {"state": state, "decided_by": actor, "decided_at": func.now()}
        await self._connection.execute(update(table).where(where).values(**values))

    async def _next(self, cr: ChangeRequest) -> int:
        """Return the number of the next text; the first one becomes a row before anything changes."""
        stored = await self._stored(cr.id)
        if stored:
            return stored[-1].revision + 1
        first = _first(cr)
        await self._add(
            cr, 1, origin=SUBMITTED, state=TAKEN, title=cr.title, body=cr.body, changed_by=cr.created_by,
            created_at=first.created_at,
        )  # fmt: skip
        return 2

    async def _add(self, cr: ChangeRequest, number: int, **values: object) -> None:
        await self._connection.execute(insert(request_revisions).values(cr_id=cr.id, revision=number, **values))

    async def _work_on(self, cr: ChangeRequest, title: str, body: str) -> None:
        values = {"title": title, "body": body, "updated_at": func.now()}
        await self._connection.execute(update(change_requests).where(change_requests.c.id == cr.id).values(**values))

    async def _stored(self, cr_id: str) -> list[RequestRevision]:
        query = select(request_revisions).where(request_revisions.c.cr_id == cr_id)
        rows = await self._connection.execute(query.order_by(request_revisions.c.revision))
        return [_revision(row) for row in rows.mappings()]


def source_changed(said: Intervention, *, before: StoppedBefore | None) -> tuple[str, dict[str, Any]]:
    """Word the pause for a source that changed, and its facts. `before` is what it had stopped for by itself, if it had."""
    of = said.facts(SourceChange).of
    message = f"The text of the request changed at its source, {of}. Decide which text to work from."
    return message, SourceChanged(source=of, before=before or StoppedBefore()).model_dump(
        mode="json", exclude_unset=True
    )


def in_use(revisions: list[RequestRevision]) -> RequestRevision:
    """Return the text that the change request works on."""
    return [one for one in revisions if one.state == TAKEN][-1]


def _first(cr: ChangeRequest) -> RequestRevision:
    return RequestRevision(
        revision=1, origin=SUBMITTED, state=TAKEN, title=cr.title, body=cr.body, changed_by=cr.created_by,
        created_at=cr.created_at, decided_by=None, decided_at=None,
    )  # fmt: skip


def _revision(row: RowMapping) -> RequestRevision:
    return RequestRevision(**{name: row[name] for name in RequestRevision.__slots__})
