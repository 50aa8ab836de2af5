"""A disk that is really full: the run pauses, names it, and goes on once there is room again. Nothing is corrupt."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.change_request import PauseReason, Stage, Status
from tests.line import scenarios
from tests.line.faults import hurried, when_entering
from tests.line.harness import LineRun
from tests.line.test_going_on import ORDINARY

SIZE = 3 * 1024**2


class SmallDisk:
    """A file system of 3 MB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no room at all."""
        with self.ballast.open("wb") as file:
            try:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
            except OSError:
                return

    def make_room(self) -> None:
        self.ballast.unlink()


@pytest.fixture(params=["git", pytest.param("worktrees", marks=pytest.mark.thorough)])
def disk(request: pytest.FixtureRequest, line: LineRun) -> Iterator[SmallDisk]:
    """One directory of the data directory on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    path = line.root / "data" / request.param
    path.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(path)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine does not let root mount: {mounted.stderr.strip()}")
    yield SmallDisk(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.thorough
async def test_a_full_disk_pauses_by_its_name_and_room_lets_the_run_go_on(line: LineRun, disk: SmallDisk) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    stage = Stage.DEVELOPMENT if disk.path.name == "worktrees" else Stage.WORKSPACES
    cr = await line.work(when_entering(stage, disk.fill))
    assert (cr.status, cr.pause_reason) == (Status.PAUSED, PauseReason.MACHINE_SHORT), (
        cr.pause_message,
        cr.pause_facts,
    )
    assert "The disk is full" in cr.pause_message and cr.pause_facts["short_of"] == "disk"
    await line.resume()
    assert (await line.work(hurried())).pause_reason is PauseReason.MACHINE_SHORT, "resuming alone makes no room"
    disk.make_room()
    await line.resume()
    await line.to_the_gate()
    await line.decide_and_finish()
    assert not Counter(ORDINARY) - Counter(line.asked_roles())
    assert sum(Counter(line.asked_roles()).values()) <= sum(ORDINARY.values()) + 1, "at most the turn that met it"
