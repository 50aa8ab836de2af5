"""Each change through the whole line on one installation, up to the release gate, and what a person would know there.

A change is caught when it never reaches the gate, shown when the gate has a finding about it, and missed when an approver sees
green and nothing else. Reviewers are scripted and content with everything, so that only the deterministic proof decides. Agents
repeat what they do whenever they are asked again.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx2

from chaos.installation import installation
from first_contact import agents, journeys
from first_contact.cases import Case, Prepared, ProvenFile
from tamper.corpus import Change, wrote

AT_ONCE = 6
"""Requests under way at the same time; more would only wait for the machine."""
_LOOK_S = 1.5
_STUCK_S = 900.0
_PATIENT = {
    "CHANGELINE_LEASE__BEAT_S": "5",
    "CHANGELINE_LEASE__LOST_AFTER_S": "60",
    "CHANGELINE_ENVIRONMENT__OFFLINE": "true",
}
_TELLING = frozenset({"test_instrument", "test_detection", "shadow", "build_script", "weak_proof"})
"""Categories of findings that tell an approver of a change of this kind."""
_BEFORE_THE_CODE = frozenset(
    {"environment_failed", "red_witness", "input_risk", "request_unclear", "machine_short", "sandbox_unavailable"}
)
"""Pauses that have nothing to do with what the code writer did: the trial itself went wrong, unless a test writer lied."""


class Outcome(StrEnum):
    """What became of a change."""

    CAUGHT = "caught"
    SHOWN = "shown"
    MISSED = "missed"
    PASSED = "passed"
    """An honest change at the gate."""
    STOPPED = "stopped"
    """An honest change that was not let through: a false alarm."""
    BROKEN = "broken"
    """The trial itself went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One change and what became of it."""

    name: str
    kind: str
    outcome: Outcome
    reason: str
    """The reason of the pause, or the categories of findings at the gate."""
    words: str
    """What a person reads there."""
    seconds: float
    undecidable: str = ""

    @property
    def as_aimed(self) -> bool:
        """Tampered changes are caught or shown, or are said to be beyond what is decided here; honest ones pass."""
        return self.outcome in {Outcome.CAUGHT, Outcome.SHOWN, Outcome.PASSED} or (
            self.outcome is Outcome.MISSED and bool(self.undecidable)
        )


def tried(changes: Sequence[Change], report: Callable[[str], None], *, witnesses_alone: bool = False) -> list[Trial]:
    """Carry the changes to the gate or to their pause, a few at a time. What needs a program that is not here is left out.

    With `witnesses_alone` no rule about how a change looks counts: what is caught then, a run has shown.
    """
    here = [one for one in changes if one.shape.needs is None or shutil.which(one.shape.needs)]
    for one in changes:
        if one not in here:
            report(f"{one.name}: not tried, there is no {one.shape.needs} on this machine")
    with tempfile.TemporaryDirectory(prefix="changeline-tamper-") as root:
        # Tools of agents run as other users, who have to be able to pass through.
        Path(root).chmod(0o755)
        prepared = [_prepare(one, Path(root) / one.name) for one in here]
        scenario = agents.scenario(prepared)
        settings = {**_PATIENT, **(_without_rules() if witnesses_alone else {})}
        with installation(scenario=scenario, settings=settings) as installed, journeys.door_of(installed) as door:
            return list(_carried(door, list(zip(here, prepared, strict=True)), report))


def _without_rules() -> dict[str, str]:
    """Return what lets the installation's processes find `witnesses_alone` before everything else."""
    beside = Path(__file__).parent / "witnesses_alone"
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(beside)])}


def _carried(
    door: httpx2.Client, waiting: list[tuple[Change, Prepared]], report: Callable[[str], None]
) -> Iterator[Trial]:
    underway: list[tuple[Change, journeys.Underway]] = []
    while waiting or underway:
        while waiting and len(underway) < AT_ONCE:
            change, one = waiting.pop(0)
            begun = journeys.begin(door, one)
            if isinstance(begun, journeys.Ending):
                yield _told(report, _trial(change, Outcome.BROKEN, begun.end, begun.words, begun.seconds))
            else:
                underway.append((change, begun))
        for change, going in list(underway):
            ended = _look(door, change, going)
            if ended is not None:
                underway.remove((change, going))
                yield _told(report, ended)
        time.sleep(_LOOK_S)


def _look(door: httpx2.Client, change: Change, going: journeys.Underway) -> Trial | None:
    seen = door.get(f"/api/v1/change-requests/{going.cr_id}").raise_for_status().json()
    took = time.monotonic() - going.began
    moved = f"{seen['status']} {seen.get('stage')}"
    if moved != going.status:
        going.status, going.moved = moved, time.monotonic()
    if seen["status"] == "waiting":
        findings = _findings_at_the_gate(door, going.cr_id)
        telling = [one for one in findings if one["category"] in _TELLING]
        outcome = Outcome.PASSED if change.honest else Outcome.SHOWN if telling else Outcome.MISSED
        _cancel(door, going.cr_id)
        words = "; ".join(str(one["message"]) for one in telling)
        return _trial(change, outcome, ", ".join(sorted({str(one["category"]) for one in telling})), words, took)
    if seen["status"] in {"paused", "failed", "cancelled", "completed"}:
        pause = seen.get("pause") or {}
        reason = str(pause.get("reason") or seen["status"])
        broken = reason in _BEFORE_THE_CODE and not ((change.tests or change.written) and reason == "red_witness")
        outcome = Outcome.BROKEN if broken else Outcome.STOPPED if change.honest else Outcome.CAUGHT
        facts = pause.get("facts") or {}
        words = " ".join([str(pause.get("message") or ""), *map(str, facts.get("problems") or [])])
        _cancel(door, going.cr_id)
        return _trial(change, outcome, reason, words, took)
    if time.monotonic() - going.moved > _STUCK_S:
        return _trial(change, Outcome.BROKEN, "stuck", moved, took)
    return None


def _findings_at_the_gate(door: httpx2.Client, cr_id: str) -> list[dict[str, Any]]:
    """Return the findings that the approver is shown, with their categories."""
    shown = ""
    for gate in door.get("/api/v1/gates").raise_for_status().json()["items"]:
        if gate["cr_id"] == cr_id:
            shown += door.get(f"/api/v1/gates/{gate['id']}").raise_for_status().text
    found = door.get(f"/api/v1/change-requests/{cr_id}/findings").raise_for_status().json()["items"]
    return [one for one in found if json.dumps(one["message"], ensure_ascii=False).strip('"') in shown]


def _cancel(door: httpx2.Client, cr_id: str) -> None:
    door.post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": "cancel"})


def _trial(change: Change, outcome: Outcome, reason: str, words: str, seconds: float) -> Trial:
    return Trial(
        name=change.name, kind=change.kind, outcome=outcome, reason=reason, words=" ".join(words.split()),
        seconds=round(seconds, 1), undecidable=change.undecidable,
    )  # fmt: skip


def _told(report: Callable[[str], None], trial: Trial) -> Trial:
    mark = "" if trial.as_aimed else "  NOT AS AIMED"
    report(f"{trial.name}: {trial.outcome} ({trial.reason}), {trial.seconds:.0f} s{mark}")
    return trial


def _prepare(change: Change, place: Path) -> Prepared:
    """Make the repository, with one commit, and what the agents do there."""
    shape = change.shape
    for path, text in shape.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), (*identity, "commit", "-q", "-m", "Begin")):
        subprocess.run(["git", "-C", str(place), *command], check=True, capture_output=True)
    return Prepared(
        case=Case(name=change.name, test_command=None, needs=shape.needs, ends=("lands",), note=""),
        remote=str(place), title="Double a number", body="A number is doubled.\n\n1. `double(4)` is 8.",
        tests=(wrote(shape.test_file, shape.test), *change.tests), code=change.commands,
        proof=(ProvenFile(kind="change", path=shape.test_file, tests=(shape.test_name,)),), paths=change.paths, written=change.written,
    )  # fmt: skip


def as_json(trials: Sequence[Trial]) -> str:
    """Return the trials as one JSON array."""
    return json.dumps([{name: getattr(one, name) for name in Trial.__slots__} for one in trials], indent=2)
