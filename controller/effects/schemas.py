"""Effects as people see them."""

from typing import Any

from pydantic import BaseModel

from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, EffectStatus


class EffectView(BaseModel):
    """One change outside. `payload` names exact commits; `error` says why it is not done."""

    id: str
    cr_id: str
    repository: str | None
    kind: EffectKind
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
    outcome = effect.result or effect.refusal
    return EffectView(
        id=effect.id, cr_id=effect.cr_id, repository=effect.repository, kind=effect.kind, status=effect.status,
        payload=effect.payload.model_dump(mode="json"),
        result=outcome.model_dump(mode="json", exclude_none=True, exclude_unset=True),
        tries=effect.tries, error=effect.error,
    )  # fmt: skip
