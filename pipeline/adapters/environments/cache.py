"""Dependency environments of target repositories, built once per manifest hash.

Problem: an environment that agents can change proves nothing, one that is built again for every run costs minutes, and
builds run other people's code. Choice: builds run in the sandbox with the registries as their only network and no
secrets, in a directory of their own below `directory`; a build writes only into parts named by its recipe, and everything
this process adds lies outside of them. Directories are built where they stay, because virtual environments name their
own path; a marker written last, by rename, publishes them. Invariant: a directory without its marker is never used, and
one with it never changes.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import assert_never

from pipeline.adapters.environments.build import LOG_MAX_BYTES, Build, Recipe, failed, manifest_at
from pipeline.adapters.environments.interpreters import (
    Interpreter,
    Interpreters,
    WantedPython,
    chosen,
    interpreters_of_this_machine,
    own_interpreter,
    wanted_python,
)
from pipeline.adapters.environments.node import node_recipe
from pipeline.adapters.environments.package_indexes import package_indexes, system_pip_configs
from pipeline.adapters.environments.python import python_recipe
from pipeline.adapters.environments.python_downloads import download, downloaded, lacking
from pipeline.adapters.environments.python_manifests import project_folders
from pipeline.adapters.environments.recipes import go_recipe, java_recipe, rust_recipe
from pipeline.adapters.environments.toolchains import Toolchain, find_toolchain, toolchain_of
from pipeline.errors import InvariantBroken
from pipeline.machine import tree_walk
from pipeline.machine.file_locks import locked
from pipeline.ports import DependencyChoice, Environment, EnvironmentSource, Language, ReadFile, Sandbox, Stack
from pipeline.settings.process import EnvironmentSettings

_FORMAT = "5"
_MARKER = "environment.json"


class SandboxEnvironments:
    """The `Environments` port. `directory` is the pipeline's own; several processes may share it."""

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        settings: EnvironmentSettings,
        *,
        pip_configs: tuple[Path, ...] | None = None,
        interpreters: Interpreters = interpreters_of_this_machine,
    ) -> None:
        self._sandbox = sandbox
        self._directory = directory
        self._settings = settings
        self._pip_configs = system_pip_configs() if pip_configs is None else pip_configs
        self._interpreters = interpreters

    async def find(self, stack: Stack, read: ReadFile, manifest_hash: str) -> Environment | None:
        """Return the environment if it was published; nobody is waited for."""
        directory = Path(os.path.realpath(self._directory))  # noqa: ASYNC240 - a look at one path
        plan = await self._planned(stack, read, directory)
        if plan is None:
            return None
        root = directory / self._key(stack, plan.chain, manifest_hash)
        found = await asyncio.to_thread(_published, root, manifest_hash, plan.chain)
        return None if found is None else replace(found, component=stack.root)

    async def prepare(self, stack: Stack, files: Path, manifest_hash: str, *, may_spoil: bool = False) -> Environment:
        """Return the environment; concurrent callers for one hash wait for the one that builds it."""
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)
        directory = Path(os.path.realpath(self._directory))  # noqa: ASYNC240 - a look at one path
        plan = await self._plan(stack, lambda path: manifest_at(files, path), directory)
        root = directory / self._key(stack, plan.chain, manifest_hash)
        async with locked(root.with_suffix(".lock")):
            found = _published(root, manifest_hash, plan.chain)
            if found is None:
                build = Build(
                    sandbox=self._sandbox, root=root, stack=stack, files=files, may_spoil=may_spoil,
                    settings=self._settings, chain=plan.chain,
                )  # fmt: skip
                found = await self._built(build, manifest_hash, plan)
        return replace(found, component=stack.root)

    async def _plan(self, stack: Stack, read: ReadFile, directory: Path) -> "_Plan":
        """Choose the toolchain. Raises `PersonNeeded(environment_failed)` where the machine has none that will do."""
        plan = await self._planned(stack, read, directory)
        if plan is not None:
            return plan
        if stack.language is not Language.PYTHON:
            raise failed(
                f"No {stack.language} toolchain was found on PATH.", "", remedy="Install it where Changeline runs."
            )
        wanted = await asyncio.to_thread(self._wanted, stack, read)
        if self._settings.python_downloads and not self._settings.offline:
            async with locked(directory / "pythons.lock"):
                await download(wanted, self._sandbox, directory, self._settings, self._pip_configs)
            found = await asyncio.to_thread(chosen, wanted, lambda: downloaded(directory))
            if found is not None:
                return await _with(found, wanted)
        raise lacking(wanted, await asyncio.to_thread(self._interpreters))

    async def _planned(self, stack: Stack, read: ReadFile, directory: Path) -> "_Plan | None":
        """Choose among the toolchains that are here; None where none will do."""
        if stack.language is not Language.PYTHON:
            chain = await asyncio.to_thread(find_toolchain, stack.language)
            return None if chain is None else _Plan(chain=chain)
        wanted = await asyncio.to_thread(self._wanted, stack, read)
        found = await asyncio.to_thread(chosen, wanted, lambda: (*downloaded(directory), *self._interpreters()))
        return None if found is None else await _with(found, wanted)

    @staticmethod
    def _wanted(stack: Stack, read: ReadFile) -> WantedPython:
        def manifest(path: str) -> bytes | None:
            return read(path) if path in stack.manifests else None

        return wanted_python(manifest, project_folders(manifest, stack.manifests, top=stack.root), top=stack.root)

    async def _built(self, build: Build, manifest_hash: str, plan: "_Plan") -> Environment:
        root = build.root
        await asyncio.to_thread(tree_walk.discard, root)
        build.directory("")
        try:
            recipe = await self._recipe(build, plan)
        finally:
            root.with_suffix(".log").write_text(build.log[-LOG_MAX_BYTES:])
        await asyncio.to_thread(tree_walk.discard, root / "tmp")
        _publish(root, recipe, build.choices, build.log[-LOG_MAX_BYTES:])
        found = _published(root, manifest_hash, plan.chain)
        if found is None:
            raise InvariantBroken("A published environment is not there.", root=str(root))
        return found

    async def _recipe(self, build: Build, plan: "_Plan") -> Recipe:
        match build.stack.language:
            case Language.PYTHON:
                interpreter = plan.interpreter or own_interpreter()
                build.choose(
                    EnvironmentSource.INTERPRETER, interpreter.version, plan.wanted.said or "nothing else is asked for"
                )
                return await python_recipe(build, interpreter, package_indexes(self._settings, self._pip_configs))
            case Language.NODE:
                return await node_recipe(build)
            case Language.GO:
                return await go_recipe(build)
            case Language.RUST:
                return await rust_recipe(build)
            case Language.JAVA:
                return await java_recipe(build)
            case Language.C:
                return Recipe()
            case other:
                assert_never(other)

    def _key(self, stack: Stack, chain: Toolchain, manifest_hash: str) -> str:
        contained = self._sandbox.isolation().active
        places = (stack.installed_at,)  # of Python the modules' places too, because its variables name them
        if stack.language is Language.PYTHON:
            places = (*stack.source_roots, *(() if stack.root == "." else (f"in {stack.root}",)))
        where = (_FORMAT, *map(str, chain.path), str(self._settings.install_scripts), str(contained), *places)
        return f"{stack.language}-{manifest_hash[:32]}-{hashlib.sha256(chr(0).join(where).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """With what an environment is built; the interpreter is Python's."""

    chain: Toolchain
    interpreter: Interpreter | None = None
    wanted: WantedPython = field(default_factory=WantedPython)


async def _with(found: Interpreter, wanted: WantedPython) -> _Plan:
    chain = await asyncio.to_thread(toolchain_of, found.executable)
    return _Plan(chain=chain, interpreter=found, wanted=wanted)


def _publish(root: Path, recipe: Recipe, choices: Sequence[DependencyChoice], log: str) -> None:
    content = {
        "path": recipe.path,
        "variables": recipe.variables,
        "tree_mounts": recipe.tree_mounts,
        "tree_scratch": recipe.tree_scratch,
        "tree_at": None if recipe.tree_at is None else str(recipe.tree_at),
        "choices": [asdict(choice) for choice in choices],
        "log": log,
    }
    unfinished = root / f"{_MARKER}.new"
    unfinished.write_text(json.dumps(content))
    unfinished.replace(root / _MARKER)


def _published(root: Path, manifest_hash: str, chain: Toolchain) -> Environment | None:
    try:
        content = json.loads((root / _MARKER).read_bytes())
    except FileNotFoundError:
        return None
    return Environment(
        manifest_hash=manifest_hash,
        root=root,
        read_only=(root, *chain.read_only),
        path=(*(root / name for name in content["path"]), *chain.path),
        variables=content["variables"],
        tree_mounts={name: root / built for name, built in content["tree_mounts"].items()},
        tree_scratch=tuple(content["tree_scratch"]),
        tree_at=None if content["tree_at"] is None else Path(content["tree_at"]),
        choices=tuple(
            DependencyChoice(**{**choice, "source": EnvironmentSource(choice["source"])})
            for choice in content["choices"]
        ),
        log=content["log"],
    )
