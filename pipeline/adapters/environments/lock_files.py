"""The versions that a lock file holds, as constraints.

Problem: each package manager has a lock of its own, and asking each manager means installing it first. Choice: the
requirements come from where the project says them, and the lock limits them to exactly the versions it names; uv resolves
nothing else. What a lock does not take from an index (paths, git) is left to the requirements. Pure.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker

from pipeline.adapters.environments.python_manifests import Manifest, inside, read_toml, table

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z.!+_-]{1,100}")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")


def locked_versions(read: Manifest, folder: str) -> tuple[str, list[str]] | None:
    """Return the first lock file of a project's folder, or of the root, with a constraint per package; None without one."""
    for place in dict.fromkeys((folder, ".")):
        for name in LOCKS:
            content = read(inside(place, name))
            if content is None:
                continue
            found = list(_pipfile(content) if name == "Pipfile.lock" else _packages(read_toml(content)))
            if found:
                return inside(place, name), _lines(found)
    return None


def locked_names(content: bytes | None) -> list[str]:
    """Return the packages of a lock, each with its condition, for those who have no other list."""
    found = [(name, marker) for name, _, marker in _packages(read_toml(content)) if _NAME.fullmatch(name)]
    return [f"{name} ; {marker}" if _is_marker(marker) else name for name, marker in dict.fromkeys(found)]


def _packages(lock: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    listed = lock.get("package", lock.get("packages"))
    for package in listed if isinstance(listed, list) else ():
        if not isinstance(package, dict) or _is_elsewhere(package):
            continue
        yield str(package.get("name", "")), str(package.get("version", "")), _marker(package)


def _is_elsewhere(package: Mapping[str, Any]) -> bool:
    """Whether it does not come from an index: uv names the registry, poetry and pdm name what is not one."""
    source = package.get("source")
    if isinstance(source, dict):
        return not ("registry" in source or source.get("type") == "legacy")
    return any(key in package for key in ("path", "git", "url", "vcs", "directory", "archive"))


def _marker(package: Mapping[str, Any]) -> str:
    forks = package.get("resolution-markers")
    if isinstance(forks, list):
        return " or ".join(f"({fork})" for fork in forks if isinstance(fork, str))
    said = package.get("markers", package.get("marker"))
    if isinstance(said, dict):
        return " or ".join(f"({one})" for one in said.values() if isinstance(one, str))
    return said if isinstance(said, str) else ""


def _pipfile(content: bytes) -> Iterator[tuple[str, str, str]]:
    try:
        lock = json.loads(content)
    except (ValueError, RecursionError):
        return
    for section in ("default", "develop") if isinstance(lock, dict) else ():
        for name, wanted in table(lock, section).items():
            version = wanted.get("version") if isinstance(wanted, dict) else None
            if isinstance(version, str) and version.startswith("=="):
                yield name, version.removeprefix("=="), ""


def _lines(found: list[tuple[str, str, str]]) -> list[str]:
    """One line per package; where a lock has several versions of one, each needs its own condition to count."""
    versions: dict[str, dict[str, str]] = defaultdict(dict)
    for name, version, marker in found:
        if _NAME.fullmatch(name) and _VERSION.fullmatch(version):
            versions[name][version] = marker
    lines = []
    for name, of_one in versions.items():
        if len(of_one) == 1:
            lines.append(f"{name}=={next(iter(of_one))}")
        else:
            lines += [f"{name}=={version} ; {marker}" for version, marker in of_one.items() if _is_marker(marker)]
    return lines


def _is_marker(text: str) -> bool:
    try:
        Marker(text)
    except InvalidMarker:
        return False
    return True
