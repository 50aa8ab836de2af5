"""Whose sources decide about a component's tests: its own, and those of the components that it depends on.

Problem: two services may define one name each, and a test of the one proves nothing about the other; but a test may well
miss what its component takes from a library beside it. Choice: a component knows the roots whose sources count for it.
Evidence records these, so that a stranger reads the same sources.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pipeline.ports import Language
from pipeline.proof.owners import owner_of
from pipeline.proof.protected_tests import symbol_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlace:
    """One component, as the judge of its tests knows it."""

    root: str
    language: Language
    source_roots: tuple[str, ...]
    """Of the component and of what it depends on."""
    reads: tuple[str, ...]
    """The roots whose sources count, its own included."""


def source_paths(
    paths: Iterable[str], place: SourcePlace, places: Sequence[SourcePlace], patterns: Collection[str]
) -> list[str]:
    """Choose the sources whose symbols decide about a component's tests: without test files, sorted.

    What lies in no component counts for all of them: a library without tests of its own is tested by those who use it.
    """
    found = symbol_paths(paths, place.language, patterns)
    if len(places) == 1:
        return found
    owned = ((path, owner_of(path, places)) for path in found)
    return [path for path, owner in owned if owner is None or owner.root in place.reads]
