"""What people may say to a change request, and the receipt."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from controller.text import TEXT_MAX, TITLE_MAX, BudgetUsd, FilledLine, FilledText, Text
from pipeline.change_request import Stage, Status
from pipeline.interventions.intervention import Action, InterventionStatus, RerunMode


class EditedRequest(BaseModel):
    """The whole text as it should be."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[FilledLine, StringConstraints(max_length=TITLE_MAX)] | None = None
    """None keeps the title."""
    body: Annotated[FilledText, StringConstraints(max_length=TEXT_MAX)]
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The revision that was read; refused when another one is in use by now."""


class InterventionRequest(BaseModel):
    """One thing a person says."""

    model_config = ConfigDict(extra="forbid")

    action: Action
    instructions: Annotated[Text, StringConstraints(strip_whitespace=True, max_length=20_000)] = ""
    """For resume, rerun, redirect, edit and adopt: what the agents are told, with top priority. For fail and cancel: why."""
    repository: Annotated[FilledLine, StringConstraints(max_length=100)] | None = None
    """Limits instructions to one repository."""
    mode: RerunMode | None = None
    """For rerun."""
    stage: Stage | None = None
    """For rerun from a stage."""
    budget_usd: BudgetUsd | None = None
    """For budget: the new total of this change request."""
    request: EditedRequest | None = None
    """For edit."""


class Receipt(BaseModel):
    """What became of it so far: `queued` until the worker or the next run takes it, or `acted` at once."""

    id: str
    status: InterventionStatus
    change_request_status: Status
    message: str


class AvailableAction(BaseModel):
    """Something a person can do now, in one line."""

    action: Action
    explanation: str
    mode: RerunMode | None = None
