"""How a Python environment is built: a virtual environment of the interpreter that runs Changeline itself.

The repository is not installed: its source roots come through `PYTHONPATH`, so that agents' edits count at once, and a
minimal `.dist-info` answers `importlib.metadata`. pytest comes from Changeline's own distributions, last on the path, so
a repository without dependencies needs no network and one that declares its own pytest gets that one. Everything
this process writes is either written before the first untrusted step or lies outside what that step can write.
"""

import importlib.metadata
import importlib.util
import py_compile
import re
import sys
from pathlib import Path, PurePosixPath

from pipeline.adapters.environments.build import Build, Recipe
from pipeline.adapters.environments.pip_settings import pip_arguments
from pipeline.adapters.environments.python_manifests import Project, constraints, declared, project
from pipeline.adapters.environments.toolchains import own_python
from pipeline.ports import Network

_SEEDS = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_SELDOM_IMPORTED = frozenset({"pygments"})
_NEVER_STALE = py_compile.PycInvalidationMode.UNCHECKED_HASH
_SYSTEM_WHEELS = Path("/usr/share/python-wheels")
_ABSOLUTE_ROOTS = (
    "import os; roots = os.environ.get('PYTHONPATH'); "
    "roots and os.environ.__setitem__('PYTHONPATH', os.pathsep.join(map(os.path.abspath, roots.split(os.pathsep))))"
)
"""A `.pth` line: children of a test that start elsewhere still find relative source roots."""


async def python_recipe(build: Build, pip_configs: tuple[Path, ...]) -> Recipe:
    """Make the environment; asks no index when nothing is declared."""
    requirements = declared(build.manifest, build.stack.manifests)
    venv = build.directory("venv")
    pip_wheel = _pip_wheel()
    pip = () if requirements and pip_wheel is None else ("--without-pip",)
    await build.run(str(own_python()), "-I", "-m", "venv", *pip, str(venv), cwd=build.root, writable=(venv,))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    hook = f"{build.root / 'metadata'}\n{build.root / 'runner'}\n{_ABSOLUTE_ROOTS}\n"
    build.write(f"venv/lib/{version}/site-packages/changeline.pth", hook)
    if requirements:
        installer = ("-m", "pip") if pip_wheel is None else (str(pip_wheel / "pip"),)
        await _install(build, venv, installer, requirements, pip_configs)
    _seed_runner(build, venv)
    _describe(build, project(build.manifest))
    return Recipe(
        path=("venv/bin", "bin"),
        variables={
            "PYTHONPATH": ":".join(build.stack.source_roots),
            "PYTHONDONTWRITEBYTECODE": "1",
            "VIRTUAL_ENV": str(venv),
        },
    )


def _pip_wheel() -> Path | None:
    """Return the interpreter's own pip as a wheel, which runs as it is; unpacking it takes longer than most installs."""
    found = importlib.util.find_spec("ensurepip")  # Debian ships it apart
    places = [Path(place) / "_bundled" for place in (found and found.submodule_search_locations) or ()]
    return next((wheel for place in (*places, _SYSTEM_WHEELS) for wheel in sorted(place.glob("pip-*.whl"))), None)


async def _install(
    build: Build, venv: Path, installer: tuple[str, ...], requirements: list[str], pip_configs: tuple[Path, ...]
) -> None:
    listed = build.write("manifests/requirements.txt", "\n".join(requirements) + "\n")
    limits = constraints(build.manifest, build.stack.manifests)
    limited_by = build.write("manifests/constraints.txt", "\n".join(limits) + "\n")
    arguments, shown = pip_arguments(build.settings, pip_configs)
    await build.run(
        *(str(venv / "bin" / "python"), "-I", *installer, "install", "--no-input", "--no-cache-dir"),
        *(
            "--disable-pip-version-check",
            "--no-warn-script-location",
            *arguments,
            "-c",
            str(limited_by),
            "-r",
            str(listed),
        ),
        cwd=build.root,
        writable=(venv,),
        read_only=(listed.parent, *shown),
        network=Network.NONE if build.settings.offline else Network.REGISTRIES,
        environment={"PIP_CONFIG_FILE": "/dev/null"},
    )


def _seed_runner(build: Build, venv: Path) -> None:
    for name in _SEEDS:
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            inside = PurePosixPath(file)
            if ".." in inside.parts or "__pycache__" in inside.parts:
                continue
            placed = build.write(f"runner/{inside}", Path(str(distribution.locate_file(file))).read_bytes())
            if placed.suffix == ".py" and name not in _SELDOM_IMPORTED:
                # Runs may write no byte code, so without this each of them would compile the runner anew.
                py_compile.compile(str(placed), doraise=True, invalidation_mode=_NEVER_STALE)
    build.write("bin/pytest", f'#!/bin/sh\nexec "{venv}/bin/python" -m pytest "$@"\n', mode=0o755)


def _describe(build: Build, own: Project) -> None:
    """Write metadata for the repository itself, so that it can ask for its own version and find its own plugins."""
    if own.name is None or not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", own.name):
        return
    stated = own.version or ""
    version = stated if re.fullmatch(r"[0-9A-Za-z.!+_-]{1,64}", stated) else "0.0.0"
    info = f"metadata/{re.sub(r'[-_.]+', '_', own.name)}-{version}.dist-info"
    groups = (own.entry_points or {}).items()
    build.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {own.name}\nVersion: {version}\n")
    build.write(f"{info}/INSTALLER", "changeline\n")
    build.write(
        f"{info}/entry_points.txt",
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in items.items()) for group, items in groups
        ),
    )
