"""Approving and retiring learnings."""

from controller.context import ControllerContext
from controller.learnings import schemas
from pipeline.access import Principal
from pipeline.store.audit import Audit
from pipeline.store.learnings import Learnings


async def every(
    context: ControllerContext,
    principal: Principal,
    *,
    status: schemas.LearningStatus | None,
    repository: str | None,
) -> schemas.LearningList:
    """Return learnings, newest first."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await Learnings(connection).all(status=status.value if status else None, repository=repository)
    return schemas.LearningList(items=[schemas.learning_view(one) for one in found])


async def decide(
    context: ControllerContext, principal: Principal, learning_id: str, status: schemas.LearningStatus
) -> schemas.LearningView:
    """Approve or retire one. Idempotent."""
    async with context.database.transaction(principal.tenant) as connection:
        decided = await Learnings(connection).decide(learning_id, status.value, actor=principal.id)
        await Audit(connection).note(principal.id, f"learning_{status}", learning_id, repository=decided.repository)
    return schemas.learning_view(decided)
