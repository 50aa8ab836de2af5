"""Read files that untrusted code could have placed: trees of change requests and results of test processes.

Problem: a symbolic link named `report.xml` may point at our own secrets, a named pipe may block for ever, a sparse file
may fill the memory. Choice: open without following links, insist on a regular file, cap the size, and never leave the
directory that was named.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.errors import ChangelineError, InvariantBroken
from pipeline.machine import tree_walk

SKIPPED_DIRECTORIES = frozenset({".git", ".hg", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".gradle"})
"""Never walked: not the repository's own code, and often huge."""
DEPTH_MAX = 200


class ReportUnreadable(ChangelineError):
    """A result file is missing, too large, malformed or hostile. Becomes a complaint of the run."""


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """Return the bytes of a regular file in a directory of ours. Raises `ReportUnreadable` for links, pipes and the like."""
    return _read(path.parent, path.name, path.name, max_bytes)


def read_inside(tree: Path, path: str, *, max_bytes: int) -> bytes:
    """Return the bytes of a regular file of a tree. Raises `ReportUnreadable` also where a link stands on the way."""
    return _read(tree, path, path, max_bytes)


def read_source(tree: Path, path: str, *, max_bytes: int = 2_000_000) -> str:
    """Return the text of a file of the tree, undecodable bytes replaced; empty when it is absent, a link or too large."""
    try:
        return read_inside(tree, path, max_bytes=max_bytes).decode("utf-8", "replace")
    except ReportUnreadable:
        return ""


def holds_file(tree: Path, path: str) -> bool:
    """Whether this is a regular file of the tree, not one that a link leads to."""
    try:
        with _parent(tree, path) as (directory, name):
            return stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except OSError:
        return False


def delete_inside(tree: Path, path: str) -> None:
    """Delete a file of a tree, if it is there; what became of the way to it meanwhile is not followed."""
    with contextlib.suppress(OSError), _parent(tree, path) as (directory, name):
        os.unlink(name, dir_fd=directory)


def inside(tree: Path, path: str) -> Path | None:
    """Return the place of a repository path below `tree`; None when `..` or a linked directory would lead out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    target = tree / pure
    try:
        return target if target.parent.resolve().is_relative_to(tree.resolve()) else None
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, no name of a file
        return None


def folder_inside(tree: Path, path: str) -> Path | None:
    """Return a folder of a tree; None when it is not there, or a link stands in its place or on the way to it."""
    pure = PurePosixPath(path)
    try:
        with _parent(tree, str(pure / "inside")):
            return tree / pure
    except (OSError, ValueError):
        return None


def write_over(tree: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files into a disposable tree (None deletes), replacing links and whatever else stands in their way.

    A linked directory on the way is replaced by a real one, so that nothing is ever written outside the tree. A regular
    file that was executable stays so.
    """
    for path, content in files.items():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise InvariantBroken("A repository path leads out of its tree.", path=path)
        place = tree / pure
        for parent in reversed(place.relative_to(tree).parents[:-1]):
            if (tree / parent).is_symlink() or (tree / parent).is_file():
                (tree / parent).unlink()
        executable = content is not None and _is_executable(place)
        tree_walk.remove(place)
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            if executable:
                place.chmod(0o755)


def _is_executable(place: Path) -> bool:
    try:
        mode = place.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o100)


def walk_files(tree: Path) -> Iterator[str]:
    """Yield the paths of regular files below `tree`, relative and with slashes; links are not followed.

    What lies deeper than `DEPTH_MAX` directories is left out: no repository has a test or report there.
    """
    with contextlib.suppress(OSError):
        for directory in tree_walk.directories(tree, repair=True):
            directory.inner = [] if directory.depth == DEPTH_MAX else _entered(directory)
            names = [entry.name for entry in directory.entries if entry.is_file(follow_symlinks=False)]
            for name in sorted(names):
                yield directory.path(name)


def _entered(directory: tree_walk.Directory) -> list[str]:
    return sorted(name for name in directory.inner if name not in SKIPPED_DIRECTORIES)


def _read(root: Path, path: str, shown: str, max_bytes: int) -> bytes:
    try:
        with _parent(root, path) as (directory, name):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no name of a file"
        raise ReportUnreadable(f"{shown} cannot be read: {why}.") from error
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise ReportUnreadable(f"{shown} is not a regular file.")
        data = opened.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ReportUnreadable(f"{shown} is larger than {max_bytes} bytes.", max_bytes=max_bytes)
    return data


@contextlib.contextmanager
def _parent(root: Path, path: str) -> Iterator[tuple[int, str]]:
    """Open the directory that holds a path of a tree, one name after another; no link on the way is followed."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise FileNotFoundError(errno.ENOENT, "it is not in the tree", path)
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in pure.parts[:-1]:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = below
        yield current, pure.name
    finally:
        os.close(current)
