"""Streams and pages of events."""

import json
from collections.abc import AsyncIterator

from controller.background.events import plain
from controller.context import ControllerContext
from pipeline.access import Principal
from pipeline.store.change_requests import ChangeRequests

_RECONNECT = b"retry: 1000\n\n"


async def exists(context: ControllerContext, principal: Principal, cr_id: str) -> None:
    """Raise `NotFound` unless the change request exists."""
    async with context.database.transaction(principal.tenant) as connection:
        await ChangeRequests(connection).get(cr_id)


async def stream(
    context: ControllerContext, principal: Principal, *, after: int | None, cr_id: str | None, until_finished: bool
) -> AsyncIterator[bytes]:
    """Yield server-sent events: what happened after `after`, then what happens."""
    yield _RECONNECT
    cursor = after or 0
    if until_finished and cr_id is not None and (end := await _end(context, principal, cr_id, cursor)):
        yield end
        return
    async for frames in context.tailer.follow(principal.tenant, after=after, cr_id=cr_id):
        yield b"".join(frame.wire for frame in frames)
        cursor = frames[-1].seq
        if until_finished and cr_id is not None and (end := await _end(context, principal, cr_id, cursor)):
            yield end
            return


async def page(
    context: ControllerContext, principal: Principal, *, after: int, cr_id: str | None, limit: int
) -> dict[str, object]:
    """Return events after a number, ascending, with the newest committed ones."""
    await context.tailer.number(principal.tenant)
    found = await context.tailer.stored(principal.tenant, after=after, cr_id=cr_id, limit=limit)
    return {"items": [plain(event) for event in found], "next_after": found[-1].seq if found else after}


async def _end(context: ControllerContext, principal: Principal, cr_id: str, cursor: int) -> bytes | None:
    """The final event, once the change request is finished and everything about it was sent."""
    async with context.database.transaction(principal.tenant) as connection:
        status = (await ChangeRequests(connection).get(cr_id)).status
    if not status.finished:
        return None
    await context.tailer.number(principal.tenant)
    if await context.tailer.stored(principal.tenant, after=cursor, cr_id=cr_id, limit=1):
        return None
    data = json.dumps({"cr_id": cr_id, "status": status.value, "last_seq": cursor})
    return f"event: end\ndata: {data}\n\n".encode()
