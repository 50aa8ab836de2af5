"""Read files that untrusted code could have placed: trees of change requests and results of test processes.

Problem: a symbolic link named `report.xml` may point at our own secrets, a named pipe may block for ever, a sparse file
may fill the memory. Choice: open without following links, insist on a regular file, cap the size, and never leave the
directory that was named.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.errors import ChangelineError, InvariantBroken

SKIPPED_DIRECTORIES = frozenset({".git", ".hg", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".gradle"})
"""Never walked: not the repository's own code, and often huge."""


class ReportUnreadable(ChangelineError):
    """A result file is missing, too large, malformed or hostile. Becomes a complaint of the run."""


def read_regular(path: Path, *, max_bytes: int) -> bytes:
    """Return the bytes of a regular file. Raises `ReportUnreadable` for anything else, links and pipes included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ReportUnreadable(f"{path.name} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as opened:
        facts = os.fstat(opened.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise ReportUnreadable(f"{path.name} is not a regular file.")
        data = opened.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ReportUnreadable(f"{path.name} is larger than {max_bytes} bytes.", max_bytes=max_bytes)
    return data


def read_source(tree: Path, path: str, *, max_bytes: int = 2_000_000) -> str:
    """Return the text of a file of the tree, undecodable bytes replaced; empty when it is absent, a link or too large."""
    target = inside(tree, path)
    if target is None:
        return ""
    try:
        return read_regular(target, max_bytes=max_bytes).decode("utf-8", "replace")
    except ReportUnreadable:
        return ""


def inside(tree: Path, path: str) -> Path | None:
    """Return the place of a repository path below `tree`; None when `..` or a linked directory would lead out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    target = tree / pure
    return target if target.parent.resolve().is_relative_to(tree.resolve()) else None


def write_over(tree: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files into a disposable tree (None deletes), replacing links and whatever else stands in their way.

    A linked directory on the way is replaced by a real one, so that nothing is ever written outside the tree.
    """
    for path, content in files.items():
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise InvariantBroken("A repository path leads out of its tree.", path=path)
        place = tree / pure
        for parent in reversed(place.relative_to(tree).parents[:-1]):
            if (tree / parent).is_symlink() or (tree / parent).is_file():
                (tree / parent).unlink()
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)
        if content is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def walk_files(tree: Path) -> Iterator[str]:
    """Yield the paths of regular files below `tree`, relative and with slashes; links are not followed."""
    for directory, names, files in os.walk(tree, followlinks=False):
        names[:] = sorted(name for name in names if name not in SKIPPED_DIRECTORIES)
        for name in sorted(files):
            path = Path(directory) / name
            if not path.is_symlink():
                yield path.relative_to(tree).as_posix()
