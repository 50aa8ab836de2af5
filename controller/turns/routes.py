"""What single turns of agents changed, beside what the whole change request changes."""

from typing import Annotated

from fastapi import APIRouter, Path

from controller.auth.principals import Viewer
from controller.context import Context
from controller.parameters import ChangeRequestId
from controller.turns import schemas, service

router = APIRouter(prefix="/api/v1/change-requests/{cr_id}/turns", tags=["views"])

Commit = Annotated[str, Path(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]


@router.get("")
async def list_turns(context: Context, principal: Viewer, cr_id: ChangeRequestId) -> schemas.EditingConversationList:
    """Return the turns that changed files, conversation by conversation."""
    return await service.turns(context, principal, cr_id)


@router.get("/{commit}/diff")
async def get_turn_diff(
    context: Context,
    principal: Viewer,
    cr_id: ChangeRequestId,
    commit: Commit,
    since: schemas.Since = schemas.Since.TURN,
) -> schemas.TurnDiffView:
    """Return what the turn that ended at a snapshot changed; with `since=conversation`, what its conversation did up to it."""
    return await service.turn_diff(context, principal, cr_id, commit=commit, since=since)
