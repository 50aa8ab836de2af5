"""What is done to the processes, and when, from a seed alone.

Choice: most of the disturbances strike at named crash points, each point once before any comes again; the others
come at random moments and go through all targets in turn. Invariant: the same seed and number give the same list, so a
stopped campaign goes on where it was.
"""

import random
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from pipeline.line.crash_points import in_workers, points

PER_CHANGE_REQUEST = 5
_SKIP_MAX = 12
_OTHERS_MIN = 4
_FREEZES_AT_POINTS = 0.15
_Card = TypeVar("_Card")


class Target(StrEnum):
    """What is disturbed, and how."""

    WORKER = "worker"
    CONTROLLER = "controller"
    POSTGRES = "postgres"
    REDIS = "redis"
    FREEZE = "freeze"
    """A worker is stopped past its lease and woken later."""
    CUT = "cut"
    """Every connection of workers and controller is closed; no process dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One of them. Without a `point` it comes at `part` of the time that the change request usually takes."""

    number: int
    target: Target
    point: str | None = None
    part: float = 0.0
    skip: int = 0
    """How often the point is passed before it strikes."""
    late: bool = False
    """A frozen worker is woken only when the change request is finished, else as soon as its successor works."""

    @property
    def label(self) -> str:
        """What people read."""
        return f"{self.target.value} at {self.point}" if self.point else f"{self.target.value} at random"


def plan(kills: int, seed: int) -> list[Disturbance]:
    """Return so many disturbances in the order in which they are handed out."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    named = [
        _named(dice, point)
        for point in _dealt(dice, points(), min(len(points()), max(0, kills - _OTHERS_MIN) * 2 // 3))
    ]
    others = [_timed(dice, target) for target in _dealt(dice, tuple(Target), kills - len(named))]
    mixed = named + others
    dice.shuffle(mixed)
    return [replace(one, number=number) for number, one in enumerate(mixed)]


def _dealt(dice: random.Random, deck: tuple[_Card, ...], count: int) -> list[_Card]:
    found: list[_Card] = []
    while len(found) < count:
        found += dice.sample(deck, len(deck))
    return found[:count]


def _named(dice: random.Random, point: str) -> Disturbance:
    in_worker = point in in_workers()
    freeze = in_worker and dice.random() < _FREEZES_AT_POINTS
    target = Target.FREEZE if freeze else Target.WORKER if in_worker else Target.CONTROLLER
    skip = dice.randrange(_SKIP_MAX) if point.startswith("journal.") and "noted" not in point else 0
    return Disturbance(number=0, target=target, point=point, skip=skip, late=dice.random() < 0.5)  # noqa: PLR2004 - a coin


def _timed(dice: random.Random, target: Target) -> Disturbance:
    return Disturbance(number=0, target=target, part=dice.uniform(0.02, 0.98), late=dice.random() < 0.5)  # noqa: PLR2004 - a coin
