"""One line of words per event, for pipes, logs and people who scroll."""

from collections.abc import Callable, Mapping
from typing import Any

from cli.client import Event
from cli.output import one_line

_QUIET = frozenset({"cost_updated"})
"""Told where it matters: in the outcome and in the live view."""


def narrate(event: Event) -> str | None:
    """Return an event as `time  what happened`, or None when it is not worth a line."""
    if event.type in _QUIET:
        return None
    words = _WORDS.get(event.type)
    told = words(event.payload) if words else event.type.replace("_", " ")
    return f"{event.at[11:19]}  {_where(event.payload)}{one_line(told)}"


def _where(payload: Mapping[str, Any]) -> str:
    place = [str(payload[name]) for name in ("stage", "repository", "role") if payload.get(name)]
    return f"[{' · '.join(place)}] " if place else ""


def _status(payload: Mapping[str, Any]) -> str:
    reason = payload.get("reason") or payload.get("wait")
    told = f"{payload['status']}{f' ({reason})' if reason else ''}".replace("_", " ")
    actor = f" by {payload['actor']}" if payload.get("actor") else ""
    return f"{told}{actor}{': ' + payload['message'] if payload.get('message') else ''}"


def _completed(payload: Mapping[str, Any]) -> str:
    summary = f": {payload['summary']}" if payload.get("summary") else ""
    return f"{payload['outcome']} after {float(payload.get('duration_s', 0)):.1f} s{summary}"


def _tests(payload: Mapping[str, Any]) -> str:
    counts = f"{payload['passed']} passed, {payload['failed']} failed, {payload['skipped']} skipped"
    told = f": {payload['summary']}" if payload.get("summary") else ""
    return f"tests, {str(payload['purpose']).replace('_', ' ')}: {counts}, {'ok' if payload['ok'] else 'NOT OK'}{told}"


def _tool(payload: Mapping[str, Any]) -> str:
    return f"turn {payload['turn']}, {payload['tool']}: {payload['summary']}{'' if payload['ok'] else ' FAILED'}"


def _intervention(payload: Mapping[str, Any]) -> str:
    turn = f" at turn {payload['turn']}" if payload.get("turn") is not None else ""
    return f"{payload['actor']} said {payload['action']}: {payload['status']}{turn}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "status_changed": _status,
    "worker_started": lambda it: f"worker {it['epoch']} started, isolation: {it['isolation']}",
    "worker_lost": lambda it: f"worker {it['epoch']} was lost: {it['cause']}",
    "stage_entered": lambda it: "begins" + (f", round {it['round']}" if it.get("round", 1) > 1 else ""),
    "stage_completed": _completed,
    "stage_looped": lambda it: f"back to {it['back_to']} ({it['loop']} of {it['loops_max']}): {it['why']}",
    "agent_started": lambda it: (
        f"begins with {it['model']}" + (f", from turn {it['resumed_at_turn']}" if it.get("resumed_at_turn") else "")
    ),
    "agent_turn": lambda it: f"turn {it['turn']}: {it.get('text') or '(no words)'}",
    "tool_called": _tool,
    "agent_completed": lambda it: f"done after {it['turns']} turns for {it['cost_usd']} USD",
    "tests_run": _tests,
    "risk_flagged": lambda it: f"{it['risk']} risk ({it['pattern']}): {it['quote']}",
    "spec_revised": lambda it: f"behaviour spec, revision {it['revision']}: {it['scenarios']} scenarios",
    "findings_reported": lambda it: f"{it['source']}: {it['total']} findings, {it['blocking']} blocking",
    "gate_opened": lambda it: f"the {it['kind']} decision {it['gate_id']} waits for a person",
    "gate_decided": lambda it: (
        f"{it['kind']}: {it['decision']} by {it['actor']}" + (f": {it['comment']}" if it.get("comment") else "")
    ),
    "effect_recorded": lambda it: f"{it['kind']}: {it['status']}: {it['summary']}",
    "intervention_progressed": _intervention,
    "cleanup_pending": lambda it: f"{it['actor']} put the cleanup off: {it['message']}",
    "warned": lambda it: f"warning: {it['message']}",
}
