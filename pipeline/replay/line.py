"""The way through the line, decided again: from how each stage ended to where it led.

The outcomes of stages are taken as recorded (what they follow from is compared elsewhere); where they lead, how often they
may, and what is said about it is decided again by `routing` and compared with the stages that were entered. What a person
decided (a gate, a resume, another attempt) is taken as recorded, and so is what a pause inside a stage made of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.change_request import Stage, Status
from pipeline.events import Event, StageCompleted, StageEntered, StageLooped, StatusChanged, read_event
from pipeline.limits import Limits
from pipeline.line import routing
from pipeline.replay.recording import Recording
from pipeline.replay.verdicts import Difference
from pipeline.stage.known import KnownRun
from pipeline.stage.registry import per_repository
from pipeline.stage.state import END, Outcome, RunState, Verdict, outcome_key

_OPEN_ENDED = frozenset({Verdict.BLOCKED.value, Verdict.WAITING.value})


@dataclass(slots=True)
class _Walk:
    """Where the recorded run stands."""

    limits: Limits
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    ended: Stage | None = None
    """The stage that ended last, until what follows it is known."""
    free: bool = True
    """Whether a person, not `routing`, decided what follows."""
    loops: dict[str, int] = field(default_factory=dict)
    decided: int = 0

    def decision(self, stage: Stage, loops: Mapping[str, int]) -> routing.Decision:
        """Ask `routing`."""
        state: RunState = {
            "outcomes": self.outcomes,
            "repositories": {name: {} for name in self.names},
            "loops": dict(loops),
        }
        return routing.after(stage, state, self.limits)


def differences(recording: Recording) -> Iterator[Difference]:
    """Yield every step of the line that leads elsewhere now."""
    walk = _Walk(recording.configuration.pipeline)
    for event in recording.body.events:
        yield from _step(recording, walk, read_event(event.payload))


def counted(recording: Recording) -> int:
    """Return how many steps are decided again."""
    walk = _Walk(recording.configuration.pipeline)
    for event in recording.body.events:
        for _ in _step(recording, walk, read_event(event.payload)):
            pass
    return walk.decided


def _step(recording: Recording, walk: _Walk, event: Event | None) -> Iterator[Difference]:
    match event:
        case StageCompleted(stage=Stage()):
            _take(walk, event)
        case StageLooped(stage=Stage()):
            yield from _looped(recording, walk, event)
        case StageEntered(stage=Stage() as stage):
            yield from _entered(recording, walk, stage)
        case StatusChanged() if event.status is not Status.RUNNING:
            _forget(walk)
        case None:
            # A version before this one wrote it, or a later one: what was known of the walk holds no longer.
            _forget(walk)


def _forget(walk: _Walk) -> None:
    walk.free, walk.ended = True, None
    walk.loops.clear()


def _take(walk: _Walk, event: StageCompleted) -> None:
    if event.stage is None:
        return
    repository = event.repository if per_repository(event.stage) else None
    if repository:
        walk.names.add(repository)
    walk.outcomes[outcome_key(event.stage, repository)] = {"verdict": event.outcome, "summary": event.summary}
    walk.ended, walk.free = event.stage, event.outcome in _OPEN_ENDED


def _looped(recording: Recording, walk: _Walk, event: StageLooped) -> Iterator[Difference]:
    stage = event.stage
    if stage is None:
        return
    before = walk.loops.get(stage.value, event.loop - 1)
    decision = walk.decision(stage, {stage.value: before})
    walk.decided += 1
    recorded = {
        "to": event.back_to.value,
        "loop": event.loop,
        "loops_max": event.loops_max,
        "why": event.why,
    }
    now = {
        "to": decision.goto,
        "loop": decision.loops.get(stage.value),
        "loops_max": routing.sends_back(stage).at_most(walk.limits),
        "why": decision.why[:500],
    }
    walk.loops[stage.value] = event.loop
    if now != recorded:
        walk.ended = None
        yield _difference(recording, stage, "where a loop leads", recorded, now)


def _entered(recording: Recording, walk: _Walk, stage: Stage) -> Iterator[Difference]:
    ended, free = walk.ended, walk.free
    if ended is None or ended is stage or free:
        walk.ended = None if ended is not stage else ended
        return
    walk.ended = None
    walk.decided += 1
    before: dict[str, int] = {ended.value: walk.loops[ended.value] - 1} if ended.value in walk.loops else {}
    goto = walk.decision(ended, before).goto
    if goto != stage.value and not _reused_up_to(walk, goto, stage):
        yield _difference(recording, ended, f"what follows {ended.value}", stage.value, goto)


def _reused_up_to(walk: _Walk, goto: str, entered: Stage) -> bool:
    """Whether the stages between had results that still held, and so were passed through without being entered."""
    if goto not in {stage.value for stage in Stage} or goto == END:
        return False
    between = [stage for stage in Stage if Stage(goto).number <= stage.number < entered.number]
    known = KnownRun(outcomes=walk.outcomes)
    passed = {key.split("/")[0] for key in known.outcomes if known.passed(key)}
    return bool(between) and all(stage.value in passed for stage in between)


def _difference(recording: Recording, stage: Stage, what: str, expected: Any, got: Any) -> Difference:
    attempt = recording.body.change_request.attempt
    return Difference(
        attempt=attempt, stage=stage.value, repository="", activation="", what=what, expected=expected, got=got
    )
