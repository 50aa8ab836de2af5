"""The inbox, and deciding."""

from typing import Annotated

from fastapi import APIRouter, Query

from controller.auth.principals import Approver, Viewer
from controller.context import Context
from controller.gates import service
from controller.gates.schemas import DecisionRequest, GateInbox, GateView
from controller.parameters import Identifier
from controller.text import Searched
from pipeline.gates.gate import GateStatus

router = APIRouter(prefix="/api/v1/gates", tags=["gates"])


@router.get("")
async def list_gates(
    context: Context,
    principal: Viewer,
    status: GateStatus | None = GateStatus.OPEN,
    cr_id: Annotated[Searched | None, Query(max_length=100)] = None,
) -> GateInbox:
    """Return decisions, oldest first: the open ones by default."""
    return await service.inbox(context, principal, status=status, cr_id=cr_id)


@router.get("/{gate_id}")
async def get_gate(context: Context, principal: Viewer, gate_id: Identifier) -> GateView:
    """Return one decision with everything it is about."""
    return await service.one(context, principal, gate_id)


@router.post("/{gate_id}/decision")
async def decide(context: Context, principal: Approver, gate_id: Identifier, asked: DecisionRequest) -> GateView:
    """Decide; the change request goes on, is sent back, or ends."""
    return await service.decide(context, principal, gate_id, asked)
