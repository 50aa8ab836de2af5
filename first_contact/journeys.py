"""Cases carried through a real installation, all at once, as a person would: register, submit, approve, look at the end.

Invariant: what is approved is only the release; a pause is an end. What landed is held against what the agents declared:
a path in the merge that nobody declared is a fault of ours, however green everything was.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from chaos.installation import Installation
from first_contact.cases import LANDS, REFUSED, Prepared

STUCK_S = 900.0
"""Without any change of status; a case may wait for its turn as long as others move."""
_LOOK_S = 1.5
_ANSWER_S = 120.0
_OVER = frozenset({"completed", "paused", "failed", "cancelled"})
_AGENTS_FAULT = frozenset(
    {"red_witness", "development_loop", "identical_failures", "tests_failed", "tampering", "agent_stuck"}
)
"""Reasons that say that an agent did something wrong."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a case ended."""

    name: str
    end: str
    """`lands`, `refused`, the reason of a pause, or another status."""
    words: str
    """What a person reads there."""
    seconds: float
    expected: tuple[str, ...]
    undeclared: tuple[str, ...] = ()
    """Paths in the merge that nobody declared."""

    @property
    def as_expected(self) -> bool:
        """Whether a user would be content."""
        return self.end in self.expected and not self.undeclared

    @property
    def blames_an_agent(self) -> bool:
        """Whether an agent is blamed where a user expects something else."""
        return self.end in _AGENTS_FAULT and self.end not in self.expected


@dataclass(slots=True)
class Underway:
    """A case whose request was taken; `cr_id` names it."""

    one: Prepared
    before: str
    cr_id: str = ""
    began: float = field(default_factory=time.monotonic)
    status: str = ""
    moved: float = field(default_factory=time.monotonic)


def travel(installed: Installation, prepared: Sequence[Prepared], report: Report) -> list[Ending]:
    """Carry all of them to their ends; the order of the answer is that of the cases."""
    ended: dict[str, Ending] = {}
    with door_of(installed) as door:
        underway: list[Underway] = []
        for one in prepared:
            begun = begin(door, one)
            if isinstance(begun, Ending):
                ended[begun.name] = begun
                report(_line(begun))
            else:
                underway.append(begun)
        while underway:
            for going in list(underway):
                ending = _look(door, going, max(one.moved for one in underway))
                if ending is not None:
                    underway.remove(going)
                    ended[ending.name] = ending
                    report(_line(ending))
            time.sleep(_LOOK_S)
    return [ended[one.case.name] for one in prepared]


def begin(door: httpx2.Client, one: Prepared) -> Underway | Ending:
    """Register the repository and submit its request; what is refused has ended."""
    going = Underway(one, before=_head(one))
    repository: dict[str, Any] = {"remote": one.remote, "name": one.case.registered_as, "check": False}
    if one.case.test_command is not None:
        repository["test_command"] = one.case.test_command
    registered = door.post("/api/v1/repositories", json=repository)
    if not registered.is_success:
        return _ending(going, REFUSED, _told(registered))
    request = {"title": one.title, "body": one.body, "repositories": [{"name": one.case.registered_as}]}
    submitted = door.post("/api/v1/change-requests", json=request, headers={"Idempotency-Key": one.case.registered_as})
    if not submitted.is_success:
        return _ending(going, REFUSED, _told(submitted))
    going.cr_id = str(submitted.json()["id"])
    return going


def _look(door: httpx2.Client, going: Underway, last_moved: float) -> Ending | None:
    seen = door.get(f"/api/v1/change-requests/{going.cr_id}").raise_for_status().json()
    stage_and_status = f"{seen['status']} {seen.get('stage')}"
    if stage_and_status != going.status:
        going.status, going.moved = stage_and_status, time.monotonic()
    if seen["status"] == "waiting":
        _approve(door, going.cr_id)
    if seen["status"] in _OVER:
        return _over(going, seen)
    if time.monotonic() - (last_moved if seen["status"] == "queued" else going.moved) > STUCK_S:
        return _ending(going, "stuck", f"Nothing moved for {STUCK_S:.0f} s: {stage_and_status}.")
    return None


def _over(going: Underway, seen: dict[str, Any]) -> Ending:
    if seen["status"] == "completed":
        return _ending(going, LANDS, "", undeclared=_undeclared(going))
    pause = seen.get("pause") or {}
    words = str(pause.get("message") or seen.get("outcome") or "")
    return _ending(going, str(pause.get("reason") or seen["status"]), words)


def _approve(door: httpx2.Client, cr_id: str) -> None:
    for gate in door.get("/api/v1/gates").raise_for_status().json()["items"]:
        if gate["cr_id"] == cr_id:
            decision = {"decision": "approve", "content_hash": gate["content_hash"], "comment": ""}
            door.post(f"/api/v1/gates/{gate['id']}/decision", json=decision)


def _ending(going: Underway, end: str, words: str, undeclared: tuple[str, ...] = ()) -> Ending:
    return Ending(
        name=going.one.case.name,
        end=end,
        words=" ".join(words.split()),
        seconds=round(time.monotonic() - going.began, 1),
        expected=going.one.case.ends,
        undeclared=undeclared,
    )


def _told(answer: httpx2.Response) -> str:
    problem = answer.json()
    return f"{problem.get('detail') or problem.get('title')} {problem.get('remedy') or ''}"


def _undeclared(going: Underway) -> tuple[str, ...]:
    declared = {*going.one.paths, *going.one.rewritten, *(file.path for file in going.one.proof)}
    changed = _git(going.one, "diff", "--name-only", "-z", going.before, _head(going.one)).split("\0")
    return tuple(path for path in changed if path and path not in declared)


def _head(one: Prepared) -> str:
    return _git(one, "rev-parse", "--verify", "-q", "HEAD").strip()


def _git(one: Prepared, *arguments: str) -> str:
    place = ["-C", one.remote] if Path(one.remote).is_dir() else []
    done = subprocess.run(["git", *place, *arguments], capture_output=True, text=True, check=False)
    return done.stdout


def _line(ending: Ending) -> str:
    mark = "as expected" if ending.as_expected else f"NOT AS EXPECTED ({', '.join(ending.expected)})"
    left = f"; undeclared: {', '.join(ending.undeclared)}" if ending.undeclared else ""
    return f"{ending.name}: {ending.end}, {ending.seconds:.0f} s, {mark}{left}"


@contextmanager
def door_of(installed: Installation) -> Iterator[httpx2.Client]:
    """Yield a client of the installation's API, as its owner."""
    headers = {"Authorization": f"Bearer {installed.token}"}
    with httpx2.Client(base_url=installed.url, headers=headers, timeout=_ANSWER_S, trust_env=False) as door:
        yield door
