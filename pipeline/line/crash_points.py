"""Which crash points a change request passes that meets no obstacle: derived from stages, effects and journal entries.

Problem: a list that is written by hand misses the step that was added last, and no kill ever strikes there. Choice: the
list follows from the declarations. Invariant (a test with real processes holds it): an undisturbed run of one repository
passes each of these points and no other.
"""

from functools import cache

from pipeline.change_request import Stage
from pipeline.machine.crash_points import around
from pipeline.ports import EntryKind
from pipeline.stage.registry import declared, line_stages, per_repository

EDITORS = ("test_writer", "code_writer")
"""Who leaves snapshots when nothing is in conflict."""
_AT_THE_START = 2
"""The checkpoint of what a run is given, and the one before its first stage."""
_AT_A_GATE = 2
"""That of the question, and that of the answer."""


@cache
def in_workers() -> tuple[str, ...]:
    """Return the points that a worker passes."""
    passed = [stage for stage in line_stages() if not _waits(stage)]
    return (
        *(point for kind in _effect_kinds() for point in around("effect", kind, "intend")),
        *(point for number in range(checkpoints()) for point in around("checkpoint", f"{number:02}")),
        *(point for stage in passed for point in around("result", stage.value)),
        *(point for kind in EntryKind for point in around("journal", kind.value)),
        *(point for role in EDITORS for point in around("snapshot", role)),
    )


@cache
def in_controllers() -> tuple[str, ...]:
    """Return the points that a controller passes."""
    return tuple(
        point
        for kind in _effect_kinds()
        for step in ("claim", "act", "record")
        for point in around("effect", kind, step)
    )


def points() -> tuple[str, ...]:
    """Return every named crash point."""
    return (*in_workers(), *in_controllers())


def checkpoints() -> int:
    """Return how many checkpoints are made: one for each node on the way, joins and gates included."""
    nodes = sum(2 if per_repository(stage) else 1 for stage in line_stages())
    return _AT_THE_START + nodes + _AT_A_GATE * sum(_waits(stage) for stage in line_stages())


def _waits(stage: Stage) -> bool:
    gate = declared(stage).gate
    return gate is not None and gate.always


def _effect_kinds() -> tuple[str, ...]:
    return tuple(kind for stage in line_stages() for kind in declared(stage).effects)
