"""Versioned runtime settings: what an operator may change while the system runs.

Each section is one pydantic model with a default; the database keeps every version. A change touches new change requests
only: submit freezes `snapshot()` into the change request, and workers read nothing else. The sections in `LIVE_SECTIONS`
concern the controller alone and hold at once. A section exists only if something reads it; a limit has exactly one owner.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.effects.kinds import Need
from pipeline.errors import CallerError, NotFound, misfits
from pipeline.limits import Limits
from pipeline.llm.chains import ModelSettings


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DependencyPolicy(StrEnum):
    """What happens when an agent changes a dependency manifest."""

    AUTO = "auto"
    ASK = "ask"


class SecuritySettings(_Section):
    """Input screening and scope."""

    pause_on_high_risk: bool = True
    dependency_changes: DependencyPolicy = DependencyPolicy.AUTO
    """`auto` rebuilds the environment and shows it in the evidence; `ask` pauses as diff_scope."""
    requester_may_approve: bool = True
    """Whether the requester of a change may approve its release. On one machine there is only one person."""


class DeliverySettings(_Section):
    """Defaults for repositories that state nothing of their own."""

    merge_strategy: str = Field("merge", pattern=r"^(merge|squash|fast_forward)$")
    spec_approval: bool = False
    """True asks a person to approve the verified specs before development."""


class DispatchSettings(_Section):
    """How many change requests of this tenant run at the same time; holds at once, for queued ones too."""

    workers_max: int | None = Field(None, ge=1, le=500)
    """None takes the process setting `controller.tenant_workers_max`. Lowering it stops nothing that runs."""
    all_workers_max: int | None = Field(None, ge=1, le=500)
    """Of all tenants together; only the controller's own tenant (process setting `tenant`) may set it. None takes the process
    setting `controller.workers_max`."""


class NotificationSettings(_Section):
    """One webhook that is told when somebody is needed; holds at once, for everything not yet delivered."""

    url: str | None = Field(None, pattern=r"^https?://[^\s@#]+$", max_length=2000)
    """None tells nobody. Without credentials: the signature shows who sends."""
    secret: str = Field("notifications", pattern=r"^[a-z0-9_]{1,60}$")
    """The name of the secret that signs, one of the process setting `webhook.secrets`; never the secret itself."""
    events: tuple[Need, ...] = tuple(Need)
    """What it is told of."""


LIVE_SECTIONS = frozenset({"dispatch", "notifications"})
"""Read by the controller as they hold now; no part of a change request's snapshot."""


class RuntimeSettings(_Section):
    """All sections together. What is frozen into a change request is `snapshot`."""

    pipeline: Limits = Limits()
    models: ModelSettings = ModelSettings()
    security: SecuritySettings = SecuritySettings()
    delivery: DeliverySettings = DeliverySettings()
    dispatch: DispatchSettings = DispatchSettings()
    notifications: NotificationSettings = NotificationSettings()

    def snapshot(self) -> dict[str, Any]:
        """Return the JSON-plain form that a change request runs on, without what only the controller reads."""
        return self.model_dump(mode="json", exclude=set(LIVE_SECTIONS))


SECTIONS: Mapping[str, type[BaseModel]] = {
    "pipeline": Limits,
    "models": ModelSettings,
    "security": SecuritySettings,
    "delivery": DeliverySettings,
    "dispatch": DispatchSettings,
    "notifications": NotificationSettings,
}


def parse_section(section: str, value: Mapping[str, Any]) -> BaseModel:
    """Validate a section's new value; raises `CallerError` naming the field, or `NotFound` for an unknown section."""
    model = SECTIONS.get(section)
    if model is None:
        raise NotFound("settings section", section)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = misfits(error.errors())[0]
        raise CallerError(
            f"{section}.{first.place}: {first.msg}.",
            field=f"{section}.{first.place}",
            remedy="Correct this field; nothing was stored.",
        ) from error
