"""Where built directories appear in a tree while a command runs, and where they do not any more.

Problem: an agent can put a link or a file where `node_modules` is mounted, and then no command starts at all, not even the
one that would delete it. Choice: a mount whose place in the tree is no plain directory is left out of that one command; the
next one has it again. Invariant: a mount point is never made or used through a link.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.ports import SandboxCommand


def mountable(command: SandboxCommand) -> SandboxCommand:
    """Return the command without the mounts that have no place in its tree now. Blocks: call it in a thread."""
    trees = (*command.writable, *command.read_only)
    mounts = {place: source for place, source in command.mounts.items() if _is_free(place, trees)}
    return command if len(mounts) == len(command.mounts) else replace(command, mounts=mounts)


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
