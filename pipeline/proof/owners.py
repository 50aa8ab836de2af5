"""To which component of a repository a path or a test belongs.

A file belongs to the deepest folder of a component around it; one that is source of a language, to the deepest whose
component speaks that language, because a front end's folder may hold templates' tests of the application around it.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from pipeline.ports import Language
from pipeline.proof.symbols import is_source

ROOT = "."


class Placed(Protocol):
    """Something that counts for one component."""

    @property
    def root(self) -> str:
        """The component's folder."""

    @property
    def language(self) -> Language:
        """What its sources are written in."""


P = TypeVar("P", bound=Placed)


def contains(root: str, path: str) -> bool:
    """Whether a path lies in a folder of the repository."""
    return root in {ROOT, path} or path.startswith(f"{root}/")


def owner_of(path: str, places: Iterable[P]) -> P | None:
    """Return what counts for a path, or for a test by its id; None where it lies in no component."""
    around = sorted((one for one in places if contains(one.root, path)), key=_depth, reverse=True)
    speaking = (one for one in around if is_source(one.language, path))
    return next(speaking, next(iter(around), None))


def by_owner(paths: Iterable[str], places: Iterable[Placed]) -> dict[str, list[str]]:
    """Return paths by the root that they count for, without those that lie in no component."""
    every, found = list(places), dict[str, list[str]]()
    for path in paths:
        owner = owner_of(path, every)
        if owner is not None:
            found.setdefault(owner.root, []).append(path)
    return found


def _depth(place: Placed) -> int:
    return 0 if place.root == ROOT else place.root.count("/") + 1
