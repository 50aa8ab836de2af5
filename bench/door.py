"""The bench's side of the door: submits, and hears every event at the moment it arrives."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from bench.installation import Installation

WAIT_S = 90.0
_POLL_S = 0.005
Found = TypeVar("Found")


class NothingHappened(Exception):
    """What a measurement waited for did not come; the message says what did."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, and when this process had it in hand (monotonic seconds)."""

    at: float
    cr_id: str
    type: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Door:
    """One signed-in client with the tenant's live stream open."""

    http: httpx2.Client
    model_url: str
    heard: list[Heard] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _open: threading.Event = field(default_factory=threading.Event)

    def submit(self, repository: Path, *, title: str, body: str) -> tuple[str, float, float]:
        """Submit and return (id, when it was sent, when 202 was there)."""
        sent = time.monotonic()
        answer = self.http.post(
            "/api/v1/change-requests", json={"title": title, "body": body, "repositories": [str(repository)]}
        )
        accepted = time.monotonic()
        answer.raise_for_status()
        return str(answer.json()["id"]), sent, accepted

    def wait(self, cr_id: str, wanted: Callable[[Heard], bool], *, within_s: float = WAIT_S) -> Heard:
        """Return the first event of a change request that is wanted, now or later. Raises `NothingHappened`."""
        deadline = time.monotonic() + within_s
        seen = 0
        with self._news:
            while True:
                for one in self.heard[seen:]:
                    if one.cr_id == cr_id and wanted(one):
                        return one
                seen = len(self.heard)
                if not self._news.wait(timeout=max(0.0, deadline - time.monotonic())):
                    last = [(one.type, one.payload) for one in self.heard if one.cr_id == cr_id][-3:]
                    raise NothingHappened(f"{cr_id} did not get there; its last events: {last}")

    def of(self, cr_id: str) -> list[Heard]:
        """Return what was heard of one change request, in order."""
        with self._news:
            return [one for one in self.heard if one.cr_id == cr_id]

    def model_arrivals(self) -> list[float]:
        """Return when the scripted model received each request, in monotonic seconds, oldest first."""
        return [float(at) for at in httpx2.get(f"{self.model_url}/arrivals", trust_env=False).json()]

    def model_streams(self) -> list[dict[str, Any]]:
        """Return when each answer of the scripted model began and ended, and whether its reader stayed to the end."""
        found: list[dict[str, Any]] = httpx2.get(f"{self.model_url}/streams", trust_env=False).json()
        return found

    def intervene(self, cr_id: str, action: str) -> float:
        """Do what a person would do; returns when it was sent."""
        sent = time.monotonic()
        self.http.post(f"/api/v1/change-requests/{cr_id}/interventions", json={"action": action}).raise_for_status()
        return sent

    def approve(self, cr_id: str) -> float:
        """Approve what the first gate shows; returns when that was sent."""
        gate = self.wait(cr_id, lambda one: one.type == "gate_opened").payload
        decision = {"decision": "approve", "content_hash": gate["content_hash"], "comment": ""}
        sent = time.monotonic()
        self.http.post(f"/api/v1/gates/{gate['gate_id']}/decision", json=decision).raise_for_status()
        return sent

    def listen(self) -> None:
        """Read the stream until it ends; runs in a thread of its own."""
        headers = {"Accept": "text/event-stream"}
        try:
            with self.http.stream("GET", "/api/v1/events", headers=headers, timeout=None) as answer:
                self._open.set()
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        self._hear(json.loads(line[5:]))
        except httpx2.TransportError:
            return
        finally:
            self._open.set()

    def opened(self) -> None:
        """Return when the stream is open."""
        self._open.wait(WAIT_S)

    def _hear(self, data: dict[str, Any]) -> None:
        if "payload" not in data:
            return
        one = Heard(time.monotonic(), data["cr_id"], data["type"], data["payload"])
        with self._news:
            self.heard.append(one)
            self._news.notify_all()


@contextmanager
def door(installation: Installation) -> Iterator[Door]:
    """Sign in and open the stream."""
    headers = {"Authorization": f"Bearer {installation.token}"}
    with httpx2.Client(base_url=installation.url, headers=headers, timeout=WAIT_S, trust_env=False) as http:
        opened = Door(http=http, model_url=installation.model_url)
        ear = threading.Thread(target=opened.listen, name="ear", daemon=True)
        ear.start()
        opened.opened()
        yield opened


def until(found: Callable[[], Found | None], what: str) -> Found:
    """Look again and again until something is found. Raises `NothingHappened`."""
    deadline = time.monotonic() + WAIT_S
    while (one := found()) is None:
        if time.monotonic() > deadline:
            raise NothingHappened(f"{what} did not happen")
        time.sleep(_POLL_S)
    return one


def left(one: Heard) -> bool:
    """Whether an event says that the worker has left: the change request waits, is paused or is finished."""
    return one.type == "status_changed" and one.payload.get("status") not in {"queued", "running"}
