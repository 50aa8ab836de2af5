"""Match repository paths against globs, the same way everywhere.

A pattern without a slash matches the file's name at any depth; with one it matches the whole path, `**` crossing
directories. Matching is case-sensitive, as git is.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the globs matches the path."""
    return any(_compiled(pattern).fullmatch(path) is not None for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    anchored = pattern.removeprefix("/")
    if anchored.endswith("/"):
        anchored += "**"
    prefix = "" if "/" in pattern else "(?:.*/)?"
    return re.compile(prefix + "".join(_translated(anchored)))


def _translated(pattern: str) -> Iterable[str]:
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            yield "(?:.*/)?"
            position += 3
        elif pattern.startswith("**", position):
            yield ".*"
            position += 2
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(pattern[position], re.escape(pattern[position]))
            position += 1
