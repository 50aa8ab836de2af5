"""Looking at what is left of a change request, and deciding about it."""

from fastapi import APIRouter

from controller.auth.principals import Operator, Viewer
from controller.cleanup import service
from controller.cleanup.schemas import CleanupRequest, CleanupView
from controller.context import Context
from controller.identifiers import ChangeRequestId

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}/cleanup", tags=["cleanup"])


@router.get("")
async def get_cleanup(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> CleanupView:
    """Return what is left outside, with the choices for each artifact and what would be lost."""
    return await service.look(context, principal, cr_id)


@router.post("", status_code=202)
async def decide_cleanup(
    context: Context, principal: Operator, cr_id: ChangeRequestId, asked: CleanupRequest
) -> CleanupView:
    """Decide about artifacts, or put it off; it can be decided again later."""
    return await service.decide(context, principal, cr_id, asked)
