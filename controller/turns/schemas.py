"""Turns and conversations of agents, and what they changed."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from controller.views.schemas import RepositoryDiffView


class Since(StrEnum):
    """What a turn's snapshot is compared with: the turn before it, or the beginning of its conversation."""

    TURN = "turn"
    CONVERSATION = "conversation"


class TurnView(BaseModel):
    """One turn that changed files. Its `commit` is its address."""

    turn: int
    since: str
    commit: str
    at: datetime


class EditingConversationView(BaseModel):
    """One conversation of an agent that works on a tree. `number` counts those of its role in its repository."""

    attempt: int
    activation: str
    role: str
    instance: str
    repository: str
    number: int
    since: str
    commit: str
    at: datetime
    ended: bool
    turns: list[TurnView]


class EditingConversationList(BaseModel):
    """Conversations in which anything changed, of all attempts, in the order they began."""

    items: list[EditingConversationView]


class TurnDiffView(BaseModel):
    """What one turn changed, or its conversation up to it."""

    conversation: EditingConversationView
    turn: int
    since: Since
    diff: RepositoryDiffView
