"""Listens to the live stream as a browser does, through every death of the controller.

It comes back with the last number it had; what it heard over the whole campaign must be every event, in order, once.
"""

import json
import threading
from typing import Self

import httpx2

from chaos.installation import Installation

_AGAIN_S = 0.2
_SILENCE_S = 30.0


class Ear:
    """Use as a context manager."""

    def __init__(self, installed: Installation) -> None:
        self._url = f"{installed.url}/api/v1/events"
        self._headers = {"Authorization": f"Bearer {installed.token}", "Accept": "text/event-stream"}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self.heard: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closed.set()

    def problems(self, stored: list[int]) -> list[str]:
        """Return what is wrong with the numbers of all events, and with what was heard of them."""
        found = []
        if stored != sorted(set(stored)):
            found.append("the event log is out of order or holds a number twice")
        if self.heard != stored:
            missing, doubled = len(set(stored) - set(self.heard)), len(self.heard) - len(set(self.heard))
            found.append(f"the stream missed {missing} events, doubled {doubled}")
        return found

    def caught_up(self, last: int) -> bool:
        """Whether everything up to a number was heard."""
        return bool(self.heard) and self.heard[-1] >= last

    def _listen(self) -> None:
        while not self._closed.wait(_AGAIN_S):
            try:
                self._follow()
            except httpx2.TransportError:
                continue

    def _follow(self) -> None:
        headers = {**self._headers, "Last-Event-ID": str(self.heard[-1] if self.heard else 0)}
        with httpx2.stream("GET", self._url, headers=headers, timeout=_SILENCE_S, trust_env=False) as answer:
            for line in answer.iter_lines() if answer.is_success else ():
                # Only events have a payload; positions repeat the number of the newest event.
                if line.startswith("data:") and "payload" in (told := json.loads(line[5:])):
                    self.heard.append(told["seq"])
                if self._closed.is_set():
                    return
