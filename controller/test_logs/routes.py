"""The whole log of a test run: in pages for reading, as a file for keeping."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from controller.auth.principals import Viewer
from controller.context import Context
from controller.parameters import ChangeRequestId, Identifier
from controller.test_logs import schemas, service

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}/tests/{run_id}", tags=["views"])

_TEXT = {"text/plain": {"schema": {"type": "string"}}}


@router.get("/log")
async def get_test_log(
    context: Context,
    principal: Viewer,
    cr_id: ChangeRequestId,
    run_id: Identifier,
    *,
    offset: Annotated[int, Query(ge=0, le=service.OFFSET_MAX)] = 0,
    limit: Annotated[int, Query(ge=1_024, le=service.PAGE_MAX_BYTES)] = service.PAGE_MAX_BYTES,
) -> schemas.LogPage:
    """Return a part of what a test run printed, from a byte on."""
    return await service.page(context, principal, cr_id, run_id, offset=offset, limit=limit)


@router.get("/log.txt", responses={200: {"content": _TEXT}}, response_class=Response)
async def download_test_log(
    context: Context, principal: Viewer, cr_id: ChangeRequestId, run_id: Identifier
) -> Response:
    """Return everything that is known of what a test run printed, as a file."""
    content = await service.whole(context, principal, cr_id, run_id)
    headers = {"Content-Disposition": f'attachment; filename="{cr_id}-{run_id}.log.txt"'}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)
