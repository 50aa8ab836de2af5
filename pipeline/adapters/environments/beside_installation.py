"""What a Python environment has beside what uv installed: our pytest, metadata of what is not installed, the paths to both.

Everything here is written by this process, where no step of a build can write; only the `.pth` file that names it lies in the
environment, and is written before anything foreign ran. pytest comes last on the path, so that a repository's own counts.
"""

import importlib.metadata
import importlib.util
import py_compile
import re
import struct
import sys
from importlib.resources import files
from pathlib import Path, PurePosixPath

from pipeline.adapters.environments.build import Build
from pipeline.adapters.environments.python_manifests import Project

_SEEDS = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_SELDOM_IMPORTED = frozenset({"pygments"})
_NEVER_STALE = py_compile.PycInvalidationMode.UNCHECKED_HASH
_UNCHECKED_HASH = struct.pack("<I", 0b01)
_WORD = 0xFFFFFFFF
_ROOTS_FIRST = "import changeline_roots; changeline_roots.begin()"
_START = (
    "import sys; sys.path.pop(0); import os, pytest; sys.path.insert(0, os.getcwd()); sys.argv[0] = 'pytest'; "
    "sys.exit(pytest.console_main())"
)
"""As `-m pytest`, but what pytest itself needs is never looked for in the tree."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9A-Za-z.!+_-]{1,64}")


def hook(build: Build, venv: Path, *, minor: str) -> None:
    """Let an environment that nothing foreign has touched yet find what lies beside it, and keep the file for others."""
    placed = build.write(
        "runner/changeline_roots.py",
        files("pipeline.adapters.environments.inside").joinpath("changeline_roots.py").read_text(),
    )
    compile_for_runs(placed, minor=minor)
    lines = f"{build.root / 'metadata'}\n{build.root / 'runner'}\n{_ROOTS_FIRST}\n"
    for place in (f"{venv.relative_to(build.root)}/lib/python{minor}/site-packages", "programs/hook"):
        build.write(f"{place}/changeline.pth", lines)


def seed_runner(build: Build, venv: Path, *, minor: str) -> None:
    """Copy Changeline's own pytest, and give the environment its command."""
    for name in _SEEDS:
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            within = PurePosixPath(file)
            if ".." in within.parts or "__pycache__" in within.parts:
                continue
            original = Path(str(distribution.locate_file(file)))
            placed = build.write(f"runner/{within}", original.read_bytes())
            if name not in _SELDOM_IMPORTED:
                compile_for_runs(placed, minor=minor, like=original)
    build.write("bin/pytest", f'#!/bin/sh\nexec "{venv}/bin/python" -c "{_START}" "$@"\n', mode=0o755)


def compile_for_runs(placed: Path, *, minor: str, like: Path | None = None) -> None:
    """Byte-compile a module: runs may write no byte code, so without this each of them would do it anew.

    `like` is a module of this process's own with the same text: what Python made of that one is taken, where it is there.
    """
    if placed.suffix != ".py" or minor != f"{sys.version_info.major}.{sys.version_info.minor}":
        return
    code = None if like is None else _compiled(like)
    if code is None:
        py_compile.compile(str(placed), doraise=True, invalidation_mode=_NEVER_STALE)
        return
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(placed.read_bytes())
    made = Path(importlib.util.cache_from_source(str(placed)))
    made.parent.mkdir(exist_ok=True)
    made.write_bytes(header + code)


def _compiled(module: Path) -> bytes | None:
    """Return the code that Python keeps of a module, if it is that of the module as it is now.

    Who installed Changeline may have kept it to themselves; then it is made anew.
    """
    try:
        kept = Path(importlib.util.cache_from_source(str(module))).read_bytes()
    except OSError:
        return None
    facts = module.stat()
    timely = struct.pack("<4sIII", importlib.util.MAGIC_NUMBER, 0, int(facts.st_mtime) & _WORD, facts.st_size & _WORD)
    return kept[len(timely) :] if kept.startswith(timely) else None


def describe(build: Build, own: Project) -> None:
    """Write metadata for a project that is not installed, so that it can ask for its version and find its plugins."""
    if own.name is None or not _NAME.fullmatch(own.name):
        return
    version = own.version if own.version is not None and _VERSION.fullmatch(own.version) else "0.0.0"
    info = f"metadata/{re.sub(r'[-_.]+', '_', own.name)}-{version}.dist-info"
    sections = (own.entry_points or {}).items()
    lines = [
        line for group, items in sections for line in (f"[{group}]", *(f"{name} = {at}" for name, at in items.items()))
    ]
    build.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {own.name}\nVersion: {version}\n")
    build.write(f"{info}/INSTALLER", "changeline\n")
    build.write(f"{info}/entry_points.txt", "".join(f"{line}\n" for line in lines))
