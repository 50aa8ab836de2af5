"""Finds the declarations: `Stage` lists what there is, in order; the module of the same name says what it is.

Problem: a table of stages is one more place to forget. Choice: the enum's member is the registration, and its module is
imported when somebody first asks. Invariant: a member without a module that declares it is an error, never a gap.
"""

from functools import cache
from importlib import import_module

from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken
from pipeline.gates.gate import GateKind
from pipeline.stage.declaration import StageDeclaration


@cache
def declared(stage: Stage) -> StageDeclaration:
    """Return what a stage declares."""
    # Stages import this package, so they are looked up by name, and only when one is asked for.
    declaration = getattr(import_module(f"pipeline.stages.{stage.value}"), "DECLARATION", None)
    if not isinstance(declaration, StageDeclaration):
        raise InvariantBroken("A stage has no declaration.", stage=stage.value)
    return declaration


@cache
def line_stages() -> tuple[Stage, ...]:
    """Return the stages that every change request passes, in order."""
    return tuple(stage for stage in Stage if not declared(stage).beside_the_line)


@cache
def handback_stage() -> Stage:
    """Return the stage beside the line that looks at what a person handed back."""
    (stage,) = (stage for stage in Stage if declared(stage).beside_the_line)
    return stage


@cache
def after_handback() -> tuple[Stage, ...]:
    """Return where a handed back change may go on, in order."""
    return tuple(stage for stage in line_stages() if declared(stage).after_handback)


@cache
def opening_gate(kind: GateKind) -> Stage:
    """Return the stage that opens the gates of a kind."""
    (stage,) = (stage for stage in Stage if (gate := declared(stage).gate) is not None and gate.kind == kind)
    return stage


def per_repository(stage: Stage) -> bool:
    """Whether a stage runs once per repository."""
    return declared(stage).per_repository


def label(stage: Stage) -> str:
    """Return what people call a stage."""
    return declared(stage).label
