"""Analytics: read by all."""

from typing import Annotated

from fastapi import APIRouter, Query

from controller.analytics import service
from controller.analytics.schemas import Analytics
from controller.auth.principals import Viewer
from controller.context import Context
from controller.parameters import Filter

router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"])


@router.get("")
async def get_analytics(
    context: Context,
    principal: Viewer,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    repository: Filter = None,
) -> Analytics:
    """Return throughput, stage durations, first-pass rates, loops and cost of the last days, of everything or one repository."""
    return await service.over(context, principal, days, repository)
