"""Following events: one change request, or the whole tenant."""

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from controller.auth.principals import Credential, Shown, Viewer
from controller.connections import line_of
from controller.context import Context, ControllerContext
from controller.events import service
from controller.events.schemas import EventPage, EventSummary
from controller.events.streaming import EventStream
from controller.parameters import ChangeRequestId
from controller.text import Stated
from pipeline.access import Principal, token_hash
from pipeline.change_request import Stage
from pipeline.errors import CallerError

router = APIRouter(prefix="/api/v1", tags=["events"])

SEQ_MAX = 2**63 - 1
Seq = Annotated[int | None, Query(ge=0, le=SEQ_MAX)]
Before = Annotated[int | None, Query(ge=1, le=SEQ_MAX)]
LastEventId = Annotated[Annotated[str, Stated(r"^[0-9]{0,19}$")] | None, Header()]
Limit = Annotated[int, Query(ge=1, le=1000)]
Deltas = Annotated[bool, Query(description="Also send the models' text as it streams, which nothing keeps.")]

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": EventPage, "description": "A stream, or a page.", "content": {"text/event-stream": {}}}
}


class Until(StrEnum):
    """When a stream ends by itself."""

    FINISHED = "finished"


@router.get("/events", responses=_ANSWERS)
async def follow_all(
    request: Request,
    context: Context,
    principal: Viewer,
    shown: Shown,
    *,
    after: Seq = None,
    last_event_id: LastEventId = None,
    limit: Limit = 500,
    deltas: Deltas = False,
) -> Response:
    """Follow everything in the tenant: from `Last-Event-ID` or `after` on, else from now on.

    A change request that begins later appears in it. `position` says how far the stream is complete, at the beginning
    and as its sign of life.
    """
    start = _start(last_event_id, after)
    if _wants_page(request):
        return JSONResponse(await service.page(context, principal, after=start or 0, cr_id=None, limit=limit))
    return _stream(request, context, principal, shown, after=start, cr_id=None, deltas=deltas)


@router.get("/change-requests/{cr_id}/events", responses=_ANSWERS)
async def follow_one(
    request: Request,
    context: Context,
    principal: Viewer,
    shown: Shown,
    cr_id: ChangeRequestId,
    *,
    after: Seq = None,
    last_event_id: LastEventId = None,
    limit: Limit = 500,
    until: Until | None = None,
    deltas: Deltas = False,
) -> Response:
    """Follow one change request from its beginning, or from `Last-Event-ID` or `after` on."""
    await service.exists(context, principal, cr_id)
    start = _start(last_event_id, after) or 0
    if _wants_page(request):
        return JSONResponse(await service.page(context, principal, after=start, cr_id=cr_id, limit=limit))
    return _stream(request, context, principal, shown, after=start, cr_id=cr_id, until=until, deltas=deltas)


@router.get("/change-requests/{cr_id}/events/newest", responses={200: {"model": EventPage}})
async def read_backwards(
    context: Context,
    principal: Viewer,
    cr_id: ChangeRequestId,
    before: Before = None,
    limit: Limit = 500,
    stage: Stage | None = None,
) -> Response:
    """Return the newest events of one change request, or those before a number: a long history is read from its end."""
    found = await service.backwards(context, principal, cr_id, before=before, limit=limit, stage=stage)
    return JSONResponse(found)


@router.get("/change-requests/{cr_id}/events/summary", responses={200: {"model": EventSummary}})
async def summarize(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> Response:
    """Return what the events of one change request come to: its course, and what goes on in each repository."""
    return JSONResponse(await service.summary(context, principal, cr_id))


def _stream(
    request: Request,
    context: ControllerContext,
    principal: Principal,
    shown: Credential,
    *,
    after: int | None,
    cr_id: str | None,
    until: Until | None = None,
    deltas: bool,
) -> EventStream:
    pieces = service.stream(
        context, principal, after=after, cr_id=cr_id, until_finished=until is Until.FINISHED, deltas=deltas,
        line=line_of(request),
    )  # fmt: skip
    hashed = token_hash(shown.token)
    return EventStream(pieces, streams=context.streams, tenant=principal.tenant, token_hash=hashed)


def _start(last_event_id: str | None, after: int | None) -> int | None:
    if not last_event_id:
        return after
    if not last_event_id.isascii() or not last_event_id.isdigit() or int(last_event_id[:20]) > SEQ_MAX:
        raise CallerError(
            "This is not the id of one of our events.", field="Last-Event-ID", remedy="Send the last `id:` received."
        )
    return int(last_event_id[:20])


def _wants_page(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/event-stream" not in accepted
