"""Read the added lines out of a unified diff, with the line numbers they have on the head."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HUNK = re.compile(r"^@@ -\d+(?:,(?P<old>\d+))? \+(?P<start>\d+)(?:,(?P<new>\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|["\\abtnvfr])')
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedLine:
    """A line that the head has and the base has not."""

    path: str
    line: int
    text: str


def added_lines(diff: str) -> list[AddedLine]:
    """Return all added lines in order. Counts hunk lines, so a line that looks like a header cannot mislead."""
    return list(_walk(diff))


def _walk(diff: str) -> Iterator[AddedLine]:
    path, line, old_left, new_left = "", 0, 0, 0
    for text in diff.split("\n"):
        if old_left or new_left:
            mark = text[:1]
            if mark == "+":
                yield AddedLine(path=path, line=line, text=text[1:].removesuffix("\r"))
            if mark in {"+", " ", ""}:
                line, new_left = line + 1, new_left - 1
            if mark in {"-", " ", ""}:
                old_left -= 1
            continue
        if text.startswith("+++ "):
            path = header_path(text[4:])
        elif hunk := _HUNK.match(text):
            line = int(hunk.group("start"))
            old_left, new_left = int(hunk.group("old") or 1), int(hunk.group("new") or 1)


def header_path(text: str) -> str:
    """Return the path that a header line names after its mark, without git's `a/` or `b/`."""
    name = unquoted(text)
    return name[2:] if name.startswith(("a/", "b/")) else name


def unquoted(text: str) -> str:
    """Return a name as git prints it in headers: quoted where it is unusual, ended by a tab where it holds a blank."""
    name = text.rstrip("\r").removesuffix("\t")
    if name.startswith('"') and name.endswith('"'):
        raw = _ESCAPE.sub(lambda found: bytes([_code(found[1].decode())]), name[1:-1].encode(errors="replace"))
        name = raw.decode("utf-8", "replace")
    return name


def _code(escape: str) -> int:
    return int(escape, 8) & 0xFF if escape.isdigit() else _ESCAPES.get(escape, ord(escape))
