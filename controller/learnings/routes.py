"""Learnings: read by all, decided by approvers."""

from fastapi import APIRouter

from controller.auth.principals import Approver, Viewer
from controller.context import Context
from controller.learnings import service
from controller.learnings.schemas import LearningList, LearningStatus, LearningView
from controller.parameters import Filter, Identifier

router = APIRouter(prefix="/api/v1/learnings", tags=["learnings"])


@router.get("")
async def list_learnings(
    context: Context,
    principal: Viewer,
    status: LearningStatus | None = None,
    repository: Filter = None,
) -> LearningList:
    """Return learnings, newest first."""
    return await service.every(context, principal, status=status, repository=repository)


@router.post("/{learning_id}/approve")
async def approve(context: Context, principal: Approver, learning_id: Identifier) -> LearningView:
    """Let a learning enter later prompts of its repository."""
    return await service.decide(context, principal, learning_id, LearningStatus.APPROVED)


@router.post("/{learning_id}/retire")
async def retire(context: Context, principal: Approver, learning_id: Identifier) -> LearningView:
    """Keep a learning out of prompts from now on."""
    return await service.decide(context, principal, learning_id, LearningStatus.RETIRED)
