"""Which figures there are, and running them one after the other on one installation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench import (
    approvals,
    bundle,
    control_room,
    event_log,
    first_request,
    footprint,
    interventions,
    journal_cost,
    large_request,
    repository_checks,
    sample,
    stages,
    streams,
    trees,
    turns,
    whole_request,
)
from bench.figures import Figure
from bench.installation import Installation, installation


class Measure(Protocol):
    """One module's figures."""

    def __call__(self, installation: Installation, *, quick: bool) -> list[Figure]:
        """Measure and return the rows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One group of figures by its name on the command line."""

    name: str
    measure: Measure
    controller: bool = True
    """Whether controller and scripted model have to run."""


RUNS = (
    Run("submit", first_request.measure),
    Run("memory", footprint.measure),
    Run("turn", turns.measure),
    Run("stage", stages.measure, controller=False),
    Run("stop", interventions.measure),
    Run("approve", approvals.measure),
    Run("journal", journal_cost.measure),
    Run("events", event_log.measure, controller=False),
    Run("streams", streams.measure),
    Run("bundle", bundle.measure, controller=False),
    Run("trees", trees.measure, controller=False),
    Run("contact", repository_checks.measure),
    Run("room", control_room.measure),
    Run("whole", whole_request.measure),
    Run("large", large_request.measure),
)
"""In this order: the last two leave the controller with stopwatches in it."""


def run(names: Sequence[str], *, quick: bool, report: Callable[[str], None]) -> Iterator[Figure]:
    """Measure the named groups and yield their figures as they come."""
    wanted = [one for one in RUNS if one.name in names]
    report("Starting PostgreSQL and Redis")
    with installation() as installed:
        for one in wanted:
            if one.controller and not installed.children:
                report("Starting scripted model and controller")
                installed.play(sample.scenario())
            report(f"Measuring {one.name}")
            yield from one.measure(installed, quick=quick)
