"""Dependency environments of target repositories, built once per manifest hash.

Problem: an environment that agents can change proves nothing, one that is built again for every run costs minutes, and
builds run other people's code. Choice: builds run in the sandbox with the registries as their only network and no
secrets, in a directory of their own below `directory`; a build writes only into parts named by its recipe, and everything
this process adds lies outside of them. Directories are built where they stay, because virtual environments name their
own path; a marker written last, by rename, publishes them. Invariant: a directory without its marker is never used, and
one with it never changes.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import assert_never

from pipeline.adapters.environments.build import LOG_MAX_BYTES, Build, Recipe, failed
from pipeline.adapters.environments.node import node_recipe
from pipeline.adapters.environments.pip_settings import system_pip_configs
from pipeline.adapters.environments.python import python_recipe
from pipeline.adapters.environments.recipes import go_recipe, java_recipe, rust_recipe
from pipeline.adapters.environments.toolchains import Toolchain, find_toolchain
from pipeline.errors import InvariantBroken
from pipeline.machine import tree_walk
from pipeline.ports import Environment, Language, Sandbox, Stack
from pipeline.settings.process import EnvironmentSettings

_FORMAT = "3"
_MARKER = "environment.json"
_LOCK_POLL_S = 0.1


class SandboxEnvironments:
    """The `Environments` port. `directory` is the pipeline's own; several processes may share it."""

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        settings: EnvironmentSettings,
        *,
        pip_configs: tuple[Path, ...] | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._directory = directory
        self._settings = settings
        self._pip_configs = system_pip_configs() if pip_configs is None else pip_configs

    async def prepare(self, stack: Stack, files: Path, manifest_hash: str) -> Environment:
        """Return the environment; concurrent callers for one hash wait for the one that builds it."""
        chain = await asyncio.to_thread(find_toolchain, stack.language)
        if chain is None:
            raise failed(
                f"No {stack.language} toolchain was found on PATH.", "", remedy="Install it where Changeline runs."
            )
        await asyncio.to_thread(self._directory.mkdir, parents=True, exist_ok=True)
        directory = Path(os.path.realpath(self._directory))  # noqa: ASYNC240 - a look at one path
        root = directory / self._key(stack, chain, manifest_hash)
        async with _locked(root.with_suffix(".lock")):
            found = _published(root, manifest_hash, chain)
            return found or await self._build(root, stack, files, manifest_hash, chain)

    async def _build(self, root: Path, stack: Stack, files: Path, manifest_hash: str, chain: Toolchain) -> Environment:
        await asyncio.to_thread(tree_walk.discard, root)
        build = Build(sandbox=self._sandbox, root=root, stack=stack, files=files, settings=self._settings, chain=chain)
        build.directory("")
        try:
            recipe = await self._recipe(build)
        finally:
            root.with_suffix(".log").write_text(build.log[-LOG_MAX_BYTES:])
        await asyncio.to_thread(tree_walk.discard, root / "tmp")
        _publish(root, recipe, build.log[-LOG_MAX_BYTES:])
        found = _published(root, manifest_hash, chain)
        if found is None:
            raise InvariantBroken("A published environment is not there.", root=str(root))
        return found

    async def _recipe(self, build: Build) -> Recipe:
        match build.stack.language:
            case Language.PYTHON:
                return await python_recipe(build, self._pip_configs)
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
        where = (_FORMAT, *map(str, chain.path), str(self._settings.install_scripts), *stack.source_roots)
        return f"{stack.language}-{manifest_hash[:32]}-{hashlib.sha256(chr(0).join(where).encode()).hexdigest()[:8]}"


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold an advisory lock that dies with its holder, between coroutines and processes alike."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(fd)


def _publish(root: Path, recipe: Recipe, log: str) -> None:
    content = {
        "path": recipe.path, "variables": recipe.variables, "tree_mounts": recipe.tree_mounts,
        "tree_scratch": recipe.tree_scratch, "log": log,
    }  # fmt: skip
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
        log=content["log"],
    )
