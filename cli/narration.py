"""One line of words per event, for pipes, logs and people who scroll."""

from functools import singledispatch

from cli.client import Event
from cli.output import one_line, words
from pipeline import events


def narrate(event: Event) -> str | None:
    """Return an event as `time  what happened`, or None when it is not worth a line."""
    if isinstance(event.payload, events.CostUpdated):
        return None  # told where it matters: in the outcome and in the live view
    told = words(event.type) if event.payload is None else _describe(event.payload)
    return f"{event.at:%H:%M:%S}  {one_line(f'{_where(event.payload)}{told}')}"


def _where(it: events.Event | None) -> str:
    place = [one for one in (it.stage, it.repository, it.role) if one] if it is not None else []
    return f"[{' · '.join(place)}] " if place else ""


@singledispatch
def _describe(it: events.Event) -> str:
    return words(it.type)


@_describe.register
def _(it: events.StatusChanged) -> str:
    reason = it.reason or it.wait
    told = words(f"{it.status}{f' ({reason})' if reason else ''}")
    return f"{told}{f' by {it.actor}' if it.actor else ''}{f': {it.message}' if it.message else ''}"


@_describe.register
def _(it: events.WorkerStarted) -> str:
    return f"worker {it.epoch} started, isolation: {it.isolation}"


@_describe.register
def _(it: events.WorkerLost) -> str:
    return f"worker {it.epoch} was lost: {it.cause}"


@_describe.register
def _(it: events.StageEntered) -> str:
    return f"begins, round {it.round}" if it.round > 1 else "begins"


@_describe.register
def _(it: events.StageCompleted) -> str:
    return f"{it.outcome} after {it.duration_s:.1f} s{f': {it.summary}' if it.summary else ''}"


@_describe.register
def _(it: events.StageLooped) -> str:
    return f"back to {it.back_to} ({it.loop} of {it.loops_max}): {it.why}"


@_describe.register
def _(it: events.AgentStarted) -> str:
    return f"begins with {it.model}{f', from turn {it.resumed_at_turn}' if it.resumed_at_turn else ''}"


@_describe.register
def _(it: events.AgentTurn) -> str:
    return f"turn {it.turn}: {it.text or '(no words)'}"


@_describe.register
def _(it: events.ToolCalled) -> str:
    return f"turn {it.turn}, {it.tool}: {it.summary}{'' if it.ok else ' FAILED'}"


@_describe.register
def _(it: events.AgentCompleted) -> str:
    return f"done after {it.turns} turns for {it.cost_usd} USD"


@_describe.register
def _(it: events.TestsRun) -> str:
    counts = f"{it.passed} passed, {it.failed} failed, {it.skipped} skipped"
    told = f": {it.summary}" if it.summary else ""
    return f"tests, {words(it.purpose)}: {counts}, {'ok' if it.ok else 'NOT OK'}{told}"


@_describe.register
def _(it: events.RiskFlagged) -> str:
    return f"{it.risk} risk ({it.pattern}): {it.quote}"


@_describe.register
def _(it: events.SpecRevised) -> str:
    return f"behaviour spec, revision {it.revision}: {it.scenarios} scenarios"


@_describe.register
def _(it: events.FindingsReported) -> str:
    return f"{it.source}: {it.total} findings, {it.blocking} blocking"


@_describe.register
def _(it: events.GateOpened) -> str:
    return f"the {it.kind} decision {it.gate_id} waits for a person"


@_describe.register
def _(it: events.GateDecided) -> str:
    return f"{it.kind}: {it.decision} by {it.actor}{f': {it.comment}' if it.comment else ''}"


@_describe.register
def _(it: events.EffectRecorded) -> str:
    return f"{it.kind}: {it.status}: {it.summary}"


@_describe.register
def _(it: events.InterventionProgressed) -> str:
    return f"{it.actor} said {it.action}: {it.status}{f' at turn {it.turn}' if it.turn is not None else ''}"


@_describe.register
def _(it: events.CleanupPending) -> str:
    return f"{it.actor} put the cleanup off: {it.message}"


@_describe.register
def _(it: events.Warned) -> str:
    return f"warning: {it.message}"
