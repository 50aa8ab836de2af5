"""Small repositories, and environments built for them: what the tests of environments share."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.adapters.environments.cache import SandboxEnvironments
from pipeline.adapters.environments.interpreters import Interpreters, interpreters_of_this_machine
from pipeline.ports import CommandResult, Environment, Isolation, Sandbox, SandboxCommand, Stack
from pipeline.repositories.stacks import detect, manifest_hash
from pipeline.settings.process import EnvironmentSettings

WHEELS = Path(__file__).parents[2] / ".cache" / "wheels"
needs_wheels = pytest.mark.skipif(not WHEELS.is_dir(), reason="`make sources` fetches the wheels")


class Watched:
    """A sandbox that remembers what it was asked to run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.commands: list[SandboxCommand] = []

    def isolation(self) -> Isolation:
        return self._sandbox.isolation()

    async def run(self, command: SandboxCommand) -> CommandResult:
        self.commands.append(command)
        return await self._sandbox.run(command)


def make_wheel(directory: Path, name: str, version: str, requires: str = "") -> None:
    """Put a wheel with one module that says its version into a directory."""
    directory.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(directory / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"ANSWER = 42\nVERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = (f"{name}/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        wheel.writestr(f"{info}/RECORD", "".join(f"{one},,\n" for one in names))


def write(tree: Path, files: Mapping[str, str]) -> Stack:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return detect(sorted(files), lambda path: read(tree, path), test_command=None)


def read(tree: Path, path: str) -> bytes | None:
    return (tree / path).read_bytes() if (tree / path).is_file() else None


async def prepare(
    environments: SandboxEnvironments, tree: Path, stack: Stack, *, may_spoil: bool = False
) -> Environment:
    digest = manifest_hash(stack, lambda path: read(tree, path))
    return await environments.prepare(stack, tree, digest, may_spoil=may_spoil)


async def find(environments: SandboxEnvironments, tree: Path, stack: Stack) -> Environment | None:
    return await environments.find(
        stack, lambda path: read(tree, path), manifest_hash(stack, lambda path: read(tree, path))
    )


async def run_in(sandbox: Sandbox, tree: Path, environment: Environment, *argv: str) -> CommandResult:
    search = ":".join((*map(str, environment.path_in(tree)), "/usr/local/bin", "/usr/bin", "/bin"))
    return await sandbox.run(
        SandboxCommand(
            argv=argv,
            cwd=tree,
            writable=(tree,),
            read_only=environment.read_only,
            mounts=environment.mounts_in(tree),
            scratch=environment.scratch_in(tree),
            tree_at=environment.tree_at,
            environment={"PATH": search, **environment.variables},
        )
    )


def environments(
    sandbox: Sandbox,
    tree: Path,
    settings: EnvironmentSettings | None = None,
    *,
    interpreters: Interpreters = interpreters_of_this_machine,
) -> SandboxEnvironments:
    return SandboxEnvironments(
        sandbox,
        tree.parent.parent / "environments",
        settings or EnvironmentSettings(offline=True),
        pip_configs=(),
        interpreters=interpreters,
    )
