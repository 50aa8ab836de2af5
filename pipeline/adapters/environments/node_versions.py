"""Which Node a repository asks for, and whether this machine's will do.

Problem: code for a newer Node fails in words that name no version. Choice: what `engines`, `.nvmrc`, `.node-version`, Volta and the
files of version managers say is compared with the Node that is there; none is fetched. Older than asked for stops the build,
newer than a developer's choice is told and tried. What cannot be read asks for nothing. Pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from pipeline.adapters.environments.tool_versions import tool_versions
from pipeline.proof.json_text import parsed_object

Read: TypeAlias = Callable[[str], bytes | None]
Version: TypeAlias = tuple[int, int, int]
_LTS = {
    "argon": 4, "boron": 6, "carbon": 8, "dubnium": 10, "erbium": 12, "fermium": 14, "gallium": 16, "hydrogen": 18,
    "iron": 20, "jod": 22, "krypton": 24,
}  # fmt: skip
_PINS = (".nvmrc", ".node-version")
_COMPARATOR = re.compile(
    r"(?P<op>[<>]=?|[\^~=]?)v?(?P<parts>\d+|[xX*])(?:\.(?P<minor>\d+|[xX*]))?(?:\.(?P<patch>\d+|[xX*]))?(?:[-+]\S*)?"
)
_END: Version = (1_000_000, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWish:
    """One place that asks for a Node. Alternatives are from the first version on, up to the second, which is not in it."""

    text: str
    place: str
    alternatives: tuple[tuple[Version, Version], ...]
    pinned: bool = True
    """What its developers work with, as against the range that it says it supports."""

    def allows(self, version: Version) -> bool:
        """Whether this version will do."""
        return any(low <= version < high for low, high in self.alternatives)

    def is_newer_than(self, version: Version) -> bool:
        """Whether every version that will do is newer."""
        return all(version < low for low, _ in self.alternatives)


def node_wishes(read: Read, folder: str) -> Iterator[NodeWish]:
    """Yield what is asked for in a folder, and in the files of version managers above it."""
    package = parsed_object(_text(read, _at(folder, "package.json")))
    engines, volta = package.get("engines"), package.get("volta")
    said = engines.get("node") if isinstance(engines, dict) else None
    if isinstance(said, str) and (ranges := _ranges(said)):
        yield NodeWish(text=said.strip(), place="engines in package.json", alternatives=ranges, pinned=False)
    pinned = volta.get("node") if isinstance(volta, dict) else None
    if isinstance(pinned, str) and (major := _major(pinned)):
        yield _pin(pinned, "volta in package.json", major)
    for place in (PurePosixPath(folder), *PurePosixPath(folder).parents):
        for name in _PINS:
            text = _text(read, _at(str(place), name)).strip()
            if major := _major(text):
                yield _pin(text, name, major)
        for name, version in tool_versions(read, str(place), ("node", "nodejs")):
            if major := _major(version):
                yield _pin(version, name, major)


def as_version(text: str) -> Version | None:
    """Read what `node --version` prints."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _pin(text: str, place: str, major: int) -> NodeWish:
    return NodeWish(text=text, place=place, alternatives=(((major, 0, 0), (major + 1, 0, 0)),))


def _major(text: str) -> int | None:
    named = _LTS.get(text.lower().removeprefix("lts/").removeprefix("lts-"))
    found = re.match(r"v?(\d{1,3})(?:\.|$)", text)
    return named or (int(found[1]) if found else None)


def _ranges(text: str) -> tuple[tuple[Version, Version], ...]:
    """Read the ranges of npm; empty where a part is none that is understood."""
    found = [_range(part) for part in text.split("||")]
    return tuple(one for one in found if one is not None) if None not in found else ()


def _range(text: str) -> tuple[Version, Version] | None:
    between = re.fullmatch(r"\s*(\S+)\s+-\s+(\S+)\s*", text)
    words = [f">={between[1]}", f"<={between[2]}"] if between else re.sub(r"([<>]=?|[\^~=])\s+", r"\1", text).split()
    low: Version = (0, 0, 0)
    high = _END
    for word in words:
        limits = _limits(word)
        if limits is None:
            return None
        low, high = max(low, limits[0]), min(high, limits[1])
    return low, high


def _limits(word: str) -> tuple[Version, Version] | None:
    found = _COMPARATOR.fullmatch(word)
    if found is None:
        return None
    given = [int(part) for part in found.group("parts", "minor", "patch") if part is not None and part.isdecimal()]
    if not given:
        return (0, 0, 0), _END
    start = _padded(given)
    after = _padded([*given[:-1], given[-1] + 1])
    zero: Version = (0, 0, 0)
    minor = given[1] if len(given) > 1 else 0
    same_series = _padded([given[0], minor + 1]) if len(given) > 1 else _padded([given[0] + 1])
    compatible = _padded([given[0] + 1]) if given[0] else _padded([0, minor + 1])
    known = {
        ">=": (start, _END), ">": (after, _END), "<": (zero, start), "<=": (zero, after), "^": (start, compatible),
        "~": (start, same_series),
    }  # fmt: skip
    return known.get(found.group("op"), (start, after))


def _padded(parts: list[int]) -> Version:
    major, minor, patch = (*parts, 0, 0)[:3]
    return major, minor, patch


def _at(folder: str, name: str) -> str:
    return str(PurePosixPath(folder) / name)


def _text(read: Read, path: str) -> str:
    return (read(path) or b"")[:1_000_000].decode(errors="replace")
