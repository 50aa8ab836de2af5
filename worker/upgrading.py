"""A run that was begun by another version of the line goes on by itself, from the stage it had reached.

Problem: node names in a checkpoint are a contract with the version that wrote it; a newer graph may lose a waiting thread
silently. Choice: such a thread is left as it is, and a new one begins with its state where it stood: at the question that
waited for a person, or at the beginning of the stage that was unfinished. Results that are stored stay valid, so nothing
that ended is bought again; only what was in the middle starts over. Invariant: it happens once per version of the line,
is recorded like a person's restart, and pauses only if a thread begun by this very version is lost again.
"""

from dataclasses import fields

from langgraph.types import StateSnapshot

from pipeline.change_request import Stage
from pipeline.events import Warned
from pipeline.line.version import graph_version
from pipeline.stage import state as states
from pipeline.stage.known import KnownRun, run_of
from pipeline.stage.registry import handback_stage, label, line_stages
from pipeline.stage.state import RunState
from pipeline.store.runs import BegunAnew, Restart
from worker.restarting import thread
from worker.wiring import Hands

_CHANNELS = frozenset(one.name for one in fields(KnownRun))


def finished(snapshot: StateSnapshot) -> bool:
    """Whether a thread reached the declared end of the line."""
    run = run_of(known_values(snapshot))
    return not snapshot.next and run.goto == states.END and run.passed(line_stages()[-1].value)


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
    run = run_of(known_values(snapshot))
    stage = _stage(run, place(run))
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
    known = known_values(earlier)
    goto = place(run_of(known))
    if goto != states.RESUME:
        await hands.runs.went_on()
    return {"repositories": {}, "outcomes": {}, "loops": {}, "notes": {}, **known, "goto": goto}


def known_values(snapshot: StateSnapshot) -> RunState:
    """Return the channels of a thread that this version reads."""
    known: RunState = {name: value for name, value in snapshot.values.items() if name in _CHANNELS}  # type: ignore[assignment]  # channels by name
    return known


def place(run: KnownRun) -> str:
    """Return the node where a run with this state goes on, in the names of this version."""
    if run.goto in {states.PAUSE, states.RESUME} and run.waits_at() in _NAMES:
        return states.RESUME
    return run.goto if run.goto in _NAMES else _first_unfinished(run).value


_NAMES = frozenset(stage.value for stage in Stage)


def _stage(run: KnownRun, goto: str) -> Stage:
    return Stage(run.waits_at() if goto == states.RESUME else goto)


def _first_unfinished(run: KnownRun) -> Stage:
    """Return the first stage that has not passed everywhere; from there stored results lead on.

    What a person handed back comes before everything else: no other stage would see it.
    """
    looks_at_it = handback_stage()
    if looks_at_it.value in run.notes and not run.passed(looks_at_it.value):
        return looks_at_it
    for stage in line_stages():
        ended = [key for key in run.outcomes if key.partition("/")[0] == stage.value]
        if not ended or not all(run.passed(key) for key in ended):
            return stage
    return line_stages()[-1]
