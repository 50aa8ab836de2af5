"""Problem details (RFC 9457): the one shape of every error, read by whoever calls the API."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """Problem details, RFC 9457. `type` names the class of error, `facts` carries its particulars."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(examples=["urn:changeline:problem:not-found"])
    title: str
    status: int
    detail: str
    field: str | None = None
    """The name, as the caller used it, of what was refused."""
    remedy: str | None = None
    """What to do instead."""
    facts: dict[str, Any] = Field(default_factory=dict)
