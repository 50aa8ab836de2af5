"""Journals as files: exported from a change request, imported from another installation, replayed by whoever has them."""

from typing import Any

from fastapi import APIRouter, Request, Response

from controller.auth.principals import Admin, Viewer
from controller.context import Context
from controller.journals import schemas, service
from controller.parameters import ChangeRequestId, Identifier

router = APIRouter(prefix="/api/v1", tags=["journals"])

MEDIA_TYPE = "application/octet-stream"
_CONTENT = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": _CONTENT}}
_BODY = {"requestBody": {"required": True, "content": _CONTENT}}


@router.get("/change-requests/{cr_id}/journal", responses=_FILE, response_class=Response)
async def export_journal(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> Response:
    """Return the whole journal of a change request as one checksummed file, for replay here or elsewhere."""
    return _as_file(await service.export(context, principal, cr_id), f"{cr_id}.journal")


@router.post("/journals", openapi_extra=_BODY)
async def import_journal(context: Context, principal: Admin, request: Request) -> schemas.ImportedJournalView:
    """Keep a journal of another installation. The same file is kept once; a damaged or newer one is refused."""
    return await service.keep(context, principal, await request.body())


@router.get("/journals")
async def list_journals(context: Context, principal: Viewer) -> schemas.ImportedJournalList:
    """Return imported journals, newest first."""
    return await service.list_imported(context, principal)


@router.get("/journals/{journal_id}/file", responses=_FILE, response_class=Response)
async def get_journal_file(context: Context, principal: Viewer, journal_id: Identifier) -> Response:
    """Return an imported journal, byte for byte."""
    return _as_file(await service.content(context, principal, journal_id), f"{journal_id}.journal")


def _as_file(content: bytes, name: str) -> Response:
    return Response(content, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})
