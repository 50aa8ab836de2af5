"""How uv is started in a build: with what it may see, write and reach, and nothing of the operator's own configuration.

Everything that a step may write lies below one directory, because uv links its cache into an environment and links do not
cross mounts. The cache is the build's own and goes with it: one that other repositories' builds had filled could not be
trusted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import uv

from pipeline.adapters.environments.build import Build, first_error
from pipeline.adapters.environments.interpreters import Interpreter
from pipeline.adapters.environments.package_indexes import PackageIndexes
from pipeline.ports import CommandResult, Network

TREE_AT = Path("/repository")
"""Where every tree of a Python repository stands inside: installations name this path for ever."""
MADE, TREE, PROGRAMS, CONSTRAINTS = "made", "tree", "programs", "constraints"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class UvBuild:
    """One Python build: where it works and how its steps are run."""

    def __init__(self, build: Build, interpreter: Interpreter, indexes: PackageIndexes) -> None:
        self.build = build
        self.interpreter = interpreter
        self.tree = build.root
        """The repository, for steps to work in, once `lay_tree` was asked for it."""
        self.made = build.directory(MADE)
        self.venv = self.made / "venv"
        self.programs = build.directory(PROGRAMS)
        self.poetry_said: dict[str, dict[str, Any] | str] = {}
        """What poetry-core answered for a folder: a build asks it once."""
        self._executable = Path(uv.find_uv_bin())
        self._indexes = indexes

    @property
    def reaches_packages(self) -> bool:
        """Whether there is any place that packages could come from."""
        return not self.build.settings.offline or self.build.settings.find_links is not None

    def lay_tree(self) -> None:
        """Take the repository, or a copy of it, at most once, with its `.git`, which some back ends ask."""
        if self.tree == self.build.root:
            spoilt = self.build.may_spoil
            self.tree = self.build.files if spoilt else self.build.copy_tree(TREE, leave_out=())

    async def make_venv(self) -> None:
        """Make the environment. Raises `PersonNeeded(environment_failed)`."""
        await self.build.run(
            *(str(self._executable), "venv", "--no-project", "--python", str(self.interpreter.executable), str(self.venv)),
            cwd=self.build.root, writable=(self.made,), read_only=self._read_only(), environment=self._variables({}),
        )  # fmt: skip

    async def install(self, folder: str, arguments: Sequence[str], *, venv: Path | None = None) -> CommandResult:
        """Run `uv pip install` in a project's folder of the copied tree."""
        python = (venv or self.venv) / "bin" / "python"
        return await self.run(
            *(str(self._executable), "pip", "install", "--python", str(python), *arguments), folder=folder, online=True
        )

    async def tool(self, name: str, packages: Sequence[str]) -> Path | str:
        """Install a tool into an environment of its own; return its `bin`, or why it cannot be had."""
        place = self.made / "tools" / name
        if not self.reaches_packages:
            return f"{name} is needed to read it, and the build is offline"
        if not (place / "bin").exists():
            made = await self.run(
                *(str(self._executable), "venv", "--no-project", "--python", str(self.interpreter.executable), str(place)),
                folder=".",
            )  # fmt: skip
            arguments = ("pip", "install", "--no-config", "--python", str(place / "bin" / "python"), *packages)
            result = (
                await self.run(str(self._executable), *arguments, folder=".", online=True)
                if not made.exit_code
                else made
            )
            if result.exit_code != 0:
                return f"{name} is needed to read it, and could not be installed: {first_error(result)}"
        return place / "bin"

    async def run(
        self,
        *argv: str,
        folder: str,
        online: bool = False,
        variables: Mapping[str, str] | None = None,
        tools: Path | None = None,
    ) -> CommandResult:
        """Run a step in a folder of the tree, with the tools of one environment on PATH."""
        online = online and not self.build.settings.offline
        search = ":".join(map(str, (*([tools] if tools else ()), self._executable.parent)))
        laid = self.tree != self.build.root
        return await self.build.attempt(
            *argv,
            cwd=self.tree / folder if laid else self.build.root,
            writable=(self.tree, self.made) if laid else (self.made,),
            read_only=self._read_only(),
            network=Network.REGISTRIES if online else Network.NONE,
            environment=self._variables({"PATH": search, **(variables or {})}),
            tree_at=TREE_AT if laid and self.build.contained else None,
        )

    def _read_only(self) -> tuple[Path, ...]:
        return (self._executable, *self._indexes.shown, self.programs, self.build.directory(CONSTRAINTS))

    def _variables(self, more: Mapping[str, str]) -> dict[str, str]:
        certificates = {"SSL_CERT_FILE": str(_CERTIFICATES)} if _CERTIFICATES.exists() else {}
        return {
            "UV_CACHE_DIR": str(self.made / "cache"),
            "UV_CONCURRENT_BUILDS": "2",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON": str(self.interpreter.executable),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_SYSTEM_CERTS": "1",
            "NO_COLOR": "1",
            **certificates,
            **self._indexes.variables,
            **more,
        }
