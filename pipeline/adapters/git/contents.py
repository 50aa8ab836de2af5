"""Which contents of files a cache may lack, as those see it who read them.

Problem: a cache of a long history need not hold every version of every file, and git, which finds one missing in the middle of
its work, fails or asks a network. Choice: whoever is about to read says first what of; nothing is brought by git itself.
Invariant: no configuration of a cache names a remote that promised objects, so a command that was forgotten here fails at
once and connects to nothing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from pipeline.ports import History

_MARK = "history"


class Contents(Protocol):
    """Brings contents into a cache before they are read. All of it returns at once where nothing can be missing.

    Raises `TransientError` when something is missing and its remote is away, `PersonNeeded` when it has it no more.
    """

    async def of(self, commit: str) -> None:
        """Make sure of every file of a commit."""

    async def between(self, one: str, other: str) -> None:
        """Make sure of both sides of every file in which two commits (or trees) differ."""

    async def these(self, blobs: Iterable[str]) -> None:
        """Make sure of these contents."""


def history_of(private: Path) -> History:
    """Return what the cache with this private directory holds of its remote's history."""
    try:
        return History((private / _MARK).read_text("ascii"))
    except FileNotFoundError:
        return History.WHOLE


def remember(private: Path, history: History) -> None:
    """Write down what the cache holds; a crash leaves what was known before."""
    if history is History.WHOLE:
        (private / _MARK).unlink(missing_ok=True)
        return
    fresh = private / f"{_MARK}.new"
    fresh.write_text(history, "ascii")
    fresh.replace(private / _MARK)
