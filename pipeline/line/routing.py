"""Where a change request goes next: pure decisions over the state, each with its reason.

Problem: routing hidden in nodes lets a red suite reach delivery. Choice: one function per question, no I/O; a stage only
says how it ended and declares where it leads, and this module says what follows. Invariant (a property test holds it): no
path leads from a blocked or sent-back outcome to a later stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken
from pipeline.limits import Limits
from pipeline.stage.declaration import SendsBack
from pipeline.stage.known import KnownOutcome, loops_of
from pipeline.stage.outcomes import outcomes_of
from pipeline.stage.registry import after_handback, declared, label, line_stages
from pipeline.stage.run import with_why
from pipeline.stage.state import END, PAUSE, RunState, Verdict, Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows a stage. `loops` holds the counters that changed."""

    goto: str
    wait: Wait = field(default_factory=Wait)
    loops: dict[str, int] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBack:
    """That a stage, or a person at its gate, sends the change back: why, and in whose words."""

    stage: Stage
    why: str
    who: str
    """How the message for people begins: who sent what back."""
    repositories: tuple[str, ...] = ()
    """Whom it concerns; none means all."""
    facts: Mapping[str, Any] = field(default_factory=dict)


def after(stage: Stage, state: RunState, limits: Limits) -> Decision:
    """Decide what follows a stage whose outcomes are all in the state."""
    outcomes = outcomes_of(state, stage)
    if stop := _stop(stage, outcomes):
        return stop
    back = {name: outcome for name, outcome in outcomes.items() if outcome.verdict is Verdict.SENT_BACK}
    if back:
        return loop_back(_sent_back(stage, back), state, limits)
    if declared(stage).beside_the_line:
        return _after_handback(outcomes[""])
    return Decision(goto=onward(stage))


def loop_back(sent: SentBack, state: RunState, limits: Limits) -> Decision:
    """Decide on sending back: the earlier stage works again, until the loops are used up and a person is asked."""
    back = sends_back(sent.stage)
    loop = loops_of(state, sent.stage) + 1
    allowed = back.at_most(limits)
    if loop <= allowed:
        return Decision(goto=back.to.value, loops={sent.stage.value: loop}, why=sent.why)
    wait: Wait = {
        "kind": "pause", "stage": back.to.value, "repository": "", "repositories": sorted(sent.repositories),
        "reason": back.paused_as.value, "message": with_why(f"{sent.who} {loop} times; {allowed} are allowed", sent.why),
        "facts": {"last": sent.why, "loops": loop, **sent.facts},
    }  # fmt: skip
    return Decision(goto=PAUSE, wait=wait, why=sent.why)


def sends_back(stage: Stage) -> SendsBack:
    """Return where a stage sends the change back; one that cannot is asked in error."""
    back = declared(stage).sends_back
    if back is None:
        raise InvariantBroken("A stage that sends nothing back did so.", stage=stage.value)
    return back


def onward(stage: Stage) -> str:
    """Return the node after a stage that passed."""
    place = line_stages().index(stage)
    return END if stage is line_stages()[-1] else line_stages()[place + 1].value


def reachable(stage: Stage) -> tuple[str, ...]:
    """Return every node to which a stage may lead."""
    declaration = declared(stage)
    if declaration.beside_the_line:
        return (*(one.value for one in after_handback()), PAUSE)
    back = (declaration.sends_back.to.value,) if declaration.sends_back else ()
    return (onward(stage), PAUSE, *back)


def _stop(stage: Stage, outcomes: dict[str, KnownOutcome]) -> Decision | None:
    for verdict in (Verdict.BLOCKED, Verdict.WAITING):
        for name, outcome in outcomes.items():
            if outcome.verdict is verdict:
                return Decision(goto=PAUSE, wait=_wait(stage, name, outcome))
    return None


def _after_handback(outcome: KnownOutcome) -> Decision:
    stage = outcome.next
    if stage is None or stage not in after_handback():
        raise InvariantBroken("A handed back change cannot go on there.", stage=stage.value if stage else None)
    return Decision(goto=stage.value)


def _wait(stage: Stage, repository: str, outcome: KnownOutcome) -> Wait:
    wait: Wait = {
        "stage": stage.value, "repository": repository, "repositories": [repository] if repository else [],
        "message": outcome.message, "facts": dict(outcome.facts),
    }  # fmt: skip
    if outcome.verdict is Verdict.WAITING:
        return {**wait, "kind": "gate", "gate_id": outcome.gate_id}
    if outcome.reason is None:
        raise InvariantBroken("A stage stopped without a reason.", stage=stage.value)
    return {**wait, "kind": "pause", "reason": outcome.reason.value}


def _sent_back(stage: Stage, back: dict[str, KnownOutcome]) -> SentBack:
    why = "; ".join(f"{name}: {outcome.summary}" if name else outcome.summary for name, outcome in back.items())
    who = f"{label(stage)} sent the change back"
    return SentBack(stage=stage, why=why, who=who, repositories=tuple(name for name in back if name))
