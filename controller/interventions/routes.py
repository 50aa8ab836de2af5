"""Telling a change request something."""

from fastapi import APIRouter

from controller.auth.principals import Operator
from controller.context import Context
from controller.interventions import service
from controller.interventions.schemas import InterventionRequest, Receipt
from controller.parameters import ChangeRequestId

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}/interventions", tags=["interventions"])


@router.post("", status_code=202)
async def intervene(
    context: Context, principal: Operator, cr_id: ChangeRequestId, asked: InterventionRequest
) -> Receipt:
    """Pause, resume, redirect, skip, abort, take over, hand back, rerun, fail, cancel, raise the budget: with a receipt."""
    return await service.intervene(context, principal, cr_id, asked)
