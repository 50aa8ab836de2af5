"""Says what a poetry project needs, in the words of poetry-core, as JSON: requirements by group, in PEP 508.

Usage: `python read_poetry.py PROJECT`, with poetry-core on the path. What poetry writes as alternatives (`^2 || ^3`) has no
PEP 508 form: the newest alternative is told, and `rewritten` says by which text the manifest means it, so that the metadata
of an installation can be made valid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: str) -> None:
    """Print all groups and extras."""
    from poetry.core.factory import Factory  # type: ignore[import-not-found]  # noqa: PLC0415 - installed where this runs

    package = Factory().create_poetry(Path(folder)).package
    rewritten: dict[str, str] = {}
    groups = {
        name: lines(package.dependency_group(name).dependencies, rewritten)
        for name in package.dependency_group_names(include_optional=True)
    }
    extras = {str(name): lines(found, rewritten, optional=True) for name, found in package.extras.items()}
    json.dump({"groups": groups, "extras": extras, "rewritten": rewritten}, sys.stdout)


def lines(dependencies: list[Any], rewritten: dict[str, str], *, optional: bool = False) -> list[str]:
    """Return requirements; places of the file system, and what only an extra brings, are left out."""
    kept = [one for one in dependencies if optional or not one.is_optional()]
    return [line(one, rewritten) for one in kept if not (one.is_file() or one.is_directory())]


def line(dependency: Any, rewritten: dict[str, str]) -> str:
    """Return one requirement, of alternatives the newest."""
    ranges = getattr(dependency.constraint, "ranges", [])
    if len(ranges) > 1 and not dependency.constraint.excludes_single_version:
        newest = ranges[-1]
        parts = [f"{'>=' if newest.include_min else '>'}{newest.min}"] if newest.min else []
        parts += [f"{'<=' if newest.include_max else '<'}{newest.max}"] if newest.max else []
        rewritten[dependency.pretty_constraint] = ",".join(parts)
        dependency = dependency.with_constraint(",".join(parts))
    return str(dependency.to_pep_508(with_extras=False))


if __name__ == "__main__":
    main(sys.argv[1])
