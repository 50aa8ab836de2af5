"""A person takes over while a worker develops, commits with git alone, hands back, and their commit is merged with evidence."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.installation import HALF, MARK, SHARED, Changeline, Installation, commit, git, pinned, value_of
from tests.line import scenarios

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900), SHARED]


def sleepers() -> list[int]:
    """Return the processes of the tool that are alive."""
    wanted = f"sleep\0{MARK}\0".encode()
    return [int(one.parent.name) for one in Path("/proc").glob("[0-9]*/cmdline") if command_line(one) == wanted]


def command_line(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def until(changeline: Changeline, cr: str, *statuses: str) -> dict[str, Any]:
    """Look until it has one of these statuses; the timeout is the only clock."""
    while True:
        shown = value_of(changeline("show", cr, "--json"))
        if shown["status"] in statuses:
            return shown


@pytest.mark.thorough
def test_a_person_takes_over_a_running_worker_and_their_commit_is_merged(running: Installation) -> None:
    remote, changeline, place = running.repository("asleep"), running.changeline, running.place
    submitted = changeline("submit", "--repo", str(remote), "--file", running.request, "--json")
    cr = value_of(submitted)["id"]
    while len(sleepers()) < 2:
        until(changeline, cr, "running", "queued")
    taken = value_of(changeline("takeover", cr, "--json"))["takeover"]
    assert sleepers() == [], "the whole process tree of the tool is gone"
    (one,) = taken["repositories"]
    command = shlex.split(one["commands"][0])
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    work = place / command[-1]
    assert (work / "calc.py").read_text() == HALF
    mine = commit(work, {"calc.py": scenarios.CODE}, "Double it properly")
    git(work, "push", "-q")
    assert changeline("handback", cr).returncode == 0
    shown = until(changeline, cr, "waiting", "paused")
    assert shown["status"] == "waiting", shown["pause"]
    assert changeline("approve", cr, "--yes").returncode == 0
    shown = until(changeline, cr, "completed", "paused")
    assert shown["status"] == "completed", shown["pause"]
    assert mine in git(remote, "rev-list", "main").splitlines()
    bundle = place / "evidence.json"
    assert changeline("evidence", cr, "--output", str(bundle)).returncode == 0
    verified = changeline("evidence", "verify", str(bundle), "--repo", str(remote), "--json", *pinned(changeline))
    assert (verified.returncode, value_of(verified)["failures"]) == (0, [])
