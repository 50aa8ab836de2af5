"""Looking at what is left of a change request, and deciding about it."""

from fastapi import APIRouter

from controller.auth.principals import Operator, Viewer
from controller.cleanup import service, stale_branches
from controller.cleanup.schemas import CleanupRequest, CleanupView, StaleBranches
from controller.context import Context
from controller.parameters import ChangeRequestId, Filter

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}/cleanup", tags=["cleanup"])

stale_router = APIRouter(prefix="/api/v1/stale-branches", tags=["cleanup"])


@stale_router.get("")
async def list_stale_branches(context: Context, principal: Viewer, repository: Filter = None) -> StaleBranches:
    """List what ended change requests left at remotes, asking the remotes right now."""
    return await stale_branches.look(context, principal, repository)


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
