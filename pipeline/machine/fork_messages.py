"""What a controller and its fork server say to each other, one JSON object per line.

Problem: two processes of different rooms speak, and a word that one of them misspells is a worker that nobody misses.
Choice: both write and read these models. Invariant: what a message does not say is left out of its line, and what a
reader does not know is passed over.
"""

from pydantic import BaseModel, ConfigDict


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    def line(self) -> bytes:
        """Return the message as it is sent."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n"


class WorkerName(_Message):
    """A worker by what it works on; a change request has at most one in an epoch."""

    cr_id: str
    epoch: int


class Launch(WorkerName):
    """A worker that is wanted."""

    tenant: str
    attempt: int


class SurveyName(_Message):
    """A run of a check of a repository."""

    tenant: str
    survey_id: str


class Started(WorkerName):
    """A worker that was born."""

    pid: int


class Exited(WorkerName):
    """A worker that ended; a negative code is the signal that ended it."""

    code: int


class Wish(_Message):
    """A line to the fork server."""

    launch: Launch | None = None
    stop: WorkerName | None = None
    survey: SurveyName | None = None
    """A check that is wanted. Nobody is told how it ends: its row says so, and that it lives."""


class Report(_Message):
    """A line from the fork server."""

    ready: bool = False
    started: Started | None = None
    exited: Exited | None = None
