"""One build of a dependency environment: its directory, its sandboxed steps, its log, its failure.

Problem: what a build step wrote cannot be trusted by the next line of this process; a planted link would lead it
anywhere. Choice: a recipe names the directories that a step may write, and this process never writes into one of them
after the first untrusted step. Manifests are read without following links.
"""

import os
import re
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.environments.toolchains import Toolchain
from pipeline.change_request import PauseReason
from pipeline.errors import PersonNeeded
from pipeline.ports import (
    CommandResult,
    DependencyChoice,
    EnvironmentSource,
    Network,
    Sandbox,
    SandboxCommand,
    Stack,
)
from pipeline.settings.process import EnvironmentSettings

LOG_MAX_BYTES = 200_000
_LOG_TAIL = 4_000
_MANIFEST_MAX_BYTES = 32 * 1024**2
"""Locks of large projects are some megabytes."""
_LINE_MAX_CHARS = 500
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".pyx", ".pxd", ".pxi", ".rs")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SAYS_ERROR = re.compile(r"^(npm )?(error|ERROR|ERR!|fatal)\b|^\w*(Error|Exception)\b|(?<!0 )\berrors?:", re.IGNORECASE)
_ASKED = re.compile(
    r"(?:Failed to fetch: `?|failed to download from `|unable to access '|for url \()https?://(?:[^/@\s]*@)?(?P<host>[\w.-]+)"
)
_NO_WAY = re.compile(r"tunnel error|CONNECT tunnel failed|Could not resolve (?:host|proxy)|client error \(Connect\)")
_OF_ANOTHER_MACHINE = re.compile(r"Distribution not found at: file:///")
_CODE = re.compile(r"npm (?:error|ERR!) (?:code|errno|syscall|path|command)\b")
_INNER_ERROR = re.compile(
    r":\d+: (fatal )?error: |^(\w+\.)*\w*(Error|Exception|NotFound): |^npm error (?:notarget No matching|404 +(?:'|The requested))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a finished build offers, beside its toolchain. Relative paths are below the environment's root."""

    path: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    tree_mounts: Mapping[str, str] = field(default_factory=dict)
    tree_scratch: tuple[str, ...] = ()
    tree_at: Path | None = None


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
        may_spoil: bool = False,
    ) -> None:
        """`may_spoil` says that steps may work in `files`, the repository's, themselves."""
        self.root = root
        self.stack = stack
        self.files = files
        self.settings = settings
        self.chain = chain
        self.log = ""
        self.choices: list[DependencyChoice] = []
        self.may_spoil = may_spoil
        # Before any step could write one of them. Compiled sources decide the environment's hash alone, and may be thousands.
        self._manifests = {path: manifest_at(files, path) for path in stack.manifests if not path.endswith(_SOURCES)}
        self._sandbox = sandbox

    @property
    def contained(self) -> bool:
        """Whether steps, and later the runs, see what they are shown and nothing else."""
        return self._sandbox.isolation().active

    def choose(self, source: EnvironmentSource, name: str, why: str, *, taken: bool = True) -> None:
        """Keep what was decided, for people and in the log."""
        self.choices.append(DependencyChoice(source=source, name=name, taken=taken, why=why))
        self.log += f"# {'taken' if taken else 'left out'}: {source} {name}: {why}\n"

    def manifest(self, path: str) -> bytes | None:
        """Return a manifest of the stack; what does not decide the environment's hash does not decide the environment."""
        return self._manifests.get(path)

    def has(self, path: str) -> bool:
        """Whether the repository holds this file or directory itself, not one that a link leads to."""
        return _holds(self.files, path)

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

    def copy_tree(self, name: str, *, leave_out: tuple[str, ...] = (".git", "target", "node_modules")) -> Path:
        """Copy the repository, for tools that refuse manifests alone; links stay links."""
        ignored = shutil.ignore_patterns(*leave_out)
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
        result = await self.attempt(
            *argv, cwd=cwd, writable=writable, read_only=read_only, network=network, environment=environment
        )
        if result.exit_code != 0:
            raise failed(f"Building the dependencies failed: {first_error(result)}", self.log)

    async def attempt(
        self,
        *argv: str,
        cwd: Path,
        writable: tuple[Path, ...],
        read_only: tuple[Path, ...] = (),
        network: Network = Network.NONE,
        environment: Mapping[str, str] | None = None,
        tree_at: Path | None = None,
    ) -> CommandResult:
        """Run one step that may fail; its output goes to the log."""
        scratch = self.directory("tmp")
        variables = {"TMPDIR": str(scratch), **(environment or {})}
        search = (variables.pop("PATH", ""), *map(str, self.chain.path), "/usr/local/bin", "/usr/bin", "/bin")
        result = await self._sandbox.run(
            SandboxCommand(
                argv=argv,
                cwd=cwd,
                writable=(*writable, scratch),
                read_only=(*self.chain.read_only, *read_only),
                environment={**variables, "PATH": ":".join(filter(None, search))},
                network=network,
                tree_at=tree_at,
                timeout_s=self.settings.build_timeout_s,
                output_max_bytes=LOG_MAX_BYTES,
            )
        )
        said = result.output if not result.output or result.output.endswith("\n") else f"{result.output}\n"
        self.log += f"$ {shlex.join(argv)}\n{said}"
        return result


def manifest_at(files: Path, path: str) -> bytes | None:
    """Read a manifest of a repository; a link, or anything large or not regular, counts as absent."""
    try:
        if not _holds(files, path):
            return None
        with open(os.open(files / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123 - by descriptor
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_MANIFEST_MAX_BYTES + 1) if regular else b""
    except OSError:
        return None
    return content if regular and len(content) <= _MANIFEST_MAX_BYTES else None


def _holds(files: Path, path: str) -> bool:
    place = files / path
    try:
        return place.exists() and place.resolve() == files.resolve() / path
    except (OSError, RuntimeError, ValueError):  # too long, links in a circle, no name of a file
        return False


def first_error(result: CommandResult) -> str:
    """Return the tool's own words for what went wrong, in one line."""
    lines = [line.strip() for line in _COLOURS.sub("", result.output).splitlines() if line.strip()]
    if result.timed_out:
        return "it ran out of time" + (f"; last it said: {lines[-1]}" if lines else "")
    causes = [line.partition("cause:")[2].strip() for line in lines if line.startswith("cause:")]
    telling = [number for number, line in enumerate(lines) if _SAYS_ERROR.search(line)]
    # npm begins with codes, which say nothing to a person; its words follow.
    at = next((number for number in telling if not _CODE.match(lines[number])), next(iter(telling), None))
    found = lines[at] if at is not None else (lines[-1] if lines else f"exit code {result.exit_code}")
    inner = next((line for line in lines if _INNER_ERROR.search(line)), None)
    told = inner or (causes[-1] if causes else None)
    if (host := host_out_of_reach(result.output)) is not None:
        told = f"{host} cannot be reached"
    return (found if told is None or told in found else f"{found.rstrip('.:')}: {told}")[:_LINE_MAX_CHARS]


def host_out_of_reach(output: str) -> str | None:
    """Return the host that a tool named last when the way to it was closed; None where nothing says so."""
    named = [found["host"] for found in _ASKED.finditer(output)] if _NO_WAY.search(output) else []
    return named[-1] if named else None


def failed(message: str, log: str, *, remedy: str | None = None) -> PersonNeeded:
    """Return the error for a build that a person has to look at, with the end of its log."""
    host = host_out_of_reach(log[-_LOG_TAIL:])
    if remedy is None and _OF_ANOTHER_MACHINE.search(log[-_LOG_TAIL:]):
        remedy = (
            "The requirements name a path of another machine, as `pip freeze` writes it within conda: name the version instead "
            "(`pip list --format=freeze` does)."
        )
    advice = remedy or (
        f"If {host} is meant, let builds reach it: CHANGELINE_ENVIRONMENT__REGISTRIES lists the hosts, and "
        "CHANGELINE_ENVIRONMENT__PRIVATE_REGISTRIES those of them with private addresses. Builds have no secrets; where it asks "
        "for some, CHANGELINE_ENVIRONMENT__FIND_LINKS names a directory of wheels instead."
        if host is not None
        else "Read the end of the log. Correct the repository's manifests, or let the build reach what it needs: "
        "CHANGELINE_ENVIRONMENT__REGISTRIES lists the hosts, CHANGELINE_ENVIRONMENT__FIND_LINKS names a directory of wheels."
    )
    return PersonNeeded(
        PauseReason.ENVIRONMENT_FAILED, message, command=_last_command(log), log_tail=log[-_LOG_TAIL:], remedy=advice
    )


def _last_command(log: str) -> str:
    """Return the last step as a person would type it: programs and files by name, no places of this machine."""
    line = next((line for line in reversed(log.splitlines()) if line.startswith("$ ")), "")
    try:
        words = shlex.split(line.removeprefix("$ "))
    except ValueError:
        return ""
    return shlex.join(Path(word).name if word.startswith("/") else word for word in words)
