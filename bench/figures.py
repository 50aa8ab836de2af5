"""What is reported: one number, the samples it comes from, its floor and its aim."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

P95 = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table. `value`, `floor` and `aim` are in `unit`, and so are the samples."""

    group: str
    name: str
    value: float
    """The median of the samples, or one measured number where there are none."""
    unit: str
    floor: float | None = None
    floor_name: str = ""
    aim: float | None = None
    samples: tuple[float, ...] = ()

    @property
    def p95(self) -> float | None:
        """The 95th percentile of the samples; None for a single number."""
        return percentile(self.samples, P95) if len(self.samples) > 1 else None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-plain form."""
        return {
            "group": self.group, "name": self.name, "unit": self.unit, "value": self.value, "p95": self.p95,
            "floor": self.floor, "floor_name": self.floor_name, "aim": self.aim, "samples": list(self.samples),
        }  # fmt: skip


def figure(
    group: str,
    name: str,
    samples: Sequence[float],
    unit: str,
    *,
    floor: float | None = None,
    floor_name: str = "",
    aim: float | None = None,
) -> Figure:
    """Return a figure whose value is the median of its samples."""
    return Figure(
        group=group, name=name, value=statistics.median(samples), unit=unit, floor=floor, floor_name=floor_name,
        aim=aim, samples=tuple(samples),
    )  # fmt: skip


def percentile(samples: Sequence[float], part: float) -> float:
    """Return a percentile by the nearest rank, so that it is always one of the samples."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered) + 0.5) - 1))]
