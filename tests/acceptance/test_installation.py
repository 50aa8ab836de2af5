"""The life of an installation on one machine, by the commands that people type."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from cli.local.processes import identity
from tests.installation import (
    REPOSITORY,
    SHARED,
    Changeline,
    Installation,
    git,
    in_process,
    request_in,
    sums_in,
    value_of,
)
from tests.line import scenarios
from tests.line.scenarios import part, tool, turn

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

LEARNING = {"repository": "sums", "text": "Doubling is multiplication by two.", "evidence": "Nobody had to ask twice."}


def test_up_runs_in_the_background_is_seen_used_saved_and_stopped(changeline: Changeline, place: Path) -> None:
    started = changeline("up", "--detach", "--port", "0", "--json")
    assert started.returncode == 0, started.stderr
    up = value_of(started)
    assert up["model"] is None
    assert re.search(r"memory of a command at most 4 GiB, (by cgroup v[12]|measured)", up["isolation"]["detail"])
    assert "disk of a tree at most 10 GiB in 1000000 entries" in up["isolation"]["detail"]
    assert Path(up["token_file"]).stat().st_mode & 0o777 == 0o600
    assert up["login"] not in (place / "data" / "logs" / "up.log").read_text()
    with httpx2.Client(trust_env=False) as browser:
        assert browser.get(up["login"]).status_code == 303
        assert browser.get(f"{up['controller']}/api/v1/me").json()["id"] == "local"
        assert browser.get(up["login"]).status_code == 401, "a link works once"

    here = in_process(place)
    assert value_of(here("status", "--json"))["controller"] == up["controller"]
    again = changeline("up", "--detach", "--port", "0", "--json")
    assert again.returncode == 2
    assert "already runs on the data directory" in value_of(again)["error"]
    without_model = here("submit", "--repo", str(place), "--body", "Say hello.", "--json")
    assert (without_model.returncode, value_of(without_model)["field"]) == (2, "CHANGELINE_ANTHROPIC__API_KEY")
    checked = here("db", "check", "--json")
    assert (checked.returncode, value_of(checked)["role"]) == (0, "changeline_app")
    assert changeline("backup", str(place / "a.backup")).returncode == 0
    assert here("restore", str(place / "a.backup")).returncode == 2, "it runs"

    token = Path(up["token_file"]).read_text()
    processes = up["processes"].values()
    assert changeline("down").returncode == 0
    assert [pid for pid in processes if identity(pid)] == []
    assert here("status").returncode == 5
    assert changeline("restore", str(place / "a.backup"), "--force").returncode == 0
    assert here("db", "check").returncode == 0
    assert changeline("up", "--detach", "--port", "0").returncode == 0
    assert Path(up["token_file"]).read_text() == token, "a token that works is kept"


def test_a_taken_port_and_an_open_address_are_refused_before_anything_is_made(
    changeline: Changeline, place: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for detach in ((), ("--detach",)):
            refused = changeline("up", "--port", port, "--json", *detach)
            assert (refused.returncode, value_of(refused)["field"]) == (2, "CHANGELINE_CONTROLLER__PORT")
    assert changeline("up", "--host", "0.0.0.0").returncode == 2  # noqa: S104 - it must be refused
    assert not (place / "data").exists()


@pytest.mark.thorough
def test_ctrl_c_detaches_from_a_run_whose_work_goes_on_to_the_release_and_after_an_approval_to_the_end(
    changeline: Changeline, place: Path
) -> None:
    sample, scenario = sums_in(place, "sums"), place / "scenario.json"
    scenario.write_text(scenarios.scenario(part("retrospective", turn(tool("submit_learnings", learnings=[LEARNING])))))
    before = git(sample, "rev-parse", "main")
    argv = ["run", "--repo", str(sample), "--file", request_in(place), "--scenario", str(scenario), "--yes"]
    environment = {**os.environ, "CHANGELINE_DATA_DIR": str(place / "data"), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "cli", *argv]
    with subprocess.Popen(command, env=environment, cwd=place, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        said = running.stderr.readline()
        while "[intake] begins" not in said:
            assert said, "it ended before the work began"
            said = running.stderr.readline()
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
    assert running.returncode == 3, rest
    assert "Return with: changeline watch cr-" in rest

    changeline = in_process(place)
    waiting = changeline("watch", "--json")
    gates = value_of(waiting)["gates"]
    assert (waiting.returncode, [gate["kind"] for gate in gates]) == (3, ["release"]), "nobody says yes any more"
    assert git(sample, "rev-parse", "main") == before
    approved = changeline("approve", "latest", "--comment", "Seen.", "--json")
    assert value_of(approved)["content_hash"] == gates[0]["content_hash"]
    watched = changeline("watch")
    assert watched.returncode == 0, watched.stderr
    assert "release: approve by local: Seen." in watched.stdout
    assert git(sample, "rev-parse", "main") != before
    assert "calc.py" in changeline("diff", "latest", "--stat").stdout
    proposed = value_of(changeline("learnings", "list", "--json"))["items"]
    assert [one["status"] for one in proposed] == ["proposed"]


@pytest.mark.thorough
@SHARED
def test_no_worker_exists_while_a_decision_is_waited_for_and_the_decision_starts_the_next_one(
    running: Installation,
) -> None:
    changeline = running.changeline
    submitted = changeline("submit", "--repo", str(running.repository("decided")), "--file", running.request, "--json")
    cr = value_of(submitted)["id"]
    assert changeline("watch", cr, "--json").returncode == 3
    controller = value_of(changeline("status", "--json"))["processes"]["controller"]
    (fork_server,) = _children(controller)
    while _children(fork_server):
        assert value_of(changeline("show", cr, "--json"))["status"] == "waiting"
    assert changeline("approve", cr).returncode == 0
    watched = changeline("watch", cr)
    assert watched.returncode == 0, watched.stderr
    told = [line for line in watched.stdout.splitlines() if "worker " in line or "release: approve" in line]
    assert [line.split("  ", 1)[1].split(",")[0] for line in told] == [
        "worker 1 started", "release: approve by local", "worker 2 started",
    ]  # fmt: skip


def _children(pid: int) -> list[int]:
    found = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text()
    return [int(child) for child in found.split()]


@pytest.mark.thorough
@SHARED
def test_a_killed_controller_comes_back_at_its_address(running: Installation) -> None:
    up, changeline = running.up, running.changeline
    before = value_of(changeline("status", "--json"))["processes"]["controller"]
    os.kill(before, signal.SIGKILL)
    watched = changeline("list", "--json")
    while watched.returncode != 0:
        assert watched.returncode == 5, watched.stderr
        watched = changeline("list", "--json")
    now = value_of(changeline("status", "--json"))
    assert now["controller"] == up["controller"]
    assert now["processes"]["controller"] != before


@pytest.mark.thorough
@SHARED
def test_on_a_terminal_a_run_is_drawn_live_and_asks_for_the_release(running: Installation) -> None:
    repository = running.repository("drawn")
    before = git(repository, "rev-parse", "main")
    argv = ["run", "--repo", str(repository), "--file", running.request]
    environment = {
        **os.environ, "CHANGELINE_DATA_DIR": str(running.data), "PYTHONPATH": str(REPOSITORY), "TERM": "xterm",
    }  # fmt: skip
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", *argv],
        env=environment,
        cwd=running.place,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as drawn:
        os.close(theirs)
        screen, answered = "", False
        while select.select([ours], [], [], 120)[0]:
            try:
                screen += os.read(ours, 65_536).decode(errors="replace")
            except OSError:
                break
            if not answered and "Approve the release?" in screen:
                answered = True
                os.write(ours, b"y\n")
    os.close(ours)
    assert (drawn.returncode, answered) == (0, True), screen[-2000:]
    assert "✓" in screen
    assert "A number is doubled" in screen
    assert git(repository, "rev-parse", "main") != before
    assert running.changeline("status").returncode == 0, "it stops only what it started"
