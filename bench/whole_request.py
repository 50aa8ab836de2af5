"""A whole change request, and how much of it is Changeline: its stages without the tests they run and without git.

The processes are the product's with a stopwatch at three ports (`recording`). From the sum of stage durations, as the
stages themselves report them, everything is taken out during which at least one test run or git command was under way:
intervals are merged first, because reviewers work side by side. Tools of agents and their model calls stay in, and
stand in the floor too: as many checkpoints, model calls and sandboxed commands, each done as barely as possible.
"""

import asyncio
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import floors, sample, stored
from bench.door import Door, door, left
from bench.figures import Figure, figure
from bench.installation import Installation
from bench.leased import leased
from bench.recording import GIT, TESTS, TOOLS
from cli import itself
from pipeline.store.checkpoints import checkpointer

GROUP = "whole"
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Line:
    """One change request: seconds it took as a whole, in its stages, and in what the stages waited for."""

    cr_id: str
    wall_s: float
    stages_s: float
    tests_s: float
    git_s: float
    tools_s: float
    outside_s: float
    """Tests and git together, overlaps counted once."""
    model_calls: int
    tools: int

    @property
    def own_s(self) -> float:
        return self.stages_s - self.outside_s


def measure(installation: Installation, *, quick: bool) -> list[Figure]:
    """Carry change requests through every stage, the first one only to build the environment of the repository."""
    times = 1 if quick else 3
    record = installation.root / "stopwatch.jsonl"
    installation.stop_controller()
    plain = installation.children
    installation.children = [_recording(child, record) if child.name == "controller" else child for child in plain]
    installation.start_controller()
    try:
        with door(installation) as opened:
            lines = [_carry(opened, installation, record, number) for number in range(times + 1)][1:]
    finally:
        installation.stop_controller()
        installation.children = plain
        installation.start_controller()
    return _figures(installation, lines, floor_times=20 if quick else 50)
