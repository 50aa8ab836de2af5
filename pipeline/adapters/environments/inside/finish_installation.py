"""Finishes an installation: compiles what it installed, keeps what it left in the tree for all other trees.

Usage: `python finish_installation.py TREE LISTED MIRROR HOOK`, by the interpreter of the environment. LISTED holds the paths
that were in the tree before, separated by NUL. What is new in it is copied to MIRROR, but for files of build tools, which
nothing imports or reads; then the environment is told by HOOK, a directory with `changeline_generated.py`, to look there.
Runs may write no byte code, so without it here each of them would compile everything anew.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from py_compile import PycInvalidationMode

LEFT = {"__pycache__", "build", "target", ".git", ".pdm-build", ".mypy_cache", ".tox", ".nox", "node_modules"}
ENDINGS = (".egg-info", ".dist-info", ".pyc")
NEVER_STALE = PycInvalidationMode.UNCHECKED_HASH
SPREAD_FROM = 500
SELDOM_IMPORTED = re.compile(r"/(pygments/lexers|tests)/")


def main(tree: str, listed: str, mirror: str, hook: str) -> None:
    """Compile, then copy every new regular file and say so."""
    site = Path(sysconfig.get_path("purelib"))
    shutil.copy(Path(hook) / "changeline.pth", site)  # a tool that made the environment itself knows nothing of it
    workers = 0 if sum(1 for _ in site.rglob("*.py")) > SPREAD_FROM else 1
    compileall.compile_dir(str(site), quiet=2, invalidation_mode=NEVER_STALE, rx=SELDOM_IMPORTED, workers=workers)
    known = set(Path(listed).read_text(encoding="utf-8", errors="surrogateescape").split("\0"))
    copied = []
    for folder, inner, names in os.walk(tree):
        inner[:] = [name for name in inner if name not in LEFT and not name.endswith(ENDINGS)]
        for name in names:
            place = Path(folder) / name
            path = os.path.relpath(place, tree)
            if path in known or name.endswith(ENDINGS) or place.is_symlink() or not place.is_file():
                continue
            target = Path(mirror) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, target)
            copied.append(path)
    if copied:
        compileall.compile_dir(mirror, quiet=2, invalidation_mode=NEVER_STALE)
        (site / "changeline_generated.pth").write_text(
            hook + "\nimport changeline_generated; changeline_generated.begin()\n", encoding="utf-8"
        )
        sys.stdout.write(f"kept what the installation generated: {' '.join(sorted(copied))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
