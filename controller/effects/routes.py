"""Effects: read by all, dead letters handled by operators."""

from typing import Annotated

from fastapi import APIRouter, Query

from controller.auth.principals import Operator, Viewer
from controller.context import Context
from controller.effects import service
from controller.effects.schemas import EffectList, EffectView
from controller.parameters import Identifier
from controller.text import Searched
from pipeline.effects.kinds import EffectStatus

router = APIRouter(prefix="/api/v1/effects", tags=["effects"])


@router.get("")
async def list_effects(
    context: Context,
    principal: Viewer,
    status: EffectStatus | None = None,
    cr_id: Annotated[Searched | None, Query(max_length=100)] = None,
) -> EffectList:
    """Return dead letters, or the effects of a change request or a status."""
    return await service.every(context, principal, cr_id=cr_id, status=status)


@router.post("/{effect_id}/retry", status_code=202)
async def retry(context: Context, principal: Operator, effect_id: Identifier) -> EffectView:
    """Try a dead letter again."""
    return await service.retry(context, principal, effect_id)


@router.post("/{effect_id}/dismiss")
async def dismiss(context: Context, principal: Operator, effect_id: Identifier) -> EffectView:
    """Give an effect up for good."""
    return await service.dismiss(context, principal, effect_id)
