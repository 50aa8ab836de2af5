"""What the controller reads of the settings that a change request was submitted with.

Problem: the frozen snapshot is only whole for the worker, which refuses one that it cannot read; the board has to show
every row. Choice: the few facts that are shown or decided by are read here, each with a value for rows that were stored
without it. Invariant: a section that another version wrote is no obstacle.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Limits(_Section):
    budget_usd: Decimal = Decimal(0)


class _Security(_Section):
    requester_may_approve: bool = True


class _Model(_Section):
    model: str = ""


class _Models(_Section):
    default: tuple[_Model, ...] = ()


class Snapshot(_Section):
    """The settings of one change request."""

    pipeline: _Limits = _Limits()
    security: _Security = _Security()
    models: _Models = _Models()

    @property
    def model(self) -> str:
        """The model that is asked first by default, empty when the row names none."""
        return self.models.default[0].model if self.models.default else ""


def snapshot_of(stored: Mapping[str, Any]) -> Snapshot:
    """Return what is read of a stored snapshot."""
    return Snapshot.model_validate(stored)
