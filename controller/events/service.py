"""Streams and pages of events."""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

from controller.background import windows
from controller.background.live_streams import Line
from controller.context import ControllerContext
from pipeline.access import Principal
from pipeline.change_request import Stage
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.events import Events

_RECONNECT_MS = (500, 2_000)
"""Spread, so that a crowd of clients does not come back to a restarted controller in the same moment."""


async def exists(context: ControllerContext, principal: Principal, cr_id: str) -> None:
    """Raise `NotFound` unless the change request exists."""
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)


async def stream(
    context: ControllerContext,
    principal: Principal,
    *,
    after: int | None,
    cr_id: str | None,
    until_finished: bool,
    deltas: bool,
    line: Line | None,
) -> AsyncGenerator[bytes]:
    """Yield server-sent events: how far the client is, what happened since, then what happens.

    Where the client's `line` is known, most of it goes there directly.
    """
    opening = b"retry: %d\n\n" % random.randint(*_RECONNECT_MS)  # noqa: S311 - spreads load, protects nothing
    # Whether a finished stream ends is asked after each piece; so it cannot be served in a crowd.
    line = None if until_finished else line
    following = context.tailer.follow(principal.tenant, after=after, cr_id=cr_id, deltas=deltas, line=line)
    async with aclosing(following) as pieces:
        async for piece in pieces:
            yield opening + piece.wire
            opening = b""
            if until_finished and cr_id is not None and (end := await _end(context, principal, cr_id, piece.cursor)):
                yield end
                return


async def page(
    context: ControllerContext, principal: Principal, *, after: int, cr_id: str | None, limit: int
) -> dict[str, object]:
    """Return events after a number, ascending, with the newest committed ones."""
    await context.tailer.number(principal.tenant)
    found = await context.tailer.stored(principal.tenant, after=after, cr_id=cr_id, limit=limit)
    return {"items": [windows.plain(event) for event in found], "next_after": found[-1].seq if found else after}


async def backwards(
    context: ControllerContext, principal: Principal, cr_id: str, *, before: int | None, limit: int, stage: Stage | None
) -> dict[str, object]:
    """Return the newest events of a change request, or those before a number."""
    await context.tailer.number(principal.tenant)
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)
        log = Events(connection)
        # Before the page: it may then hold more than this number says, never less.
        complete_to = await log.last_number()
        found = await log.backwards(cr_id, before=before, limit=limit + 1, stage=stage.value if stage else None)
    shown = found[-limit:]
    return {
        "items": [windows.plain(event) for event in shown],
        "next_after": shown[-1].seq if shown else 0,
        "next_before": shown[0].seq if len(found) > limit else None,
        "complete_to": complete_to if before is None else None,
    }


async def summary(context: ControllerContext, principal: Principal, cr_id: str) -> dict[str, object]:
    """Return what the events of a change request come to."""
    await context.tailer.number(principal.tenant)
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)
        log = Events(connection)
        complete_to = await log.last_number()
        milestones = await log.milestones(cr_id, up_to=complete_to)
        tool_calls = await log.tool_calls(cr_id, up_to=complete_to)
        total = await log.count(cr_id, up_to=complete_to)
    return {
        "complete_to": complete_to,
        "total": total,
        "milestones": [windows.plain(event) for event in milestones],
        "tool_calls": tool_calls,
    }


async def _end(context: ControllerContext, principal: Principal, cr_id: str, cursor: int) -> bytes | None:
    """The final event, once the change request is finished and everything about it was sent."""
    async with context.database.transaction(principal.tenant) as connection:
        status = (await ChangeRequests(connection).get(cr_id)).status
    if not status.finished:
        return None
    await context.tailer.number(principal.tenant)
    if await context.tailer.stored(principal.tenant, after=cursor, cr_id=cr_id, limit=1):
        return None
    last = await context.tailer.last_of(principal.tenant, cr_id)
    return windows.end(cr_id, status.value, last)
