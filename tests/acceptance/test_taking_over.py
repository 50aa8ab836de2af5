"""A person takes over while a worker develops, commits with git alone, hands back, and their commit is merged with evidence."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Changeline, git, value_of
from tests.line import scenarios
from tests.line.scenarios import bash, create, part, submit_code, tool, turn

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

MARK = "31557600"
"""How long the tool sleeps: nothing else on the machine does exactly that."""
HALF = "def add(a, b):\n    return a + b\n\n\ndef double(n):\n    return 0\n"


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
    """Look until it has one of these statuses; each look is a process of its own, and the timeout the only clock."""
    while True:
        shown = value_of(changeline("show", cr, "--json"))
        if shown["status"] in statuses:
            return shown


def test_a_person_takes_over_a_running_worker_and_their_commit_is_merged(changeline: Changeline, place: Path) -> None:
    remote = place / "sums"
    remote.mkdir()
    git(remote, "init", "-q", "-b", "main")
    commit(remote, scenarios.FILES, "First commit")
    slow = part(
        "code_writer", turn(create("calc.py", HALF)), turn(bash(f"sleep {MARK} & sleep {MARK}")), turn(submit_code())
    )
    given = {"summary": "They finished double.", "behaviour_changed": False, "open_points": []}
    analyst = part("sync_analyst", turn(tool("submit_sync", **given)))
    scenario = place / "scenario.yaml"
    scenario.write_text(scenarios.scenario(slow, analyst))
    request = place / "request.md"
    request.write_text(f"# {scenarios.TITLE}\n\n{scenarios.BODY}\n")

    assert changeline("up", "--detach", "--scenario", str(scenario)).returncode == 0
    submitted = changeline("submit", "--repo", str(remote), "--file", str(request), "--json")
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
    verified = changeline("evidence", "verify", str(bundle), "--repo", str(remote), "--json")
    assert value_of(verified)["failures"] == []


def commit(repository: Path, files: dict[str, str], message: str) -> str:
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD")
