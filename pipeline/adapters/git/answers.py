"""Answers of git about objects that are named by their SHA, remembered within a bound.

Problem: every stage asks again what the same few commits hold, and each question costs a process. Choice: whoever reads a
cache keeps the answers, the longest unused going first. Invariant: only questions that name every object by its full SHA
are kept, because only their answers never change; refs, trees on disk and whether an object is there are asked anew.
"""

import threading
from collections import OrderedDict

KEPT_MAX_BYTES = 32 * 1024**2
ANSWER_MAX_BYTES = 4 * 1024**2
"""A longer answer is not kept: it would push out all others."""
_OVERHEAD_BYTES = 500


class Answers:
    """What was answered to which question; threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._size = 0
        self._guard = threading.Lock()

    def to(self, question: tuple[str, ...]) -> bytes | None:
        """Return what was answered before; None when that is not known."""
        with self._guard:
            if question in self._kept:
                self._kept.move_to_end(question)
            return self._kept.get(question)

    def keep(self, question: tuple[str, ...], answer: bytes) -> None:
        """Remember an answer, if it is not too long."""
        with self._guard:
            if len(answer) > ANSWER_MAX_BYTES or question in self._kept:
                return
            self._kept[question] = answer
            self._size += _OVERHEAD_BYTES + len(answer)
            while self._size > KEPT_MAX_BYTES:
                self._size -= _OVERHEAD_BYTES + len(self._kept.popitem(last=False)[1])
