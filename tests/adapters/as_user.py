"""Commands in a fresh process, as whoever runs the tests or as an ordinary user: how a wall holds may depend on it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.adapters.sandbox.cgroups import candidates

REPOSITORY = Path(__file__).parents[2]
NOBODY = 65_534

# Imports come first, and the system's interpreter runs inside: ours may lie below a home that nobody can enter.
_RUN = """
import asyncio, concurrent.futures.thread, encodings.idna, json, os, sys
from pathlib import Path
from pipeline.adapters.sandbox.bubblewrap import start_sandbox
from pipeline.adapters.sandbox.start_up_check import Places
from pipeline.ports import SandboxCommand
from pipeline.settings.process import EnvironmentSettings, SandboxSettings
told = json.load(sys.stdin)
if told["uid"]:
    os.setgroups([]); os.setgid(told["uid"]); os.setuid(told["uid"])
    sys.base_prefix = "/usr"
async def main():
    data = Path(told["data"])
    sandbox = await start_sandbox(
        SandboxSettings(**told["settings"]), EnvironmentSettings(), hidden=(data,), places=Places.below(data)
    )
    tree = data / "worktrees" / "one"
    tree.mkdir(exist_ok=True)
    results = []
    for argv in told["commands"]:
        result = await sandbox.run(SandboxCommand(argv=tuple(argv), cwd=tree, writable=(tree,), timeout_s=60))
        results.append({"exit_code": result.exit_code, "output": result.output})
    print(json.dumps({"isolation": sandbox.isolation().detail, "results": results}))
asyncio.run(main())
"""


class User:
    """One of the users; `cgroup` is the setting that gives it the kernel's count of memory, or `off`."""

    def __init__(self, uid: int, data: Path, cgroup: str) -> None:
        self.uid = uid
        self.data = data
        self.cgroup = cgroup

    def run(self, *commands: tuple[str, ...], **settings: int | list[str]) -> tuple[str, list[tuple[int, str]]]:
        """Start a sandbox, run the commands in one tree, return its isolation and how each ended."""
        told = {
            "uid": self.uid,
            "data": str(self.data),
            "settings": {"cgroup": self.cgroup, **settings},
            "commands": commands,
        }
        answer = subprocess.run(
            (sys.executable, "-c", _RUN),
            input=json.dumps(told),
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert answer.returncode == 0, answer.stderr
        said = json.loads(answer.stdout.splitlines()[-1])
        return said["isolation"], [(one["exit_code"], one["output"]) for one in said["results"]]


@contextmanager
def user_with(*, ordinary: bool, counted: bool, below: Path | None = None) -> Iterator[User]:
    """Give a user a data directory and, if wanted, a cgroup of its own. `counted` without a writable one is a `LookupError`."""
    uid = NOBODY if ordinary and os.geteuid() == 0 else 0
    place = Path(tempfile.mkdtemp(prefix="changeline-test-", dir=below))
    cgroups = _delegated(uid) if counted else []
    try:
        place.chmod(0o755)
        data = place / "data"
        data.mkdir(mode=0o700)
        if uid:
            os.chown(data, uid, uid)
        yield User(uid, data, str(cgroups[0]) if cgroups else "off")
    finally:
        for cgroup in cgroups:
            cgroup.rmdir()
        shutil.rmtree(place)


def _delegated(uid: int) -> list[Path]:
    for parent in candidates(""):
        cgroup = parent.memory / f"test-{os.getpid()}"
        try:
            parent.prepare()
            cgroup.mkdir()
        except OSError:
            continue
        if uid:
            for path in (cgroup, cgroup / "cgroup.procs"):
                os.chown(path, uid, uid)
        return [cgroup]
    raise LookupError
