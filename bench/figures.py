"""What is reported: one number, the samples it comes from, its floor and its aim."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

P95 = 0.95
RATE = "/s"


@dataclass(frozen=True, slots=True)
class Floor:
    """What the same work costs at least on this machine, in the unit of the figure beside it."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table. `value`, `floor` and `aim` are in `unit`, and so are the samples."""

    group: str
    name: str
    value: float
    """The median of the samples, or one measured number where there are none."""
    unit: str
    floor: Floor | None = None
    aim: float | None = None
    samples: tuple[float, ...] = ()
    unmeasured: str = ""
    """Why there is no number; `value` says nothing then."""

    @property
    def p95(self) -> float | None:
        """What 95 of 100 samples are no worse than; None for a single number. Of rates, less is worse."""
        if len(self.samples) < 2:
            return None
        return percentile(self.samples, 1 - P95 if self.unit == RATE else P95)

    def plain(self) -> dict[str, Any]:
        """Return the JSON-plain form."""
        return {
            "group": self.group, "name": self.name, "unit": self.unit, "value": None if self.unmeasured else self.value, "unmeasured": self.unmeasured, "p95": self.p95,
            "floor": self.floor.value if self.floor else None, "floor_name": self.floor.name if self.floor else "",
            "aim": self.aim, "samples": list(self.samples),
        }  # fmt: skip


def figure(
    group: str,
    name: str,
    samples: Sequence[float],
    unit: str,
    *,
    floor: Floor | None = None,
    aim: float | None = None,
) -> Figure:
    """Return a figure whose value is the median of its samples."""
    return Figure(
        group=group,
        name=name,
        value=statistics.median(samples),
        unit=unit,
        floor=floor,
        aim=aim,
        samples=tuple(samples),
    )


def unmeasured(group: str, name: str, why: str) -> Figure:
    """Return a row that says why there is no number, so that nobody takes a missing one for a good one."""
    return Figure(group=group, name=name, value=0.0, unit="", unmeasured=why)


def percentile(samples: Sequence[float], part: float) -> float:
    """Return a percentile by the nearest rank, so that it is always one of the samples."""
    rank = math.ceil(round(part * len(samples), 6))
    return sorted(samples)[max(rank, 1) - 1]
