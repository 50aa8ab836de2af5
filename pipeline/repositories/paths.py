"""Names in a repository, and paths of it that come from outside: from callers, settings and models.

Problem: a path that somebody names becomes a place where we write or a word in git's arguments, and git has many spellings
of `.git` that other systems resolve to it. Choice: two types, validated where a path enters: `RepositoryPath` names a file
that may exist already, `PortablePath` a place that we are going to write, which must be good on every system. Invariant:
neither ever leaves the repository, reaches git's own directory or holds what cannot be printed.
"""

import unicodedata
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

PATH_MAX_BYTES = 400
_NAME_MAX_BYTES = 255
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
_IGNORED_ON_HFS = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
_GIT_DIRECTORY = frozenset({".git", "git~1"})
_WANTED = "write it relative to the repository's top directory, with forward slashes, for example docs/behaviour"


def as_others_read(name: str) -> str:
    """Return a file's name as the most forgiving systems take it: without case, streams, trailing dots and joiners."""
    if name.isascii():
        return name.partition(":")[0].rstrip(". ").lower()
    plain = unicodedata.normalize("NFC", name.translate(_IGNORED_ON_HFS))
    return plain.partition(":")[0].rstrip(". ").casefold()


def is_git_directory(name: str) -> bool:
    """Whether some system takes this name for git's own directory (`.GIT`, `git~1`, `.git::$INDEX_ALLOCATION`, …)."""
    return as_others_read(name) in _GIT_DIRECTORY


def collision_key(name: str) -> str:
    """Return what two names of one directory share when a system that folds case or normal forms cannot hold both."""
    return (
        name.lower() if name.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    )


def unprintable(name: str) -> bool:
    """Whether a name holds a control character, a line separator or half a character."""
    return not (name.isascii() and name.isprintable()) and any(
        unicodedata.category(one) in _UNPRINTABLE for one in name
    )


def repository_path(path: str) -> str:
    """Return the normal spelling of a path inside a repository. Raises `ValueError` in words that end a sentence."""
    if not path.strip():
        raise ValueError(f"is empty: {_WANTED}")
    if unprintable(path):
        raise ValueError("must be one line without control characters")
    if path.startswith("/"):
        raise ValueError(f"must not be absolute: {_WANTED}")
    if "\\" in path:
        raise ValueError(f"must not hold backslashes: {_WANTED}")
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if not parts:
        raise ValueError(f"names the repository itself: {_WANTED}")
    if ".." in parts:
        raise ValueError(f"must not hold '..': {_WANTED}")
    if any(is_git_directory(part) for part in parts):
        raise ValueError("must not reach into git's own directory, however it is spelled")
    if len("/".join(parts).encode()) > PATH_MAX_BYTES or any(len(part.encode()) > _NAME_MAX_BYTES for part in parts):
        raise ValueError(f"is too long: {PATH_MAX_BYTES} bytes at most, {_NAME_MAX_BYTES} for one name")
    return "/".join(parts)


def portable_path(path: str) -> str:
    """Return the normal spelling of a path that every system can hold. Raises `ValueError`."""
    normal = repository_path(path)
    if normal.startswith("~"):
        raise ValueError(f"must not begin with '~': {_WANTED}")
    for part in normal.split("/"):
        if part != part.strip() or part.endswith("."):
            raise ValueError("must not hold names that begin with a space or end in a space or a dot")
        if any(character in '<>:"|?*' for character in part):
            raise ValueError('must not hold any of < > : " | ? *')
    return normal


RepositoryPath: TypeAlias = Annotated[str, AfterValidator(repository_path)]
"""A file of a repository, as a person or a model names it."""

PortablePath: TypeAlias = Annotated[str, AfterValidator(portable_path)]
"""A place in a repository that Changeline writes."""
