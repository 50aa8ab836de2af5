"""The refs of a repository on this machine, read as plain files.

Problem: refs are names that somebody else chose, in files that can be links, pipes or giants. Choice: the two places where
git keeps them are read by hand; which of the names can be used is judged as for any remote (`remote_refs`). Invariant:
nothing but small regular files below real directories is read. Everything here blocks.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.adapters.git.objects import is_sha
from pipeline.adapters.git.plain_files import content, entries, exists, is_directory, leads_straight
from pipeline.errors import CallerError
from pipeline.repositories.ref_names import is_ref

NOTHING = "0" * 40
_REF_MAX_BYTES = 8 * 1024
_PACKED_MAX_BYTES = 256 * 1024**2
_REFS_MAX = 500_000
_DEPTH_MAX = 100
_SYMBOLIC_MAX = 5
_NOBODYS_WORK = "refs/replace/"
"""Refs that make git show other objects than the names say."""


def read(common: Path) -> dict[str, str]:
    """Return what each ref points to, symbolic ones resolved; `NOTHING` where that is no object's name.

    Raises `CallerError` when there are absurdly many.
    """
    # In this order, like git: `git pack-refs` writes the packed ones before it deletes the loose ones.
    loose = _loose(common / "refs")
    raw = {**_packed(common / "packed-refs"), **loose}
    return {name: _resolved(raw, name) for name in sorted(raw) if not name.startswith(_NOBODYS_WORK)}


def head(git_dir: Path) -> str:
    """Return the SHA or the full ref that HEAD holds, however odd its name; empty when it is neither."""
    value = _text(git_dir / "HEAD")
    value = value.removeprefix("ref:").strip()
    return value if is_sha(value) or value.startswith("refs/") else ""


def branch(git_dir: Path) -> str | None:
    """Return the full ref that is checked out; None when HEAD is detached, or at a name that nobody could use."""
    value = head(git_dir)
    return value if is_ref(value) else None


def same_as(common: Path, name: str) -> str:
    """Return what a symbolic ref leads to, as git would follow it; any other name as it is."""
    for _ in range(_SYMBOLIC_MAX):
        value = _text(common / name) if leads_straight(common, name) else ""
        if not value.startswith("ref:") or not is_ref(target := value.removeprefix("ref:").strip()):
            break
        name = target
    return name


def rebased(git_dir: Path) -> str | None:
    """Return the branch that a rebase under way began on; None when there is none."""
    for kind in ("rebase-merge", "rebase-apply"):
        if is_directory(git_dir / kind) and is_ref(name := _text(git_dir / kind / "head-name")):
            return name
    return None


def _resolved(raw: Mapping[str, str], name: str) -> str:
    value = raw[name]
    for _ in range(_SYMBOLIC_MAX):
        if value.startswith("ref:"):
            value = raw.get(value.removeprefix("ref:").strip(), "")
    return value if is_sha(value) else NOTHING


def _packed(file: Path) -> dict[str, str]:
    text = content(file, _PACKED_MAX_BYTES) if exists(file) else b""
    if text is None:
        raise CallerError(
            "The repository's `packed-refs` is not a regular file of a sane size.", field="remote",
            remedy="Clone it and register the clone.",
        )  # fmt: skip
    refs: dict[str, str] = {}
    for line in os.fsdecode(text).split("\n"):
        value, space, name = line.partition(" ")
        if space and is_sha(value):
            refs[name] = value
            _bounded(refs)
    return refs


def _loose(directory: Path) -> dict[str, str]:
    refs: dict[str, str] = {}
    waiting = [(directory, "refs", 0)]
    while waiting:
        here, prefix, depth = waiting.pop()
        for entry in entries(here):
            name = f"{prefix}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEPTH_MAX:
                    waiting.append((Path(entry.path), name, depth + 1))
            elif not entry.name.endswith(".lock"):
                text = content(Path(entry.path), _REF_MAX_BYTES)
                if text is not None or exists(Path(entry.path)):
                    refs[name] = _stripped(text)
                    _bounded(refs)
    return refs


def _bounded(refs: Mapping[str, str]) -> None:
    if len(refs) > _REFS_MAX:
        raise CallerError(
            f"The repository has more than {_REFS_MAX:,} refs.", field="remote",
            remedy="Delete refs that nobody needs, or register a clone of what matters.",
        )  # fmt: skip


def _text(file: Path) -> str:
    return _stripped(content(file, _REF_MAX_BYTES))


def _stripped(text: bytes | None) -> str:
    return "" if text is None else os.fsdecode(text).strip()
