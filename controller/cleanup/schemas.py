"""Artifacts that are left, the choices for each, and what a person chose."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from controller.text import FilledLine, Text
from pipeline.change_request import Status


class ArtifactKind(StrEnum):
    """What is left outside."""

    BRANCH = "branch"
    PULL_REQUEST = "pull_request"
    SNAPSHOTS = "snapshots"
    SOURCE = "source"


class CleanupChoice(StrEnum):
    """What becomes of it. A branch or snapshots are kept or deleted, a pull request closed or left, a source told or left."""

    KEEP = "keep"
    DELETE = "delete"
    CLOSE = "close"
    LEAVE = "leave"
    REPORT = "report"


OPTIONS = {
    ArtifactKind.BRANCH: (CleanupChoice.KEEP, CleanupChoice.DELETE),
    ArtifactKind.PULL_REQUEST: (CleanupChoice.CLOSE, CleanupChoice.LEAVE),
    ArtifactKind.SNAPSHOTS: (CleanupChoice.KEEP, CleanupChoice.DELETE),
    ArtifactKind.SOURCE: (CleanupChoice.REPORT, CleanupChoice.LEAVE),
}
"""The default first; it is only carried out when a person says so."""


class CleanupArtifact(BaseModel):
    """One thing that is left."""

    id: str
    """`branch:REPOSITORY:ATTEMPT`, `pull_request:REPOSITORY:ATTEMPT`, `snapshots:REPOSITORY` or `source`."""
    kind: ArtifactKind
    repository: str | None
    """None for the source."""
    name: str
    state: str
    """`open`, `deleting`, `deleted`, `left_alone` (it moved since), `closed`, `merged`, or how an effect stands.

    Of the source: `reporting`, `reported`, or `dead` and `dismissed` when the report of the end did not arrive.
    """
    options: list[CleanupChoice]
    """Empty when nothing is left to choose."""
    default: CleanupChoice
    warning: str
    """What deleting it loses, or what its source was not told."""


class CleanupView(BaseModel):
    """Everything that is left of a change request."""

    change_request: str
    pending: bool
    """Nobody decided so far."""
    artifacts: list[CleanupArtifact]


class CleanupDecision(BaseModel):
    """One choice."""

    model_config = ConfigDict(extra="forbid")

    artifact: Annotated[FilledLine, StringConstraints(max_length=300)]
    choice: CleanupChoice


class CleanupRequest(BaseModel):
    """What a person decides; what is not named stays as it is. `dismiss` puts everything off."""

    model_config = ConfigDict(extra="forbid")

    decisions: Annotated[list[CleanupDecision], Field(max_length=1_000)] = []
    dismiss: bool = False
    comment: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=5_000)] = ""


class AtRemote(StrEnum):
    """What the remote says about it right now."""

    THERE = "there"
    MOVED = "moved"
    """Somebody moved it since; it will be left alone."""
    UNKNOWN = "unknown"
    """The remote did not answer."""


class StaleBranch(BaseModel):
    """A branch, or saved work in progress, that outlived its change request."""

    change_request: str
    title: str
    status: Status
    created_by: str
    ended_at: datetime
    artifact: CleanupArtifact
    """With the choices for it, decided at `POST /api/v1/change-requests/{id}/cleanup`."""
    remote: str
    at_remote: AtRemote
    why_unknown: str
    """What the remote said instead."""


class StaleBranches(BaseModel):
    """What is left at remotes of change requests that failed, were cancelled or aborted, the longest ended first."""

    items: list[StaleBranch]
    truncated: bool
    """More change requests ended than were looked at."""
