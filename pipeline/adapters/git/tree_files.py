"""The places of trees: made, emptied and removed, whatever an agent has left there.

Problem: a hostile tree holds directories without permissions, nesting that breaks recursive code, and links where a
directory was. Choice: everything goes through one walk that follows no link and needs no more for a deeper tree.
Everything here blocks: call it in a thread.
"""

import os
from pathlib import Path

from pipeline.change_request import PauseReason
from pipeline.errors import TransientError
from pipeline.machine import tree_walk


def delete(path: Path) -> None:
    """Remove whatever `path` is, however deep or protected, without following a symlink. Idempotent."""
    try:
        tree_walk.remove(path)
    except OSError as error:
        raise TransientError(
            f"A directory could not be removed: {error.strerror}.", reason=PauseReason.MACHINE_SHORT, path=str(path)
        ) from error


def empty(path: Path, owner: int | None = None) -> None:
    """Make `path` an empty directory; `owner` is the user whose it is, if not this process's own."""
    delete(path)
    path.mkdir(parents=True)
    if owner is not None:
        os.chown(path, owner, owner)


def is_directory(path: Path) -> bool:
    """Whether `path` is a directory itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_vacant(path: Path) -> bool:
    """Whether nothing would be overwritten at `path`: it is absent or an empty directory."""
    return not path.is_symlink() and (not path.exists() or (path.is_dir() and not any(path.iterdir())))
