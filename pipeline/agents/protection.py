"""Files that an agent's editor refuses to write, with the rule and the way on.

Problem: an agent that edits what is not its to change learns it rounds later, when its work comes back. Choice: the editor
says it at once, by the same paths and globs that the diff is checked by afterwards. What a shell command does is found by
that check, as before: the editor's word saves a round and is no wall.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.proof.path_globs import matches_any


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Paths and globs that must stay as they are."""

    because: str
    """Completes "PATH must not be changed: "."""
    instead: str
    """A sentence: what to do in place of the change."""
    paths: frozenset[str] = frozenset()
    globs: tuple[str, ...] = ()


def refusal(path: str, protections: Iterable[Protection]) -> str | None:
    """Return why a path, relative to the tree, must not be written, and what to do; None when it may."""
    for one in protections:
        if path in one.paths or matches_any(path, one.globs):
            return f"{path} must not be changed: {one.because}. {one.instead}"
    return None
