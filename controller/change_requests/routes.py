"""Submit, list and look at change requests."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import StringConstraints

from controller.auth.principals import Operator, Viewer
from controller.change_requests import service, views
from controller.change_requests.schemas import (
    AttentionCounts,
    ChangeRequestDetail,
    ChangeRequestPage,
    Submission,
)
from controller.context import Context
from controller.parameters import ChangeRequestId, Filter
from controller.text import Searched
from pipeline.change_request import Status
from pipeline.store.attention import Attention

router = APIRouter(prefix="/api/v1/change-requests", tags=["change requests"])
attention_router = APIRouter(prefix="/api/v1/attention", tags=["change requests"])

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


@router.post("", status_code=202)
async def submit(
    context: Context,
    principal: Operator,
    submission: Submission,
    response: Response,
    idempotency_key: Annotated[IdempotencyKey | None, Header()] = None,
) -> ChangeRequestDetail:
    """Submit a change request; it is queued, and runs on the settings of this moment."""
    cr_id, warnings = await service.submit(context, principal, submission, idempotency_key)
    response.headers["Location"] = f"/api/v1/change-requests/{cr_id}"
    return await views.detail(context, principal, cr_id, warnings=warnings)


@router.get("")
async def list_change_requests(
    context: Context,
    principal: Viewer,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[Searched | None, Query(max_length=500)] = None,
    status: Annotated[list[Status] | None, Query()] = None,
    repository: Filter = None,
    q: Filter = None,
    attention: Attention | None = None,
) -> ChangeRequestPage:
    """List change requests, newest first. `q` searches titles, or names an id; `attention` takes one group."""
    wanted = views.Wanted(statuses=status or [], repository=repository, words=q)
    return await views.page(context, principal, limit=limit, cursor=cursor, wanted=wanted, group=attention)


@attention_router.get("")
async def count_by_attention(
    context: Context,
    principal: Viewer,
    status: Annotated[list[Status] | None, Query()] = None,
    repository: Filter = None,
    q: Filter = None,
) -> AttentionCounts:
    """Count the groups of the board under the same filters as the list."""
    wanted = views.Wanted(statuses=status or [], repository=repository, words=q)
    return await views.counts(context, principal, wanted)


@router.get("/{cr_id}")
async def get_change_request(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> ChangeRequestDetail:
    """Return one change request in full."""
    return await views.detail(context, principal, cr_id)
