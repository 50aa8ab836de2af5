"""Health and audit as the API shows them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class Alive(BaseModel):
    """The process answers."""

    status: str
    version: str


class Readiness(BaseModel):
    """Whether this controller can do its work; `checks` says what is missing where it is not `ok`."""

    ready: bool
    checks: dict[str, str]


class AuditView(BaseModel):
    """Who did what to what."""

    id: int
    actor: str
    action: str
    target: str
    facts: dict[str, Any]
    at: datetime


class AuditPage(BaseModel):
    """Audit entries, newest first."""

    items: list[AuditView]
    next_before: int | None
