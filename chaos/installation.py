"""One installation as people start it, `changeline up --detach`, on a data directory of its own.

What the surrounding environment says about Changeline is left out. Leases are short, so that a frozen worker is noticed
in seconds; everything else is as shipped, with the servers' data written durably.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.machine import children
from chaos import sample
from cli import own_processes
from cli.local.data_directory import DataDirectory
from cli.local.processes import identity
from cli.local.runtime_state import Runtime, read_runtime
from cli.local.servers import Urls, running_urls
from pipeline.machine.crash_points import CrashPoints
from pipeline.settings.process import ProcessSettings

BEAT_S = 0.5
LOST_AFTER_S = 3.0


class NotStarted(Exception):
    """`up` failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Running processes, and where they keep what they know."""

    root: Path
    environment: dict[str, str]

    @property
    def directory(self) -> DataDirectory:
        """Where its data lie."""
        return DataDirectory.at(self.root / "data")

    @property
    def points(self) -> CrashPoints:
        """The places where its processes may be told to end."""
        return CrashPoints(self.root / "points")

    @property
    def runtime(self) -> Runtime:
        """What `up` says about itself now."""
        found = read_runtime(self.directory)
        if found is None:
            raise NotStarted("The installation is gone.")
        return found

    @property
    def url(self) -> str:
        """Where the controller answers."""
        return str(self.runtime.controller)

    @property
    def token(self) -> str:
        """The local user's token."""
        return self.directory.token_file.read_text(encoding="utf-8").strip()

    @property
    def urls(self) -> Urls:
        """The servers' addresses with their passwords."""
        found = running_urls(ProcessSettings().model_copy(update={"data_dir": self.root / "data"}), self.directory)
        if found is None:
            raise NotStarted("The installation does not run.")
        return found

    def pid(self, name: str) -> int | None:
        """Return a supervised process; None while it is away."""
        return next((one.pid for one in self.runtime.children if one.name == name and identity(one.pid)), None)

    def workers(self) -> list[int]:
        """Return the workers that run and are not frozen; the fork server's look at the sandbox is none."""
        controller = self.pid("controller")
        forks = children(controller) if controller else []
        return [pid for fork in forks for pid in children(fork) if _works(pid) and not _frozen(pid)]

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of our commands on this installation."""
        return subprocess.run(
            own_processes.command(*arguments),
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )

    def leftovers(self) -> list[str]:
        """Return the command lines of processes that know this data directory."""
        data, found = str(self.root / "data"), []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                line, around = " ".join(process.cmdline()), process.environ()
            except psutil.Error:
                continue
            if around.get("CHANGELINE_DATA_DIR") == data or str(self.root) in line:
                found.append(f"{process.pid} {line[:120]}")
        return found


@contextmanager
def installation(
    *, keep: bool = False, scenario: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Start one; everything is gone at the end, but with `keep` its directory stays.

    `scenario` replaces what the scripted model plays; `settings` are variables beside, and before, those for kills.
    """
    # Tools of agents and the servers run as other users, who have to be able to pass through.
    root = Path(tempfile.mkdtemp(prefix="changeline-chaos-"))
    root.chmod(0o755)
    (root / "points").mkdir()
    (root / "scenario.json").write_text(scenario or sample.scenario(), encoding="utf-8")
    installed = Installation(root, _environment(root) | dict(settings or {}))
    try:
        said = installed.run("up", "--detach", "--port", "0", "--scenario", str(root / "scenario.json"), "--json")
        if said.returncode:
            raise NotStarted(said.stdout + said.stderr)
        yield installed
    finally:
        for pid in _all_frozen(installed):
            os.kill(pid, signal.SIGCONT)
        installed.run("down")
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def wake(pid: int) -> None:
    """Let a frozen process go on, if it is still there."""
    if _frozen(pid):
        os.kill(pid, signal.SIGCONT)


def _environment(root: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in own_processes.environment().items()
        if not name.upper().startswith(("CHANGELINE_", "ANTHROPIC_", "OPENAI_"))
    }
    return kept | {
        "CHANGELINE_DATA_DIR": str(root / "data"),
        "CHANGELINE_LEASE__BEAT_S": str(BEAT_S),
        "CHANGELINE_LEASE__LOST_AFTER_S": str(LOST_AFTER_S),
        "CHANGELINE_ENVIRONMENT__OFFLINE": "true",
        "CHANGELINE_CRASH_POINTS": str(root / "points"),
    }


def _works(pid: int) -> bool:
    """Whether a process is named after a change request, as workers are."""
    try:
        return psutil.Process(pid).name().startswith("cr-")
    except psutil.NoSuchProcess:
        return False


def _frozen(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _all_frozen(installed: Installation) -> list[int]:
    struck = (installed.root / "points" / "struck").glob("*")
    pids = [json.loads(one.read_text(encoding="ascii"))["pid"] for one in struck]
    return [pid for pid in pids if _frozen(pid)]
