"""Effects as people see them."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from pipeline.records import Effect


class EffectStatus(StrEnum):
    """From intent to outcome."""

    INTENDED = "intended"
    CLAIMED = "claimed"
    RETRY = "retry"
    DONE = "done"
    CONFLICT = "conflict"
    REFUSED = "refused"
    DEAD = "dead"
    DISMISSED = "dismissed"


class EffectView(BaseModel):
    """One change outside. `payload` names exact commits; `error` says why it is not done."""

    id: str
    cr_id: str
    repository: str | None
    kind: str
    status: EffectStatus
    payload: dict[str, Any]
    result: dict[str, Any]
    tries: int
    error: str


class EffectList(BaseModel):
    """Effects, oldest first."""

    items: list[EffectView]


def effect_view(effect: Effect) -> EffectView:
    """Return an effect as the API shows it."""
    same = [name for name in EffectView.model_fields if name != "status"]
    return EffectView(**{name: getattr(effect, name) for name in same}, status=EffectStatus(effect.status))
