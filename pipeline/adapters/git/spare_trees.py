"""Trees that nobody works in any more, kept to become later ones of the same repository.

Problem: writing and deleting thirty thousand files takes longer than everything else that a tree needs, and a change
request needs a dozen trees. Choice: a large tree that is given back is kept aside; the next one begins with it, after
everything was deleted that anybody touched since its files were written, and git put back what then differs from the commit.
Invariants: what is taken for untouched has the very status that the system gave it when we wrote it, which no process in
a tree can forge, or its content is compared; a tree that an agent had never becomes one in which the pipeline tests; only
the process that made a tree uses it again. Everything here blocks.
"""

import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.git.tree_scan import RULE_FILES
from pipeline.machine import tree_walk
from pipeline.repositories.paths import as_others_read

ENTRIES_MIN = 1_000
"""Smaller trees are written anew: that costs less than looking at them."""
KEPT_MAX = 2
PREFIX = "spare-"
_DEPTH_MAX = 200
_HEADER = struct.Struct(">4sLL")


@dataclass(frozen=True, slots=True)
class Laid:
    """When a tree's files had all been written, by the file system's own clock, and for whom."""

    at_ns: int
    for_agent: bool


@dataclass(frozen=True, slots=True)
class Spare:
    """One tree that was given back, at the place where it is kept."""

    path: Path
    laid: Laid


@dataclass(slots=True)
class SpareTrees:
    """What one process has of them, for one repository."""

    made: dict[Path, Laid] = field(default_factory=dict)
    """The trees that are in use."""
    kept: list[Spare] = field(default_factory=list)
    """Oldest first."""

    def take(self, *, for_agent: bool) -> Spare | None:
        """Return one that may become a tree for an agent, or one for the pipeline's own runs."""
        fitting = [one for one in self.kept if for_agent or not one.laid.for_agent]
        if not fitting:
            return None
        chosen = max(fitting, key=lambda one: one.laid.for_agent)
        self.kept.remove(chosen)
        return chosen

    def keep(self, spare: Spare) -> list[Spare]:
        """Keep one; returns those that have to go for it."""
        self.kept.append(spare)
        gone, self.kept = self.kept[:-KEPT_MAX], self.kept[-KEPT_MAX:]
        return gone


def laid_now(state: Path, *, for_agent: bool) -> Laid:
    """Return the mark of a tree whose files have just been written; `state` is its private directory."""
    mark = state / "laid"
    mark.unlink(missing_ok=True)
    mark.touch()
    return Laid(mark.stat().st_mtime_ns, for_agent)


def is_large(index: Path) -> bool:
    """Whether a tree with this index is worth keeping."""
    try:
        with index.open("rb") as opened:
            signature, _, entries = _HEADER.unpack(opened.read(_HEADER.size))
    except (OSError, struct.error):
        return False
    return bool(signature == b"DIRC" and entries >= ENTRIES_MIN)


def delete_touched(root: Path, laid: Laid, index: Path) -> bool:
    """Delete every file that was written, linked, opened or handed to others since, and give directories their modes back.

    Git directories go as a whole. Returns whether git may be let near what is left: untouched files, and directories that it
    does not take for anything else. `index` is one that git wrote beside the tree, and has the mode that its files have.
    Raises `OSError`.
    """
    plain = stat.S_IMODE(index.stat().st_mode) & 0o666
    opened = plain | (plain & 0o444) >> 2
    modes = {stat.S_IFREG | plain, stat.S_IFREG | opened}
    for directory in tree_walk.directories(root, repair=True):
        if stat.S_IMODE(os.fstat(directory.descriptor).st_mode) != opened:
            os.fchmod(directory.descriptor, opened)
        if directory.depth > _DEPTH_MAX or any(as_others_read(name) in RULE_FILES for name in directory.inner):
            return False
        git_directories = [name for name in directory.inner if name.lower() == ".git"]
        for name in git_directories:
            tree_walk.remove(root / directory.path(name))
        directory.inner = [name for name in directory.inner if name not in git_directories]
        for entry in directory.entries:
            if entry.is_dir(follow_symlinks=False):
                continue
            facts = entry.stat(follow_symlinks=False)
            untouched = facts.st_ctime_ns <= laid.at_ns and facts.st_mtime_ns <= laid.at_ns and facts.st_nlink == 1
            if not untouched or (facts.st_mode not in modes and not stat.S_ISLNK(facts.st_mode)):
                os.unlink(entry.name, dir_fd=directory.descriptor)
    return True
