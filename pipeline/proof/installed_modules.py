"""Which Python modules an environment brings, by the names under which they are imported.

Read from the folders of what was built, by names alone: nothing is imported, no link is followed, nothing is opened. Of a
namespace that several distributions share, the modules within it count, since others may lie beside them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.ports import Environment

_COMPILED = (".so", ".pyd")
_DEPTH_MAX = 3
_ENTRIES_MAX = 20_000


def installed_modules(environment: Environment) -> frozenset[str]:
    """Return the modules of the environment's site-packages. Reads the file system: call it in a thread."""
    folders = {folder for place in environment.path for folder in place.parent.glob("lib/python3*/site-packages")}
    return frozenset(name for folder in sorted(folders) for name in _within(folder, "", 0))


def _within(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as opened:
            entries = [entry for entry, _ in zip(opened, range(_ENTRIES_MAX), strict=False)]
    except OSError:
        return
    for entry in entries:
        name = entry.name.partition(".")[0]
        if not name.isidentifier() or name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name != name:
                continue
            if (folder / name / "__init__.py").exists():
                yield prefix + name
            elif depth < _DEPTH_MAX:
                yield from _within(folder / name, f"{prefix}{name}.", depth + 1)
        elif entry.name == f"{name}.py" or entry.name.endswith(_COMPILED):
            yield prefix + name
