"""Which paths of this machine may be repositories, for whom.

Problem: a path that somebody names is read with the rights of this process, also through symbolic links and other
spellings; and the admin of one tenant does not own the machine. Choice: what counts is where a path really leads. The
installation's own tenant may use any path, other tenants those below directories that the installation opens for them,
nobody the data directory. Invariant: whether a path exists makes no difference to the answer of who may not use it.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

_POINTER_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlaces:
    """The rule of one installation."""

    owner: str
    """The tenant whose admins own this machine."""
    opened: Sequence[Path] = ()
    """Directories below which every tenant may use repositories."""
    closed: Sequence[Path] = ()
    """Directories that nobody may use: Changeline's own."""

    @classmethod
    def of(cls, settings: ProcessSettings) -> "LocalPlaces":
        """Read the rule; raises `CallerError` for a directory that is not named by its absolute path."""
        odd = [one for one in settings.git.local_paths if not one.is_absolute()]
        if odd:
            raise CallerError(
                f"{odd[0]} is not an absolute path.", field="CHANGELINE_GIT__LOCAL_PATHS",
                remedy="Name directories by their absolute paths.",
            )  # fmt: skip
        closed = () if settings.data_dir is None else (settings.data_dir,)
        return cls(owner=settings.tenant, opened=settings.git.local_paths, closed=closed)

    def is_open(self, path: str) -> bool:
        """Whether anybody may name this path. Looks at the file system only where the spelling already fits."""
        spelled = Path(os.path.normpath(path))
        roots = [root for one in self.opened for root in (Path(os.path.normpath(one)), one.resolve())]
        if not any(spelled.is_relative_to(root) for root in roots):
            return False
        inside = [one.resolve() for one in self.opened]
        places = {really(path), *(place for place in places_of(path) if os.path.lexists(place))}
        return self._usable(path) and all(any(place.is_relative_to(one) for one in inside) for place in places)

    def may_use(self, path: str, tenant: str) -> bool:
        """Whether a tenant's change requests may work on this path, if an administrator answers for it."""
        return self.is_open(path) or (tenant == self.owner and self._usable(path))

    def _usable(self, path: str) -> bool:
        return not any(place.is_relative_to(one.resolve()) for one in self.closed for place in places_of(path))


def really(path: str | Path) -> Path:
    """Return where a path leads, links resolved; what does not exist keeps its spelling."""
    return Path(os.path.realpath(path))


def places_of(path: str | Path) -> tuple[Path, ...]:
    """Return where git would find a repository for this path: its directory, and where its objects and branches are kept.

    Git also tries `PATH.git`, and a linked worktree keeps everything in the repository that it belongs to.
    """
    found = []
    for top in (really(path), really(f"{path}.git")):
        found += [top, *_kept_in(top), *_kept_in(top / ".git")]
    return tuple(dict.fromkeys(found))


def overlap(path: str, others: Iterable[str]) -> bool:
    """Whether a path leads to, into or around a place that one of the others leads to."""
    mine = [place for place in places_of(path) if os.path.lexists(place)] or [really(path)]
    theirs = {place for other in others for place in places_of(other)}
    if any(one.is_relative_to(other) or other.is_relative_to(one) for one in mine for other in theirs):
        return True
    return not _inodes(mine).isdisjoint(_inodes(theirs))  # one directory mounted at two places


def _inodes(places: Iterable[Path]) -> set[tuple[int, int]]:
    found = set()
    for place in places:
        with suppress(OSError):  # what is not there, or cannot be entered, is no place of a repository
            status = place.stat()
            found.add((status.st_dev, status.st_ino))
    return found


def _kept_in(git_dir: Path) -> list[Path]:
    """Follow the pointers of a linked worktree or a submodule; whatever is no pointer leads nowhere."""
    found = []
    if (pointed := _pointer(git_dir, "gitdir:")) is not None:
        git_dir = really(pointed)
        found.append(git_dir)
    if (shared := _pointer(git_dir / "commondir", "")) is not None:
        found.append(really(shared))
    return [really(git_dir), *found] if git_dir.name == ".git" else found


def _pointer(file: Path, prefix: str) -> Path | None:
    if not os.path.isfile(file):  # noqa: PTH113 - unlike pathlib's it answers no where this account may not look
        return None
    with suppress(OSError), file.open("rb") as opened:
        words = os.fsdecode(opened.read(_POINTER_MAX_BYTES)).strip()
        if words.startswith(prefix) and "\0" not in words:
            return file.parent / words.removeprefix(prefix).strip()
    return None
