"""One look at a tree that an agent wrote, before git is let near it.

Problem: git opens whatever is called `.gitignore`, reads files to their end, and saves names and links that break other
machines; a pipe, a sparse terabyte or two thousand nested directories hang or break whoever comes after. Choice: one walk
without following a link and without git gathers what nobody may leave in a tree (`never`) and what may stay only where the
commit before already has it or where git ignores it (`suspects`). Invariant: nothing in the tree is opened but directories
and link texts. Nothing writes the tree meanwhile: the processes of an agent are dead when its tool call is over.
"""

import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pipeline.machine import tree_walk
from pipeline.machine.tree_walk import Directory
from pipeline.repositories.paths import as_others_read, collision_key, is_git_directory, unprintable

_PLAIN = re.compile(r"[A-FH-Za-fh-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
"""Names in which nothing can be wrong; git's own, however spelled, begin with a dot or a g."""
RULE_FILES = frozenset({".gitignore", ".gitattributes", ".gitmodules", ".mailmap"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLimits:
    """What a tree may hold at most. Sizes are what files claim to have, not what they take on disk."""

    entries_max: int = 1_000_000
    """All that is in the tree, ignored files included."""
    depth_max: int = 200
    path_max_bytes: int = 4_000
    rule_file_max_bytes: int = 1_048_576
    """Of a file that git itself reads: `.gitignore` and its kind."""
    file_max_bytes: int = 100_000_000
    """Of a file that is saved."""
    changed_max: int = 50_000
    """New and changed files of one snapshot."""
    changed_max_bytes: int = 500_000_000
    """What they come to."""
    told_max_bytes: int = 32_000_000
    """Of all paths and link texts that are kept because somebody has to judge them one by one."""


class Fault(StrEnum):
    """What can be wrong with a path. The value says it to whoever has to mend it."""

    SPECIAL = "Pipes, sockets and device files cannot be saved; delete them."
    DEPTH = "Directories are nested more than {depth_max} deep; delete them."
    PATH = "Paths are longer than {path_max_bytes:,} bytes; shorten or delete them."
    ENTRIES = "The tree holds more than {entries_max:,} files and directories; delete what the change does not need."
    TOLD = "The tree holds more links or refused paths than can be looked at one by one; delete what the change does not need."
    UNREADABLE = "Directories cannot be read; delete them."
    RULES = "Files that git reads itself must be regular and at most {rule_file_max_bytes:,} bytes; replace them."
    NESTED = "Nested git repositories cannot be saved; delete their .git or the whole directory."
    SPELLED = "Names that some systems take for git's own directory cannot be saved; rename them."
    ENCODING = "File names must be UTF-8; rename them."
    NAME = "File names must not hold control characters or backslashes; rename them."
    LINK = "Symbolic links must stay inside the repository, by short relative paths; delete or change them."
    SIZE = "Files are larger than {file_max_bytes:,} bytes; delete them, or let .gitignore name them."
    COLLISION = (
        "Names differ only in case or in the form of their letters, which other systems cannot hold; rename yours."
    )
    CHANGED = "New and changed files are more than {changed_max:,}, or {changed_max_bytes:,} bytes; delete what the change does not need, or let .gitignore name it."


@dataclass(slots=True)
class Scan:
    """What one walk found. Paths are relative, in git's own spelling of bytes."""

    never: dict[Fault, list[str]] = field(default_factory=dict)
    suspects: dict[Fault, list[str]] = field(default_factory=dict)
    collisions: list[list[str]] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    """All symbolic links and their texts."""
    entries: int = 0
    size_bytes: int = 0


def scan(root: Path, limits: TreeLimits, passed_over: Collection[str] = ()) -> Scan:
    """Walk a tree once. Gives the owner back the directories that they cannot enter. Blocks: call it in a thread.

    What lies below the directories `passed_over` is not looked at.
    """
    look = _Look(limits, frozenset(passed_over))
    try:
        for directory in tree_walk.directories(root, repair=True, listed_max=limits.entries_max + 1):
            look.at(directory)
            if look.found.entries > limits.entries_max:
                look.never(Fault.ENTRIES, directory.path())
                break
            if look.full:
                look.never(Fault.TOLD, directory.path())
                break
    except OSError as error:
        look.never(Fault.UNREADABLE, str(error.filename or error.strerror))
    return look.found


class _Look:
    def __init__(self, limits: TreeLimits, passed_over: frozenset[str]) -> None:
        self.found = Scan()
        self._passed_over = passed_over
        self._limits = limits
        self._small = min(limits.rule_file_max_bytes, limits.file_max_bytes)
        self._told_left = limits.told_max_bytes

    @property
    def full(self) -> bool:
        """Whether more was found than is worth keeping."""
        return self._told_left < 0

    def never(self, fault: Fault, path: str) -> None:
        self._told_left -= len(path)
        self.found.never.setdefault(fault, []).append(path)

    def at(self, directory: Directory) -> None:
        """Take in one directory, and say by its `inner` what is entered."""
        self.found.entries += len(directory.entries)
        entries = [entry for entry in directory.entries if directory.depth or entry.name != ".git"]
        room = self._limits.path_max_bytes // 4 - sum(map(len, directory.names)) - directory.depth
        inner = []
        for entry in entries:
            if not self._plain_file(entry, room) and self._entry(directory, entry):
                inner.append(entry.name)
            if self.full:
                break
        directory.inner = inner
        if not self.full and len({collision_key(entry.name) for entry in entries}) < len(entries):
            self._collisions(directory, [entry.name for entry in entries])

    def _collisions(self, directory: Directory, listed: Iterable[str]) -> None:
        keys: dict[str, list[str]] = {}
        for name in listed:
            keys.setdefault(collision_key(name), []).append(name)
        for names in keys.values():
            if len(names) > 1 and not self.full:
                self.found.collisions.append([directory.path(name) for name in names])
                self._told_left -= sum(map(len, self.found.collisions[-1]))

    def _plain_file(self, entry: "os.DirEntry[str]", room: int) -> bool:
        """Take in a file of which nothing has to be said, as nearly all are; `room` is what its name may have."""
        if len(entry.name) > room or not _PLAIN.fullmatch(entry.name):
            return False
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return True
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > self._small:
            return False
        self.found.size_bytes += facts.st_size
        return True

    def _entry(self, directory: Directory, entry: "os.DirEntry[str]") -> bool:
        """Judge one entry; returns whether it is a directory to look into."""
        path = directory.path(entry.name)
        self._name(path, entry.name)
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        judge = _JUDGES.get(stat.S_IFMT(facts.st_mode))
        if judge is None:
            self.never(Fault.SPECIAL, path)
            return False
        return judge(self, directory, entry.name, facts)

    def _name(self, path: str, name: str) -> None:
        if not name.isascii() and any("\udc80" <= one <= "\udcff" for one in name):
            self._suspect(Fault.ENCODING, path)
        elif "\\" in name or unprintable(name):
            self._suspect(Fault.NAME, path)
        if is_git_directory(name):
            self._suspect(Fault.NESTED if name.lower() == ".git" else Fault.SPELLED, path)

    def _directory(self, directory: Directory, name: str, _: os.stat_result) -> bool:
        path = directory.path(name)
        if as_others_read(name) in RULE_FILES:
            self._suspect(Fault.RULES, path)
        if len(os.fsencode(path)) > self._limits.path_max_bytes:
            self.never(Fault.PATH, path)
            return False
        if directory.depth >= self._limits.depth_max:
            self.never(Fault.DEPTH, path)
            return False
        return not is_git_directory(name) and path not in self._passed_over

    def _file(self, directory: Directory, name: str, facts: os.stat_result) -> bool:
        self.found.size_bytes += facts.st_size
        path = directory.path(name)
        if facts.st_size > self._limits.rule_file_max_bytes and as_others_read(name) in RULE_FILES:
            self._suspect(Fault.RULES, path)
        elif facts.st_size > self._limits.file_max_bytes:
            self._suspect(Fault.SIZE, path)
        return self._short(path)

    def _link(self, directory: Directory, name: str, _: os.stat_result) -> bool:
        path = directory.path(name)
        self.found.links[path] = os.readlink(name, dir_fd=directory.descriptor)
        self._told_left -= len(path) + len(self.found.links[path])
        if as_others_read(name) in RULE_FILES:
            self._suspect(Fault.RULES, path)
        return self._short(path)

    def _short(self, path: str) -> bool:
        if len(path) > self._limits.path_max_bytes // 4 and len(os.fsencode(path)) > self._limits.path_max_bytes:
            self.never(Fault.PATH, path)
        return False

    def _suspect(self, fault: Fault, path: str) -> None:
        self._told_left -= len(path)
        self.found.suspects.setdefault(fault, []).append(path)


_JUDGES: dict[int, Callable[[_Look, Directory, str, os.stat_result], bool]] = {
    stat.S_IFDIR: _Look._directory,  # noqa: SLF001 - the class's own table
    stat.S_IFREG: _Look._file,  # noqa: SLF001 - as above
    stat.S_IFLNK: _Look._link,  # noqa: SLF001 - as above
}


def told(faults: dict[Fault, list[str]], limits: TreeLimits) -> Iterator[tuple[str, list[str]]]:
    """Yield a sentence for each fault, with the paths it is about."""
    values = {name: getattr(limits, name) for name in TreeLimits.__dataclass_fields__}
    for fault, paths in faults.items():
        yield fault.value.format(**values), paths
