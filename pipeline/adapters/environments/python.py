"""How a Python environment is built: by uv, with the repository itself installed so that edits count at once.

Problem: one environment serves many trees, and an editable installation names the one it was made from. Choice: it is made
from a tree that stands at the fixed path where every tree will stand (`TREE_AT`); what building leaves in it (version
files, compiled modules) is kept beside it and found there by whatever tree lacks it. A repository whose back end fails, or
that is a plain folder of files, gets its dependencies alone: its source roots come through `PYTHONPATH`, and a minimal
`.dist-info` answers `importlib.metadata`. pytest comes from Changeline's own distributions, last on the path, so a
repository without dependencies needs no network and one that declares its own pytest gets that one. Invariant: what this
process writes is written before the first untrusted step or lies outside what a step can write.
"""

import os
import posixpath
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from packaging.version import Version

from pipeline.adapters.environments import beside_installation as beside
from pipeline.adapters.environments import dependency_sources, tool_sources
from pipeline.adapters.environments.build import Build, Recipe, failed, first_error
from pipeline.adapters.environments.dependency_sources import TestDependencies
from pipeline.adapters.environments.interpreters import Interpreter
from pipeline.adapters.environments.lock_files import locked_versions
from pipeline.adapters.environments.package_indexes import PackageIndexes
from pipeline.adapters.environments.python_manifests import (
    ROOT,
    build_backend,
    build_requirements,
    inside,
    is_static,
    lists_dependencies,
    literal_requirements,
    project,
    project_folders,
    table,
    texts,
)
from pipeline.adapters.environments.tool_sources import Found, program
from pipeline.adapters.environments.uv_commands import TREE_AT, UvBuild
from pipeline.machine import tree_walk
from pipeline.ports import CommandResult, EnvironmentSource

_SEEDS_FROM = Version("3.11")
"""Older ones need back-ports beside pytest, which only an index has."""
_UNREACHABLE = re.compile(
    r"tunnel error|dns error|error sending request|client error \(Connect\)|timed out", re.IGNORECASE
)
_NEIGHBOUR = re.compile(rb"(?m)^\s*(?:-e|--editable)[ =]?\s*\.|^\s*\.{1,2}/|@ file:|path\s*=\s*[\"']\.")
_REBUILDS_AT_IMPORT = "mesonpy"


async def python_recipe(build: Build, interpreter: Interpreter, indexes: PackageIndexes) -> Recipe:
    """Make the environment; asks no index when nothing is declared."""
    return await _PythonBuild(build, UvBuild(build, interpreter, indexes)).make()


class _PythonBuild:
    """One environment in the making."""

    def __init__(self, build: Build, uv: UvBuild) -> None:
        self.build = build
        self.uv = uv
        self.read = build.manifest
        self.top = build.stack.root
        self.folders = project_folders(build.manifest, build.stack.manifests, top=self.top)
        self.installed: list[str] = []
        self.not_installed: dict[str, str] = {}
        self.constraints: dict[str, tuple[str, Path]] = {}
        self.venv = uv.venv

    async def make(self) -> Recipe:
        """Make the environment, and say where everything is."""
        self._write_what_steps_only_read()
        await self.uv.make_venv()
        beside.hook(self.build, self.venv, minor=self.uv.interpreter.minor)
        for folder in self.folders or (self.top,):
            await self._provide(folder)
        await self._provide_runner()
        await self._finish()
        for folder, why in self.not_installed.items():
            self.build.choose(EnvironmentSource.REPOSITORY, folder, why, taken=False)
            beside.describe(self.build, project(self.read, folder))
        for name in ("cache", "tools", "tox", "tox.json"):
            tree_walk.discard(self.uv.made / name)
        tree_walk.discard(self.build.root / "tree")
        places = (posixpath.relpath(place, self.top) for place in self.build.stack.source_roots)
        roots = {"PYTHONPATH": ":".join(places)}
        return Recipe(
            path=(str((self.venv / "bin").relative_to(self.build.root)), "bin"),
            variables={
                **({} if self.installed and not self.not_installed else roots),
                "PYTHONDONTWRITEBYTECODE": "1",
                "VIRTUAL_ENV": str(self.venv),
            },
            tree_at=TREE_AT if self.installed or self._installs_a_neighbour() else None,
        )

    def _installs_a_neighbour(self) -> bool:
        """Whether requirements name another folder of the tree, whose installation names the path of the copy."""
        files = [path for path in self.build.stack.manifests if path.endswith((".txt", "Pipfile"))]
        return self.build.contained and any(_NEIGHBOUR.search(self.read(path) or b"") for path in files)

    # what is asked for

    async def _provide(self, folder: str) -> None:
        """Install one project with what the first source that can be installed asks for."""
        problems: list[str] = []
        async for found in self._sources(folder):
            wanted = found.of_the_project(project(self.read, folder).name)
            problem = await self._install(folder, wanted)
            name = wanted.name if folder == self.top else f"{folder}: {wanted.name}"
            if problem is None:
                self.build.choose(wanted.source, name, wanted.why)
                return
            self.build.choose(wanted.source, name, problem, taken=False)
            if wanted.needed:
                problems.append(problem)
        if not problems:
            alone = dependency_sources.nothing_more(self.read, folder, is_project=folder in self.folders)
            problem = await self._install(folder, alone)
            if problem is None:
                self.build.choose(alone.source, alone.name, alone.why)
                return
            problems.append(problem)
        raise failed(f"The dependencies cannot be installed: {problems[0]}", self.build.log)

    async def _sources(self, folder: str) -> AsyncIterator[TestDependencies]:
        for ask, source in ((tool_sources.tox, EnvironmentSource.TOX), (tool_sources.nox, EnvironmentSource.NOX)):
            if (found := self._readable(await ask(self.uv, self.read, folder), source)) is not None:
                yield found
        for found in dependency_sources.named_for_tests(self.read, folder):
            yield found
        if (
            found := self._readable(await tool_sources.hatch(self.uv, self.read, folder), EnvironmentSource.HATCH)
        ) is not None:
            yield found
        for found in dependency_sources.requirements_files(self.read, folder, installed=folder in self.folders):
            yield found
        for found in dependency_sources.package_managers(self.read, folder):
            yield found
        if (
            found := self._readable(await tool_sources.poetry(self.uv, self.read, folder), EnvironmentSource.POETRY)
        ) is not None:
            yield found
        for found in dependency_sources.for_development(self.read, folder):
            yield found

    def _readable(self, found: Found, source: EnvironmentSource) -> TestDependencies | None:
        if isinstance(found, str):
            self.build.choose(source, str(source), found, taken=False)
            return None
        return found

    # how it is installed

    async def _install(self, folder: str, wanted: TestDependencies) -> str | None:
        """Install a project and what its tests need; return the installer's words where that cannot be done."""
        asked = wanted.arguments()
        venv = wanted.venv or self.uv.venv
        is_project = folder in self.folders
        why_not = self._why_not_installed(folder) if is_project else None
        if is_project and why_not is None:
            result = await self._try(folder, [*await self._editable(folder, wanted.extras), *asked], venv)
            if result.exit_code == 0:
                self._settle(folder, venv)
                return None
            why_not = first_error(result)
            if _UNREACHABLE.search(result.output) and not self.build.settings.offline:
                return (
                    why_not  # what is missing for a moment must not be missing for as long as the environment is kept
                )
        if is_project:
            alone = await self._own_requirements(folder, wanted.extras)
            if isinstance(alone, str):
                return why_not or alone
            asked = [*alone, *asked]
        if asked:
            result = await self._try(folder, asked, venv)
            if result.exit_code != 0:
                return first_error(result)
        self._settle(folder, venv, why_not)
        return None

    def _settle(self, folder: str, venv: Path, why_not: str | None = None) -> None:
        self.venv = venv
        if folder in self.folders:
            if why_not is None:
                self.installed.append(folder)
                self.build.choose(EnvironmentSource.REPOSITORY, folder, "installed, and edits count at once")
            else:
                self.not_installed[folder] = f"its modules are found, it is not installed: {why_not}"

    async def _try(self, folder: str, arguments: Sequence[str], venv: Path) -> CommandResult:
        """Install within what the lock file says, else, where that has no solution, without it."""
        self.uv.lay_tree()
        name, file = self.constraints.get(folder, ("", None))
        if file is not None:
            result = await self.uv.install(folder, [*arguments, "--constraint", str(file)], venv=venv)
            if result.exit_code == 0:
                self.build.choose(EnvironmentSource.LOCK, name, "versions are the locked ones")
                return result
            unsolved = "No solution found" in result.output and "Failed to build" not in result.output
            if not unsolved or "build-system.requires" in result.output:
                return result
            del self.constraints[folder]
            self.build.choose(EnvironmentSource.LOCK, name, first_error(result), taken=False)
        return await self.uv.install(folder, arguments, venv=venv)

    def _why_not_installed(self, folder: str) -> str | None:
        if not self.build.contained:
            return "tools run uncontained, where trees have no path in common"
        if build_backend(self.read, folder) == _REBUILDS_AT_IMPORT:
            return "meson-python builds again at each import, which a shared environment cannot"
        if build_requirements(self.read, folder) and not self.uv.reaches_packages:
            return "its build back end comes from an index, and the build is offline"
        return None

    async def _editable(self, folder: str, extras: Sequence[str]) -> list[str]:
        """Return the arguments that install a project so that edits count, new modules of its packages too."""
        await self._make_metadata_valid(folder)
        arguments = ["--editable", f".[{','.join(extras)}]" if extras else "."]
        if build_backend(self.read, folder).startswith("setuptools"):
            name = project(self.read, folder).name
            mode = "editable_mode=compat"
            arguments += ["--config-setting", mode] if name is None else ["--config-settings-package", f"{name}:{mode}"]
        return arguments

    async def _make_metadata_valid(self, folder: str) -> None:
        """Rewrite, where steps work, poetry's alternatives, of which poetry-core makes requirements that nothing can read."""
        if b"||" not in (self.read(inside(folder, "pyproject.toml")) or b""):
            return
        said = await tool_sources.poetry_requirements(self.uv, self.read, folder)
        for before, after in (table(said, "rewritten") if isinstance(said, dict) else {}).items():
            replaced = "import pathlib, sys; p = pathlib.Path('pyproject.toml'); p.write_text(p.read_text().replace(*sys.argv[1:]))"
            await self.uv.run(
                str(self.uv.interpreter.executable), "-I", "-c", replaced, str(before), str(after), folder=folder
            )

    async def _own_requirements(self, folder: str, extras: Sequence[str]) -> list[str] | str:
        """Return arguments for a project's own dependencies without building it, or why they cannot be known."""
        if is_static(self.read, folder):
            if not (extras or lists_dependencies(self.read, folder)):
                return []
            return ["--requirements", "pyproject.toml", *(part for extra in extras for part in ("--extra", extra))]
        said = await tool_sources.poetry_requirements(self.uv, self.read, folder)
        if isinstance(said, str):
            return said
        if said is not None:
            named = [line for extra in extras for line in texts(table(said, "extras").get(extra))]
            return [*texts(table(said, "groups").get("main")), *named]
        return literal_requirements(self.read, folder, extras)

    # what lies beside the installation

    def _write_what_steps_only_read(self) -> None:
        for folder in self.folders or (self.top,):
            if (locked := locked_versions(self.read, folder)) is not None:
                name = f"constraints/{len(self.constraints)}.txt"
                self.constraints[folder] = (locked[0], self.build.write(name, "\n".join(locked[1]) + "\n"))
        mirror = self.uv.made / "generated"
        for name in ("finish_installation.py", "read_poetry.py"):
            self.build.write(f"programs/{name}", program(name))
        finder = program("changeline_generated.py").replace("@TREE@", str(TREE_AT)).replace("@MIRROR@", str(mirror))
        placed = self.build.write("programs/hook/changeline_generated.py", finder)
        beside.compile_for_runs(placed, minor=self.uv.interpreter.minor)
        paths: list[str] = []
        if self.folders:
            top = f"{self.build.files}/"
            for place, inner, names in os.walk(self.build.files):
                inner[:] = [name for name in inner if name != ".git"]
                paths += [f"{place}/{name}".removeprefix(top) for name in names]
        self.build.write("programs/listed", "\0".join(paths).encode(errors="surrogateescape"))

    async def _finish(self) -> None:
        if self.uv.tree == self.build.root:
            return
        programs, mirror = self.build.root / "programs", self.uv.made / "generated"
        await self.uv.run(
            str(self.venv / "bin" / "python"), "-I", str(programs / "finish_installation.py"), str(self.uv.tree),
            str(programs / "listed"), str(mirror), str(programs / "hook"), folder=ROOT,
        )  # fmt: skip

    async def _provide_runner(self) -> None:
        """Give the tests a pytest, unless they brought one: ours where it runs, else one from an index."""
        if Version(self.uv.interpreter.minor) < _SEEDS_FROM:
            result = await self.uv.install(ROOT, ["pytest"], venv=self.venv)
            if result.exit_code != 0:
                raise failed(f"pytest cannot be installed: {first_error(result)}", self.build.log)
        beside.seed_runner(self.build, self.venv, minor=self.uv.interpreter.minor)
