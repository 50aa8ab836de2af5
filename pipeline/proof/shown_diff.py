"""What of a diff fits a prompt, and which files it leaves out.

Problem: a reviewer of a cut diff judges what it was shown, unless somebody knows what it was not shown. Choice: the diff
is cut by bytes, as its reader needs, and the files that this cuts off are named as a typed fact. Invariant: every file
of the diff is either shown whole or named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.proof.unified_diff import header_path, unquoted

_FILE = "diff --git "
_NAMED_MAX = 100
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which files of a text in a prompt its reader did not get, or not to their end."""

    what: str
    """The text that was cut, in a word or two: `diff`, `tests`."""
    files: int
    """How many the whole text is about."""
    whole: int
    """How many of them are shown whole."""
    unseen: tuple[str, ...]
    """The others that a reader can open, in order."""
    gone: tuple[str, ...] = ()
    """The others that there is nothing to open of: deleted, or no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDiff:
    """A diff as a prompt shows it. `cut` is None when all of it is there."""

    text: str
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    end: int
    """Where its part of the diff ends, in bytes."""
    openable: bool


def shown_diff(diff: str, max_bytes: int, what: str = "diff") -> ShownDiff:
    """Return a unified diff, cut to `max_bytes`; that it is cut is said at its end."""
    encoded = diff.encode(errors="replace")
    if len(encoded) <= max_bytes:
        return ShownDiff(text=diff, cut=None)
    kept = encoded[:max_bytes].decode(errors="ignore")
    files = list(_files(diff))
    missing = [file for file in files if file.end > max_bytes]
    return ShownDiff(
        text=f"{kept}\n[Cut here: {max_bytes} of {len(encoded)} bytes are shown. Read the files.]",
        cut=Cut(
            what=what,
            files=len(files),
            whole=len(files) - len(missing),
            unseen=tuple(file.path for file in missing if file.openable),
            gone=tuple(file.path for file in missing if not file.openable),
        ),
    )


def not_shown(cuts: Sequence[Cut]) -> tuple[str, ...]:
    """Return the files that cuts leave out, as lines for a prompt: each once, the first of many."""
    paths = list(dict.fromkeys(path for cut in cuts for path in cut.unseen))
    gone = list(dict.fromkeys(f"{path} (nothing to open)" for cut in cuts for path in cut.gone))
    lines = [*paths, *gone]
    more = len(lines) - _NAMED_MAX
    return (*lines[:_NAMED_MAX], *([f"and {more} more"] if more > 0 else []))


def _files(diff: str) -> Iterator[_File]:
    """Split a diff into its files: a line of a hunk begins with a blank or a sign, so only a header begins with a letter.

    Lines end where git ends them: what else Unicode calls a line end may stand in the middle of a hunk's line.
    """
    part: list[str] = []
    end = 0
    for line in diff.removesuffix("\n").split("\n"):
        if line.startswith(_FILE) and part:
            yield _file(part, end)
            part = []
        part.append(line)
        end += len(line.encode(errors="replace")) + 1
    if part:
        yield _file(part, end)


def _file(part: list[str], end: int) -> _File:
    header = part[: next((number for number, line in enumerate(part) if line.startswith("@@ ")), len(part))]
    deleted = any(line.startswith("deleted file mode ") for line in header)
    binary = any(line.startswith(("Binary files ", "GIT binary patch")) for line in header)
    path = _path(header, deleted)
    return _File(path, end, openable=not deleted and not binary and _REPLACED not in path)


def _path(header: list[str], deleted: bool) -> str:
    """Return the file's name on the head, or its last one; files without hunks have it in their first line only."""
    for line in header[1:]:
        for mark in ("--- a/", '--- "a/') if deleted else ("+++ b/", '+++ "b/'):
            if line.startswith(mark):
                return header_path(line[4:])
        for mark in ("rename to ", "copy to "):
            if line.startswith(mark):
                return unquoted(line.removeprefix(mark))
    both = header[0].removeprefix(_FILE)
    return header_path(both[: len(both) // 2])
