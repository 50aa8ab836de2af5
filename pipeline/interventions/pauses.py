"""What a pause that a person caused remembers, so that what follows can read it.

Choice: the facts of a pause are shown to people as they are; those that are also read again are models. Invariant: what a
version before this one stored can be read, so facts are only added, with defaults.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from pipeline.change_request import PauseReason, Stage, WaitKind


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class HandedOver(_Facts):
    """Who has the change request, and what is published for them: the effect of each repository."""

    by: str
    since: datetime
    branch: str = ""
    effects: Mapping[str, str] = {}
    from_stage: Stage
    intervention: str = ""


class StoppedAt(_Facts):
    """The stage that a run stopped in, empty when what stopped it was none."""

    stage: JsonValue = ""


class StoppedBefore(_Facts):
    """What a change request had stopped for by itself when the text of its source changed; empty if it had not."""

    reason: PauseReason | None = None
    message: str = ""
    facts: Mapping[str, JsonValue] = {}
    wait: WaitKind | None = None


class SourceChanged(_Facts):
    """Which issue has another text, and what it had stopped for before."""

    source: str = ""
    before: StoppedBefore = StoppedBefore()
