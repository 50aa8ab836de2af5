"""Commands that run without the rights of this process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

ACCOUNT = "changeline"
"""What the user is called inside where nobody asks for another name."""


class Network(StrEnum):
    """What a sandboxed process reaches. `registries` goes through the egress proxy, never to the host's loopback."""

    NONE = "none"
    REGISTRIES = "registries"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCommand:
    """One process tree to run. Nothing of the host is visible but system directories and the listed paths."""

    argv: tuple[str, ...]
    cwd: Path
    """In a tree of the pipeline's own, which stands in `writable` or, for looking alone, in `read_only`."""
    writable: tuple[Path, ...]
    """Usually the worktree alone. Mounted at the same path."""
    read_only: tuple[Path, ...] = ()
    """Toolchains and environments; a tree that is only looked at. Mounted at the same path."""
    mounts: Mapping[Path, Path] = field(default_factory=dict)
    """Destination inside to a directory of the host, read-only; see `Environment.mounts_in`."""
    scratch: tuple[Path, ...] = ()
    """Directories of those mounts that are empty and writable for this one command, in memory; see `Environment.scratch_in`."""
    kept: tuple[Path, ...] = ()
    """Files of writable trees that the processes can read and run but not write, replace or delete. What is no plain file when
    the command begins is left out. Uncontained: ignored."""
    tree_at: Path | None = None
    """Where the tree that holds `cwd` also appears, and where the command starts; see `Environment.tree_at`. Uncontained: ignored."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the fixed minimum (PATH, HOME, LANG, TMPDIR). Nothing is inherited from this process."""
    network: Network = Network.NONE
    account: str = ACCOUNT
    """What the user is called inside, and so their home. Uncontained: the variable `USER` alone."""
    timeout_s: float = 120.0
    output_max_bytes: int = 50_000
    stdin: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a sandboxed process ended. `output` is stdout and stderr as they came, decoded with replacement, cut in the middle."""

    exit_code: int
    """128 + signal for a killed process."""
    output: str
    timed_out: bool = False
    truncated: bool = False
    duration_s: float = 0.0
    memory_peak_bytes: int = 0
    """The most that was seen of all its processes together; 0 where nobody measured, or it was over too soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Which containment is active: `bubblewrap`, or `none` where the operator allowed that explicitly."""

    name: str
    detail: str
    """In words: what is isolated, and which limits hold and how."""
    cgroup: str = ""
    """The directory below which each command gets a cgroup of its own; empty where memory is measured from outside."""

    @property
    def active(self) -> bool:
        """Whether tool processes are contained at all."""
        return self.name != "none"


class Sandbox(Protocol):
    """Runs untrusted commands. Cancelling `run` kills the whole process tree before it returns."""

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Run to the end, the timeout or the cancellation. Raises `PersonNeeded(sandbox_unavailable)` if it cannot contain."""

    def isolation(self) -> Isolation:
        """Say what is active, as checked at start-up."""
