"""Where built directories appear in a tree while a command runs, and where they do not any more.

Problem: an agent can put a link or a file where `node_modules` is mounted, and then no command starts at all, not even the
one that would delete it. Choice: a mount whose place in the tree is no plain directory is left out of that one command; the
next one has it again. A tree that is shown read-only gets its mount points beforehand. Invariant: a mount point is
never made or used through a link. Files that a command must not change are mounted over themselves, by the same rule.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.ports import SandboxCommand


def mountable(command: SandboxCommand) -> SandboxCommand:
    """Return the command without the mounts and kept files that have no place in its tree now. Blocks: call it in a thread."""
    command = replace(command, kept=tuple(path for path in command.kept if _is_plain_file(path, command.writable)))
    trees = (*command.writable, *command.read_only)
    mounts = {place: source for place, source in command.mounts.items() if _is_free(place, trees)}
    if len(mounts) == len(command.mounts):
        return command
    scratch = tuple(place for place in command.scratch if any(mount in place.parents for mount in mounts))
    return replace(command, mounts=mounts, scratch=scratch)


def make_places(command: SandboxCommand) -> None:
    """Make the mount points in trees that are only looked at, where bubblewrap could not make them itself. Blocks.

    Ask `mountable` first: every directory on the way is known to be none that a link stands for.
    """
    for place in command.mounts:
        if any(tree in place.parents for tree in command.read_only):
            place.mkdir(mode=0o755, parents=True, exist_ok=True)


def _is_free(place: Path, trees: Iterable[Path]) -> bool:
    """Whether all that exists on the way from the tree to `place`, and `place` itself, are directories and no links."""
    tree = next((tree for tree in trees if tree in place.parents), None)
    for way in (place, *place.parents) if tree is not None else ():
        if way == tree:
            return True
        try:
            if not stat.S_ISDIR(os.lstat(way).st_mode):
                return False
        except NotADirectoryError:
            return False
        except FileNotFoundError:
            continue
    return True


def _is_plain_file(path: Path, trees: Iterable[Path]) -> bool:
    """Whether a path is a file in one of the trees, reached through directories alone."""
    if ".." in path.parts or not _is_free(path.parent, trees):
        return False
    try:
        return any(tree in path.parents for tree in trees) and stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
