"""The files of a tree that an agent writes, as far as the pipeline itself touches them without git.

Problem: a hostile tree holds `.git` directories where git would look for configuration, directories without permissions
that make files seem deleted, and nesting that breaks recursive code. Choice: walk by hand, follow no symlink, and leave
deletion to the operating system's own tools. Everything here blocks: call it in a thread.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

from pipeline.adapters.git import decoded
from pipeline.change_request import PauseReason
from pipeline.errors import ModelError, TransientError


def nested_repositories(tree: Path) -> list[str]:
    """Return the relative paths of all entries named like `.git`, in any case, except the tree's own.

    Directories that their owner cannot enter are made readable on the way. Raises `ModelError` for paths too long to
    be walked.
    """
    found: list[str] = []
    root = os.fsencode(tree)
    waiting = [b""]
    while waiting:
        relative = waiting.pop()
        for entry in _entries(root, relative):
            path = os.path.join(relative, entry.name)  # noqa: PTH118 - bytes, because names need not be text
            if entry.name.lower() == b".git":
                if path != b".git":
                    found.append(decoded(path))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
    return sorted(found)


def delete(path: Path) -> None:
    """Remove whatever `path` is, however deep or protected, without following a symlink. Idempotent."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        if os.geteuid() != 0:
            _run("chmod", "-R", "u+rwX", "--", str(path))
        _run("rm", "-rf", "--", str(path))
        if path.exists():
            raise TransientError("A directory could not be removed.", reason=PauseReason.MACHINE_SHORT, path=str(path))


def empty(path: Path) -> None:
    """Make `path` an empty directory."""
    delete(path)
    path.mkdir(parents=True)


def is_directory(path: Path) -> bool:
    """Whether `path` is a directory itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_vacant(path: Path) -> bool:
    """Whether nothing would be overwritten at `path`: it is absent or an empty directory."""
    return not path.is_symlink() and (not path.exists() or (path.is_dir() and not any(path.iterdir())))


def _entries(root: bytes, relative: bytes) -> list["os.DirEntry[bytes]"]:
    directory = os.path.join(root, relative)  # noqa: PTH118 - bytes, because names need not be text
    try:
        mode = os.lstat(directory).st_mode
        if stat.S_IMODE(mode) & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(directory, stat.S_IMODE(mode) | stat.S_IRWXU)  # noqa: PTH101 - bytes, as above
        with os.scandir(directory) as listed:
            return list(listed)
    except FileNotFoundError:
        return []
    except OSError as error:
        shown = decoded(relative)[:200]
        raise ModelError(f"The directory {shown!r} cannot be read: {error.strerror}.", path=shown) from error


def _run(program: str, *arguments: str) -> None:
    executable = shutil.which(program) or program
    subprocess.run([executable, *arguments], check=False, stdin=subprocess.DEVNULL, capture_output=True, env={})
