"""Crash points strike once, where they are armed, and never with a real model."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import own_processes
from pipeline.errors import CallerError
from pipeline.machine.crash_points import STRUCK, CrashPoints, crash_points
from pipeline.settings.process import ProcessSettings

POINT = "journal.asked.after"
PASSING = """
import sys
from pathlib import Path
from pipeline.machine.crash_points import CrashPoints
for _ in range(int(sys.argv[2])):
    CrashPoints(Path(sys.argv[1])).reached("journal.asked.after")
"""


def passing(directory: Path, times: int) -> int:
    argv = [sys.executable, "-P", "-c", PASSING, str(directory), str(times)]
    return subprocess.run(argv, env=own_processes.environment(), check=False).returncode


def test_without_a_scripted_model_no_process_can_be_told_to_die(tmp_path: Path) -> None:
    assert crash_points(ProcessSettings(crash_points=None, scenario=None)) is None
    with pytest.raises(CallerError, match="scripted model"):
        crash_points(ProcessSettings(crash_points=tmp_path, scenario=None))
    assert crash_points(ProcessSettings(crash_points=tmp_path, scenario=tmp_path / "scenario.yaml")) is not None


def test_an_armed_point_kills_the_process_that_reaches_it_and_nobody_after_it(tmp_path: Path) -> None:
    CrashPoints(tmp_path).arm(POINT, skip=2)
    assert passing(tmp_path, 2) == 0
    assert passing(tmp_path, 1) == -signal.SIGKILL
    told = json.loads((tmp_path / STRUCK / POINT).read_text())
    assert told["action"] == "kill"
    assert told["pid"] > 0
    assert passing(tmp_path, 5) == 0


def test_what_did_not_strike_is_disarmed(tmp_path: Path) -> None:
    points = CrashPoints(tmp_path)
    points.arm(POINT)
    assert points.disarm() == [POINT]
    assert passing(tmp_path, 1) == 0
