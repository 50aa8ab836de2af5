"""What a pause shows to a person and a stage reads again when it goes on, one model per kind.

Problem: what was shown decides what a person has let pass, and it crossed the checkpoint as a dictionary. Choice: a model
says what is written and what is read. Invariant: a pause of the same reason that showed something else, or was written by
an earlier version, reads as nothing shown.
"""

from pydantic import BaseModel, ConfigDict

from pipeline.findings import RiskFlag


class PauseFacts(BaseModel):
    """What a pause shows; more may stand beside it."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RiskyPassages(PauseFacts):
    """Passages of the request, each of which a person may let pass."""

    flags: tuple[RiskFlag, ...] = ()


class ChangedManifests(PauseFacts):
    """Dependency manifests that the change touches, by path."""

    manifests: tuple[str, ...] = ()


class RedSuites(PauseFacts):
    """The commits on which the full suite fails, by repository."""

    commits: dict[str, str] = {}
