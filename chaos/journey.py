"""One change request from its submission to its end, through the disturbances it is given.

One loop looks every few hundredths of a second: it approves what is asked, strikes what is due, notices which crash
points struck, wakes who was frozen, and writes down when each target answers again. Invariant: it does nothing that
a patient person with a terminal could not do; whatever is disturbed has to come back by itself.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from chaos import sample
from chaos.disturbing import answers, strike
from chaos.installation import Installation, wake
from chaos.plan import Disturbance, Target
from pipeline.machine.crash_points import STRUCK

STUCK_S = 240.0
_LOOK_S = 0.04
_TIMEOUT_S = 5.0
_WORKER_LOST = {Target.WORKER, Target.FREEZE}


@dataclass(slots=True)
class Struck:
    """A disturbance that took place."""

    what: Disturbance
    at: float
    """Wall clock, as the database's."""
    pid: int = 0
    answered_s: float | None = None
    """Until the target answered again; None for workers, which are replaced."""
    resumed_s: float | None = None
    """Until a successor worked, or until work went on; None when there was nothing more to do."""
    woken: bool = False


@dataclass(slots=True)
class Journey:
    """What happened to one change request."""

    cr_id: str
    repository: Path
    seconds: float = 0.0
    status: str = ""
    struck: list[Struck] = field(default_factory=list)
    missed: list[Disturbance] = field(default_factory=list)


def travel(
    installed: Installation, repository: Path, disturbances: Sequence[Disturbance] = (), *, usual_s: float = 1.0
) -> Journey:
    """Submit a change request and follow it to its end, or until nothing has happened for `STUCK_S`."""
    with _door(installed) as door:
        return _Traveller(installed, door, disturbances, usual_s).go(repository)


def event_numbers(installed: Installation) -> list[int]:
    """Return the numbers of all events as the API shows them."""
    return [int(one["seq"]) for one in _events(installed, "/api/v1/events")]


class _Traveller:
    def __init__(
        self, installed: Installation, door: httpx2.Client, disturbances: Sequence[Disturbance], usual_s: float
    ) -> None:
        self._installed = installed
        self._door = door
        self._timed = sorted((one for one in disturbances if one.point is None), key=lambda one: one.part)
        self._armed = {one.point: one for one in disturbances if one.point is not None}
        self._usual_s = usual_s
        self._journey: Journey

    def go(self, repository: Path) -> Journey:
        for point, one in self._armed.items():
            self._installed.points.arm(str(point), action=_action(one), skip=one.skip)
        body = {"title": sample.TITLE, "body": sample.BODY, "repositories": [str(repository)]}
        started = time.monotonic()
        self._journey = Journey(cr_id=self._submit(body), repository=repository)
        while time.monotonic() - started < STUCK_S and not self._finished():
            self._look(time.monotonic() - started)
            time.sleep(_LOOK_S)
        self._journey.seconds = time.monotonic() - started
        self._put_right()
        self._measure()
        return self._journey

    def _look(self, elapsed_s: float) -> None:
        # A target that is not there at its moment is struck as soon as it is.
        for due in [one for one in self._timed if elapsed_s >= one.part * self._usual_s]:
            at, pid = time.time(), strike(self._installed, due.target)
            if pid is not None:
                self._timed.remove(due)
                self._journey.struck.append(Struck(due, at, pid))
        self._notice_points()
        for one in self._journey.struck:
            self._tend(one)

    def _tend(self, one: Struck) -> None:
        if one.what.target is Target.FREEZE and not one.woken and not one.what.late and self._replaced(one):
            wake(one.pid)
            one.woken = True
        if one.answered_s is None and one.what.target not in _WORKER_LOST and answers(self._installed, one.what.target):
            one.answered_s = time.time() - one.at

    def _replaced(self, one: Struck) -> bool:
        return any(pid != one.pid for pid in self._installed.workers())

    def _notice_points(self) -> None:
        for file in (self._installed.points.directory / STRUCK).glob("*"):
            told = json.loads(file.read_text(encoding="ascii"))
            file.unlink()
            self._journey.struck.append(Struck(self._armed.pop(file.name), float(told["at"]), int(told["pid"])))

    def _finished(self) -> bool:
        """Approve whatever waits for a decision; say whether the change request has left the line for good."""
        seen = self._get(f"/api/v1/change-requests/{self._journey.cr_id}")
        if seen is None:
            return False
        self._journey.status = seen["status"]
        if seen["status"] == "waiting":
            self._approve()
        return seen["status"] in {"completed", "paused", "failed", "cancelled"}

    def _approve(self) -> None:
        for gate in (self._get("/api/v1/gates") or {"items": []})["items"]:
            decision = {"decision": "approve", "content_hash": gate["content_hash"], "comment": ""}
            self._ask("POST", f"/api/v1/gates/{gate['id']}/decision", decision)

    def _put_right(self) -> None:
        """Wake who is still frozen and wait until every target answers; the next journey begins on firm ground."""
        self._notice_points()
        for one in self._journey.struck:
            if one.what.target is Target.FREEZE:
                wake(one.pid)
        for point in self._installed.points.disarm():
            self._journey.missed.append(self._armed.pop(point))
        self._journey.missed += self._timed
        deadline = time.monotonic() + STUCK_S
        while time.monotonic() < deadline:
            for one in self._journey.struck:
                self._tend(one)
            waiting = [one for one in self._journey.struck if one.answered_s is None]
            gone = not self._installed.workers()
            if gone and all(one.what.target in _WORKER_LOST for one in waiting):
                return
            time.sleep(_LOOK_S)

    def _measure(self) -> None:
        """Find in the events when work went on after each strike."""
        happened = [
            (datetime.fromisoformat(one["at"]).timestamp(), one["type"])
            for one in _events(self._installed, f"/api/v1/change-requests/{self._journey.cr_id}/events")
        ]
        for one in self._journey.struck:
            after = [at for at, kind in happened if at > one.at and (kind == "worker_started") >= _needs_worker(one)]
            one.resumed_s = after[0] - one.at if after else None

    def _submit(self, body: dict[str, Any]) -> str:
        deadline = time.monotonic() + STUCK_S
        while time.monotonic() < deadline:
            answer = self._ask("POST", "/api/v1/change-requests", body, {"Idempotency-Key": body["repositories"][0]})
            if answer is not None and answer.is_success:
                return str(answer.json()["id"])
            time.sleep(_LOOK_S)
        raise TimeoutError("The controller did not take a change request.")

    def _get(self, path: str) -> Any:
        answer = self._ask("GET", path)
        return answer.json() if answer is not None and answer.is_success else None

    def _ask(self, method: str, path: str, body: Any = None, headers: Any = None) -> "httpx2.Response | None":
        try:
            return self._door.request(method, path, json=body, headers=headers)
        except httpx2.TransportError:
            return None


def _action(one: Disturbance) -> str:
    return "freeze" if one.target is Target.FREEZE else "kill"


def _needs_worker(one: Struck) -> bool:
    return one.what.target in _WORKER_LOST


def _door(installed: Installation) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {installed.token}"}
    return httpx2.Client(base_url=installed.url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)


def _events(installed: Installation, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    with _door(installed) as door:
        while True:
            answer = door.get(path, params={"after": after, "limit": 1000}, headers={"Accept": "application/json"})
            page = answer.raise_for_status().json()
            if not page["items"]:
                return found
            found += page["items"]
            after = page["next_after"]
