"""Match repository paths against globs, the same way everywhere.

A pattern without a slash matches the file's name at any depth; with one it matches the whole path, `**` crossing
directories. Matching is case-sensitive, as git is.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_ANY_FOLDER = "(?:.*/)?"


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the globs matches the path."""
    return _compiled(tuple(patterns)).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one expression for all: repositories have tens of thousands of paths, each of which is asked about often."""
    every = [_expression(pattern) for pattern in patterns]
    anywhere = [one.removeprefix(_ANY_FOLDER) for one in every if one.startswith(_ANY_FOLDER)]
    together = [f"{_ANY_FOLDER}(?:{'|'.join(anywhere)})"] if anywhere else []
    return re.compile("|".join([*together, *(one for one in every if not one.startswith(_ANY_FOLDER))]) or "(?!)")


def _expression(pattern: str) -> str:
    anchored = pattern.removeprefix("/")
    if anchored.endswith("/"):
        anchored += "**"
    prefix = "" if "/" in pattern else _ANY_FOLDER
    return prefix + "".join(_translated(anchored))


def _translated(pattern: str) -> Iterable[str]:
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            yield _ANY_FOLDER
            position += 3
        elif pattern.startswith("**", position):
            yield ".*"
            position += 2
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(pattern[position], re.escape(pattern[position]))
            position += 1
