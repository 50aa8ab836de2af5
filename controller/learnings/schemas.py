"""Learnings as people see them."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:  # the command line reads these models too, and waits for no database driver
    from pipeline.store.learnings import Learning


class LearningStatus(StrEnum):
    """Only approved learnings enter later prompts, marked untrusted."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RETIRED = "retired"


class LearningView(BaseModel):
    """One proposed sentence with what it rests on."""

    id: str
    repository: str
    text: str
    evidence: str
    cr_id: str
    status: LearningStatus
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


class LearningList(BaseModel):
    """Learnings, newest first."""

    items: list[LearningView]


def learning_view(learning: "Learning") -> LearningView:
    """Return a learning as the API shows it."""
    return LearningView(**{name: getattr(learning, name) for name in LearningView.model_fields})
