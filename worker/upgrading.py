"""A run that was begun by another version of the line goes on by itself, from the stage it had reached.

Problem: node names in a checkpoint are a contract with the version that wrote it; a newer graph may lose a waiting thread
silently. Choice: such a thread is left as it is, and a new one begins with its state where it stood: at the question that
waited for a person, or at the beginning of the stage that was unfinished. Results that are stored stay valid, so nothing
that ended is bought again; only what was in the middle starts over. Invariant: it happens once per version of the line,
is recorded like a person's restart, and pauses only if a thread begun by this very version is lost again.
"""

from typing import Any

from langgraph.types import StateSnapshot

from pipeline.change_request import Stage
from pipeline.events import Warned
from pipeline.line.version import graph_version
from pipeline.stage import state as states
from pipeline.stage.registry import handback_stage, label, line_stages
from pipeline.stage.state import RunState, Verdict
from pipeline.store.runs import BegunAnew, Restart
from worker.restarting import thread
from worker.wiring import Hands

CHANNELS = ("repositories", "outcomes", "loops", "notes", "wait", "approval")


def finished(snapshot: StateSnapshot) -> bool:
    """Whether a thread reached the declared end of the line."""
    outcome = snapshot.values.get("outcomes", {}).get(line_stages()[-1].value, {})
    at_the_end = not snapshot.next and snapshot.values.get("goto") == states.END
    return at_the_end and outcome.get("verdict") == Verdict.PASSED


def misfit(snapshot: StateSnapshot, begun_with: str) -> str | None:
    """Return why a thread cannot go on in this version of the line, if so."""
    if begun_with != graph_version():
        return f"This run began with version {begun_with} of the line; this is version {graph_version()}."
    if not snapshot.next and not finished(snapshot):
        return "The place where this run stood is not part of the line any more."
    return None


async def begin_anew(hands: Hands, restarts: list[Restart], snapshot: StateSnapshot, why: str) -> bool:
    """Record that a new thread takes over; False when this version of the line has already done so in vain."""
    code_version = hands.context.code_version
    last = restarts[-1] if restarts else None
    if last is not None and last.upgraded_to == (graph_version(), code_version):
        return False
    stage = _stage(snapshot.values, place(snapshot.values))
    new = BegunAnew(
        attempt=hands.order.attempt, number=len(restarts) + 1, stage=stage, why=why,
        graph_version=graph_version(), code_version=code_version,
    )  # fmt: skip
    await hands.runs.begin_anew(new)
    await hands.context.emit(Warned(stage=stage, message=f"{why} It goes on from {label(stage).lower()}."))
    return True


async def taken_over(hands: Hands, restart: Restart) -> RunState:
    """Return the state that a thread after an upgrade begins with: the one before it, led to where that stood."""
    earlier = await hands.line.aget_state(thread(hands, hands.order.attempt, restart.number - 1))
    known: dict[str, Any] = {name: earlier.values[name] for name in CHANNELS if name in earlier.values}
    goto = place(earlier.values)
    if goto != states.RESUME:
        await hands.runs.went_on()
    return {"repositories": {}, "outcomes": {}, "loops": {}, "notes": {}, **known, "goto": goto}  # type: ignore[typeddict-item]  # channels by name


def place(known: dict[str, Any]) -> str:
    """Return the node where a run with this state goes on, in the names of this version."""
    goto = known.get("goto")
    if goto in {states.PAUSE, states.RESUME} and known.get("wait", {}).get("stage") in _NAMES:
        return states.RESUME
    return goto if goto in _NAMES else _first_unfinished(known).value


_NAMES = frozenset(stage.value for stage in Stage)


def _stage(known: dict[str, Any], goto: str) -> Stage:
    return Stage(known["wait"]["stage"] if goto == states.RESUME else goto)


def _first_unfinished(known: dict[str, Any]) -> Stage:
    """Return the first stage that has not passed everywhere; from there stored results lead on.

    What a person handed back comes before everything else: no other stage would see it.
    """
    outcomes: dict[str, Any] = known.get("outcomes", {})
    looks_at_it = handback_stage()
    handed_back = looks_at_it.value in known.get("notes", {})
    if handed_back and outcomes.get(looks_at_it.value, {}).get("verdict") != Verdict.PASSED:
        return looks_at_it
    for stage in line_stages():
        ended = [one for key, one in outcomes.items() if key.partition("/")[0] == stage.value]
        if not ended or any(one.get("verdict") != Verdict.PASSED for one in ended):
            return stage
    return line_stages()[-1]
