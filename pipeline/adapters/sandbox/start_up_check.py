"""The check at start-up: what change requests will do, done once in the very places where they will do it.

Problem: a check in some temporary directory passes on a machine where no worktree can be shown to a tool, and a limit
that is configured need not hold. Choice: small commands run below the real worktrees, with a directory of the real
environments read-only and mounted, with and without the way to the registries; and one takes more memory than it may.
Invariant: what is found wrong names the place, and nothing of the check stays; what a killed check left goes with the next.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.errors import PersonNeeded
from pipeline.ports import CommandResult, Network, SandboxCommand

Run: TypeAlias = Callable[[SandboxCommand], Awaitable[CommandResult]]

LITTLE_MEMORY_BYTES = 32 * 1024**2
_TIMEOUT_S = 20.0
_PREFIX = "changeline-probe-"
_ABANDONED_S = 3_600.0
"""No check takes so long: its commands have limits, and whoever waits for it has one too."""
_MARK = "shown"
_LOOK = (
    'test "$(id -u)" -ne 0 || { echo "it runs as root"; exit 1; }; '
    f': > written && cat "$1/{_MARK}" mounted/{_MARK} > /dev/null'
)
_EAT = "head -c 24M /dev/zero > /tmp/eaten; head -c 24M /dev/zero > /dev/shm/eaten; sleep 10; exit 3"
"""Files in memory that no process has mapped: what is hardest to count."""
_KILLED = 137


@dataclass(frozen=True, slots=True)
class Places:
    """Where change requests will work."""

    worktrees: Path
    environments: Path

    @classmethod
    def below(cls, data_dir: Path) -> "Places":
        """Return those of a data directory."""
        return cls(data_dir / "worktrees", data_dir / "environments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A tree and an environment for the check; or the `problem` that kept them from being made."""

    tree: Path
    environment: Path
    problem: str = ""

    async def paths_work(self, run: Run) -> str:
        """Return what keeps commands from working here; empty if nothing does."""
        for network in (Network.NONE, Network.REGISTRIES):
            outcome = await self._outcome(run, _LOOK, network)
            if not isinstance(outcome, CommandResult):
                return outcome
            if outcome.exit_code != 0:
                why = outcome.output.strip() or f"it ended with {outcome.exit_code}"
                way = "" if network is Network.NONE else " with the way to the registries"
                return f"a command in {self.tree.parent}{way} failed: {why}"
        return ""

    async def memory_is_limited(self, run: Run) -> str:
        """Return why a command that took more memory than `LITTLE_MEMORY_BYTES` was not stopped; empty if it was."""
        outcome = await self._outcome(run, _EAT, Network.NONE)
        if not isinstance(outcome, CommandResult):
            return outcome
        if outcome.exit_code == _KILLED and "memory" in outcome.output:
            return ""
        return f"a command that took too much memory was not stopped: {outcome.output.strip() or outcome.exit_code}"

    async def _outcome(self, run: Run, script: str, network: Network) -> CommandResult | str:
        command = SandboxCommand(
            argv=("/bin/sh", "-c", script, "sh", str(self.environment)),
            cwd=self.tree,
            writable=(self.tree,),
            read_only=(self.environment,),
            mounts={self.tree / "mounted": self.environment},
            network=network,
            timeout_s=_TIMEOUT_S,
        )
        try:
            return await run(command)
        except PersonNeeded as error:
            return f"{error.facts.get('detail') or error.message} (in {self.tree.parent})"
        except OSError as error:
            return f"{error.filename or self.tree.parent}: {error.strerror or error}"


@contextmanager
def trial(places: Places | None) -> Iterator[Trial]:
    """Make room for a check and remove it again; without places, somewhere temporary."""
    made: list[Path] = []
    try:
        if places is not None:
            _sweep(places)
        tree, environment = (_made(made, place) for place in _where(places))
        (environment / _MARK).touch(mode=0o644)
        (environment / _MARK).chmod(0o644)
        found = Trial(tree=tree, environment=environment)
    except OSError as error:
        found = Trial(tree=Path(), environment=Path(), problem=f"{error.filename}: {error.strerror}")
    try:
        yield found
    finally:
        for path in made:
            shutil.rmtree(path)


def _where(places: Places | None) -> tuple[Path, Path]:
    anywhere = Path(os.path.realpath(tempfile.gettempdir()))
    return (places.worktrees, places.environments) if places else (anywhere, anywhere)


def _sweep(places: Places) -> None:
    """Remove what killed checks left in directories of our own; several processes may do so at once."""
    for old in (*places.worktrees.glob(f"{_PREFIX}*"), *places.environments.glob(f"{_PREFIX}*")):
        with suppress(FileNotFoundError):
            if time.time() - old.lstat().st_mtime > _ABANDONED_S:
                shutil.rmtree(old, ignore_errors=True)


def _made(made: list[Path], place: Path) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    made.append(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place)))
    made[-1].chmod(0o755)
    return made[-1]
