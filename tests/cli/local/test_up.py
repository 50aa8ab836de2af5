"""`up` as a process of its own: detached, stopped, killed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.local.children import Child, ChildFailed
from cli.local.data_directory import DataDirectory
from cli.local.processes import gone_within, identity
from cli.local.runtime_state import Runtime, read_runtime
from cli.local.servers import LocalServers
from cli.local.supervisor import Supervisor
from cli.local.up import down, start_detached, status
from pipeline.errors import CallerError, Conflict
from pipeline.machine.private_files import write_private
from pipeline.settings.process import ProcessSettings
from tests.cli.local.conftest import REPOSITORY, Said

UP = """
import sys
from pathlib import Path
from cli.local.children import Child
from cli.local.up import serve
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings

def controller(servers):
    servers.runtime.controller("http://127.0.0.1:8321", str(servers.directory.token_file))
    return [Child(name="controller", argv=["/bin/sleep", "600"], env={}, restart=False)]

try:
    serve(
        ProcessSettings(data_dir=Path(sys.argv[1]), redis={"embedded": True}),
        migrate=lambda servers: print("Migrating", servers.owner_url is not None, flush=True),
        children=controller,
        ready=lambda servers: print("Ready", flush=True),
        report=lambda sentence: print(sentence, flush=True),
        durable=False,
    )
except CallerError as error:
    sys.exit(error.message)
"""
Start = Callable[..., "subprocess.Popen[str]"]


def detach(settings: ProcessSettings, said: Said) -> Runtime:
    argv = [sys.executable, "-c", UP, str(settings.data_dir)]
    return start_detached(settings, argv, {"PYTHONPATH": str(REPOSITORY), "HOME": "/nonexistent"}, report=said)


def start_and_wait(start_python: Start, settings: ProcessSettings) -> tuple["subprocess.Popen[str]", Runtime]:
    process = start_python(UP, str(settings.data_dir))
    assert process.stdout is not None
    assert "Ready\n" in iter(process.stdout.readline, "")
    now = read_runtime(DataDirectory.at(Path(str(settings.data_dir))))
    assert now is not None
    return process, now


def left_of(runtime: Runtime) -> list[str]:
    return [child.name for child in runtime.children if not gone_within(child.pid, child.identity, 30)]


def test_a_detached_start_shows_its_progress_and_is_found_and_stopped_again(
    settings: ProcessSettings, said: Said
) -> None:
    now = detach(settings, said)
    expected = ["Creating", "Starting PostgreSQL", "Starting Redis", "Migrating True", "Starting controller", "Ready"]
    assert [word for word in expected if any(line.startswith(word) for line in said.all)] == expected
    assert (status(settings).logs / "up.log").exists()
    shown = status(settings)
    assert (shown.state, shown.runtime) == ("ready", now)
    assert now.controller == "http://127.0.0.1:8321"
    assert [child.name for child in now.children] == ["postgres", "redis", "controller"]
    with pytest.raises(Conflict, match="already runs"):
        detach(settings, said)
    with pytest.raises(Conflict, match=f"pid {now.pid}"), LocalServers(settings, report=said):
        pytest.fail("two supervisors on one directory")
    assert down(settings, report=said)
    assert left_of(now) == []
    assert status(settings).state == "stopped"
    assert not down(settings, report=said)
    os.waitpid(now.pid, 0)


def test_down_on_a_machine_where_nothing_ever_ran_changes_nothing(settings: ProcessSettings, said: Said) -> None:
    assert not down(settings, report=said)
    assert status(settings).state == "stopped"
    assert settings.data_dir is not None
    assert not settings.data_dir.exists()


def test_a_detached_start_that_fails_says_why_in_one_sentence(settings: ProcessSettings, said: Said) -> None:
    directory = DataDirectory.at(Path(str(settings.data_dir)))
    directory.prepare()
    argv = [sys.executable, "-c", "print('Starting'); raise SystemExit('The disk is full.')"]
    with pytest.raises(CallerError, match=r"^The disk is full\.$"):
        start_detached(settings, argv, {}, report=said)
    assert said.all == ["Starting", "The disk is full."]


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(one, marks=pytest.mark.thorough) for one in (signal.SIGINT, signal.SIGHUP))],
)
def test_a_stop_signal_ends_everything_in_order(
    start_python: Start, settings: ProcessSettings, number: signal.Signals
) -> None:
    process, now = start_and_wait(start_python, settings)
    process.send_signal(number)
    assert process.wait(60) == 0
    assert [identity(child.pid) for child in now.children] == [None, None, None]
    postgres_log = (status(settings).logs / "postgres.log").read_text()
    assert "database system is shut down" in postgres_log


def test_servers_end_with_a_supervisor_that_was_killed_and_the_next_start_recovers(
    start_python: Start, settings: ProcessSettings, said: Said
) -> None:
    process, now = start_and_wait(start_python, settings)
    process.kill()
    process.wait()
    assert left_of(now) == []
    assert status(settings).state == "stopped"
    with LocalServers(settings, report=said, durable=False) as servers:
        assert servers.supervisor.running()


def test_the_next_start_ends_what_a_killed_supervisor_and_its_killed_guard_left(
    start_python: Start, settings: ProcessSettings, said: Said
) -> None:
    process, now = start_and_wait(start_python, settings)
    for guard in children_of(process.pid, "/bin/sh"):
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(guard, signal.SIGKILL)
    process.kill()
    process.wait()
    assert [identity(child.pid) for child in now.children] == [child.identity for child in now.children]
    with LocalServers(settings, report=said, durable=False):
        assert left_of(now) == []
    assert len([sentence for sentence in said.all if "left over" in sentence]) == len(now.children)


def test_a_child_without_restart_ends_the_run_with_its_last_words(
    start_python: Start, settings: ProcessSettings
) -> None:
    script = UP.replace('"/bin/sleep", "600"', '"/bin/sh", "-c", "echo out of luck; exit 3"')
    process = start_python(script + "\nsys.exit(0)", str(settings.data_dir))
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait() == 1
    assert "Starting controller" in said
    assert status(settings).state == "stopped"


def test_a_child_that_never_gets_ready_or_does_not_exist_is_named(place: Path, said: Said) -> None:
    with Supervisor(place, report=said) as supervisor:
        quick = Child(name="quick", argv=["/bin/sh", "-c", "echo no such luck; exit 7"], env={}, ready=lambda: False)
        with pytest.raises(ChildFailed, match=r"^quick ended while starting \(exit 7\): no such luck$"):
            supervisor.start(quick)
        slow = Child(name="slow", argv=["/bin/sleep", "60"], env={}, ready=lambda: False, ready_within_s=0.1)
        with pytest.raises(ChildFailed, match="slow was not ready"):
            supervisor.start(slow)
        with pytest.raises(CallerError, match="/no/such/program"):
            supervisor.start(Child(name="missing", argv=["/no/such/program"], env={}))
        assert supervisor.running() == []


def test_a_child_gets_its_own_environment_and_one_that_ignores_the_stop_signal_is_killed(
    place: Path, said: Said
) -> None:
    script = "trap '' TERM; env > seen; while :; do sleep 0.1; done"
    stubborn = Child(
        name="stubborn",
        argv=["/bin/sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "GIVEN": "yes"},
        cwd=place,
        ready=lambda: (place / "seen").exists() and "GIVEN" in (place / "seen").read_text(),
        grace_s=0.1,
    )
    with Supervisor(place, report=said) as supervisor:
        supervisor.start(stubborn)
        process = supervisor.running()[0]
    assert identity(process.pid) is None
    assert any("is killed" in sentence for sentence in said.all)
    names = set(re.findall(r"^(\w+)=", (place / "seen").read_text(), re.MULTILINE))
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "GIVEN"}


def test_a_guard_that_was_killed_is_replaced_and_still_does_its_duty(start_python: Start, place: Path) -> None:
    script = """
        import os, sys, time
        from pathlib import Path
        from cli.local.children import Child
        from cli.local.supervisor import Supervisor
        supervisor = Supervisor(Path(sys.argv[1]), report=print)
        supervisor.start(Child(name="one", argv=["/bin/sleep", "600"], env={}))
        old = supervisor._guard.pid
        os.kill(old, 9)
        while supervisor._guard.pid == old:
            time.sleep(0.01)
        print(supervisor.running()[0].pid, flush=True)
        time.sleep(600)
    """
    process = start_python(script, str(place))
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    mark = identity(pid)
    assert mark is not None
    process.kill()
    assert gone_within(pid, mark, 30)


def test_a_recorded_number_that_went_to_another_process_is_left_alone(settings: ProcessSettings, said: Said) -> None:
    directory = DataDirectory.at(Path(str(settings.data_dir)))
    directory.prepare()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        write_private(
            directory.runtime_file,
            '{"pid": 1, "identity": "x", "started_at": "", "database": null, "redis": null, "children":'
            f' [{{"name": "postgres", "pid": {stranger.pid}, "identity": "earlier", "stop_signal": 15}}]}}',
        )
        assert not down(settings, report=said)
        assert stranger.poll() is None
        stranger.kill()


def children_of(pid: int, program: str) -> list[int]:
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(number) for number in numbers if Path(f"/proc/{number}/cmdline").read_text().startswith(program)]
