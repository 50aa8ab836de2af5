"""One build of a dependency environment: its directory, its sandboxed steps, its log, its failure.

Problem: what a build step wrote cannot be trusted by the next line of this process; a planted link would lead it
anywhere. Choice: a recipe names the directories that a step may write, and this process never writes into one of them
after the first untrusted step. Manifests are read without following links.
"""

import os
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.environments.toolchains import Toolchain
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import Network, Sandbox, SandboxCommand, Stack
from pipeline.settings.process import EnvironmentSettings

LOG_MAX_BYTES = 200_000
_LOG_TAIL = 4_000
_MANIFEST_MAX_BYTES = 32 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a finished build offers, beside its toolchain. Relative paths are below the environment's root."""

    path: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    tree_mounts: Mapping[str, str] = field(default_factory=dict)
    tree_scratch: tuple[str, ...] = ()


class Build:
    """One build in progress: its directory, its sandboxed commands and its log."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        root: Path,
        stack: Stack,
        files: Path,
        settings: EnvironmentSettings,
        chain: Toolchain,
    ) -> None:
        self.root = root
        self.stack = stack
        self.files = files
        self.settings = settings
        self.chain = chain
        self.log = ""
        self._sandbox = sandbox

    def manifest(self, path: str) -> bytes | None:
        """Read a manifest of the repository; a link, or anything large or not regular, counts as absent."""
        try:
            place = self.files / path
            if not self.has(path):
                return None
            with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - by descriptor
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                content = file.read(_MANIFEST_MAX_BYTES + 1) if regular else b""
        except OSError:
            return None
        return content if regular and len(content) <= _MANIFEST_MAX_BYTES else None

    def has(self, path: str) -> bool:
        """Whether the repository holds this file or directory itself, not one that a link leads to."""
        place = self.files / path
        try:
            return place.exists() and place.resolve() == self.files.resolve() / path
        except (OSError, RuntimeError, ValueError):  # too long, links in a circle, no name of a file
            return False

    def directory(self, name: str) -> Path:
        """Make and return a directory of this build, readable by the user that commands run as."""
        path = self.root
        for part in ("", *Path(name).parts):
            path /= part
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        return path

    def write(self, name: str, content: bytes | str, *, mode: int = 0o644) -> Path:
        """Write a file of this build, whatever the process's umask; never below what a step could write."""
        path = self.directory(str(Path(name).parent)) / Path(name).name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def copy_manifests(self, name: str) -> Path:
        """Lay the stack's manifests out in a directory of this build, as in the repository."""
        for path in self.stack.manifests:
            content = self.manifest(path)
            if content is not None:
                self.write(f"{name}/{path}", content)
        return self.directory(name)

    def copy_tree(self, name: str) -> Path:
        """Copy the repository without `.git`, for tools that refuse manifests alone; links stay links."""
        ignored = shutil.ignore_patterns(".git", "target", "node_modules")
        return Path(shutil.copytree(self.files, self.root / name, symlinks=True, ignore=ignored))

    async def run(
        self,
        *argv: str,
        cwd: Path,
        writable: tuple[Path, ...],
        read_only: tuple[Path, ...] = (),
        network: Network = Network.NONE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run one step; its output goes to the log. Raises `PersonNeeded(environment_failed)` when it fails."""
        scratch = self.directory("tmp")
        search = ":".join((*map(str, self.chain.path), "/usr/local/bin", "/usr/bin", "/bin"))
        result = await self._sandbox.run(
            SandboxCommand(
                argv=argv,
                cwd=cwd,
                writable=(*writable, scratch),
                read_only=(*self.chain.read_only, *read_only),
                environment={"PATH": search, "TMPDIR": str(scratch), **(environment or {})},
                network=network,
                timeout_s=self.settings.build_timeout_s,
                output_max_bytes=LOG_MAX_BYTES,
            )
        )
        self.log += f"$ {shlex.join(argv)}\n{result.output}"
        if result.exit_code != 0:
            how = "ran out of time" if result.timed_out else f"ended with exit code {result.exit_code}"
            raise failed(f"Building the dependencies {how}: {shlex.join(argv[:4])} …", self.log)


def failed(message: str, log: str, *, remedy: str | None = None) -> PersonNeeded:
    """Return the error for a build that a person has to look at, with the end of its log."""
    advice = remedy or (
        "Read the end of the log. Correct the repository's manifests, or let the build reach what it needs: "
        "CHANGELINE_ENVIRONMENT__REGISTRIES lists the hosts, CHANGELINE_ENVIRONMENT__FIND_LINKS names a directory of wheels."
    )
    return PersonNeeded(PauseReason.ENVIRONMENT_FAILED, message, log_tail=log[-_LOG_TAIL:], remedy=advice)
