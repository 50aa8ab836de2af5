"""Where the data lies, and what is refused before anything is written."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local import log_files, programs
from cli.local.credentials import credentials_of
from cli.local.data_directory import DATA_FORMAT, ROOT_LOCATION, DataDirectory, locate
from cli.local.platform_check import check_platform
from cli.local.processes import SERVER_UID
from cli.local.servers import LocalServers
from pipeline.errors import CallerError, Conflict
from pipeline.settings.process import ProcessSettings, SandboxSettings
from tests.cli.local.conftest import REPOSITORY, RunPython, Said

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user or a mount")


def test_the_usual_place_depends_on_the_user_and_a_setting_wins(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    assert locate(ProcessSettings(), uid=0) == ROOT_LOCATION
    assert locate(ProcessSettings(), uid=1000) == Path.home() / ".local/state/changeline"
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    assert locate(ProcessSettings(), uid=1000) == place / "changeline"
    monkeypatch.setenv("CHANGELINE_DATA_DIR", str(place / "elsewhere"))
    assert locate(ProcessSettings(), uid=0) == place / "elsewhere"


def test_a_directory_that_cannot_be_written_is_one_clear_sentence(place: Path, ordinary_python: RunPython) -> None:
    place.chmod(0o555)
    done = ordinary_python(
        """
        from pathlib import Path
        from cli.local.data_directory import DataDirectory
        from pipeline.errors import CallerError
        try:
            DataDirectory.at(Path(sys.argv[1])).prepare()
        except CallerError as error:
            print(error.message)
        """,
        str(place / "data"),
    )
    assert done.stdout.startswith(f"{place / 'data'} cannot be written by user id "), done.stderr
    assert done.stdout.count("\n") == 1


@as_root
def test_a_directory_of_another_user_is_refused(place: Path) -> None:
    directory = DataDirectory.at(place / "data")
    directory.prepare()
    os.chown(directory.path, 1234, 1234)
    with pytest.raises(CallerError, match="belongs to user id 1234"):
        directory.prepare()


def test_a_directory_that_others_may_write_is_refused_once_it_holds_something(place: Path) -> None:
    path = place / "data"
    path.mkdir()
    path.chmod(0o777)
    directory = DataDirectory.at(path)
    directory.prepare()
    assert path.stat().st_mode & 0o066 == 0
    path.chmod(0o770)
    with pytest.raises(CallerError, match="Other users may write"):
        directory.prepare()


def test_a_directory_of_something_else_is_not_taken_over(place: Path) -> None:
    (place / "thesis.tex").touch()
    with pytest.raises(CallerError, match="not a Changeline data directory"):
        DataDirectory.at(place).prepare()
    assert list(place.iterdir()) == [place / "thesis.tex"]


def test_another_data_format_is_refused(place: Path) -> None:
    directory = DataDirectory.at(place / "data")
    directory.prepare()
    directory.format_file.write_text(json.dumps({"format": DATA_FORMAT + 1}))
    with pytest.raises(CallerError, match=f"has format {DATA_FORMAT + 1}; this Changeline reads format {DATA_FORMAT}"):
        directory.prepare()


def test_a_database_of_another_postgresql_version_is_refused(settings: ProcessSettings, said: Said) -> None:
    with LocalServers(settings, report=said, durable=False) as servers:
        cluster = servers.directory.postgres
    (cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(CallerError, match=r"written by PostgreSQL 15; this Changeline brings PostgreSQL 18") as refused:
        LocalServers(settings, report=said, durable=False).__enter__()
    assert refused.value.remedy is not None
    assert (cluster / "PG_VERSION").read_text() == "15\n"


def test_a_lock_file_of_a_dead_process_is_no_obstacle_and_a_live_one_is_named(place: Path) -> None:
    directory = DataDirectory.at(place / "data")
    directory.prepare()
    directory.lock_file.write_text("999999\n")
    with directory.locked():
        assert directory.lock_file.read_text() == f"{os.getpid()}\n"
        assert directory.is_locked()
        with pytest.raises(Conflict, match=f"pid {os.getpid()}"), directory.locked():
            pytest.fail("locked twice")
    assert not directory.is_locked()


def test_passwords_are_made_once_and_a_file_that_others_can_read_is_refused(place: Path) -> None:
    directory = DataDirectory.at(place / "data")
    directory.prepare()
    made = credentials_of(directory)
    assert credentials_of(directory) == made
    assert directory.credentials_file.stat().st_mode & 0o777 == 0o600
    assert made.superuser not in repr(made)
    directory.credentials_file.chmod(0o644)
    with pytest.raises(CallerError, match="Other users can read"):
        credentials_of(directory)


@as_root
def test_a_full_disk_is_one_clear_sentence_before_and_while_the_database_is_made(place: Path, said: Said) -> None:
    with small_disk(place / "disk", megabytes=64) as disk:
        with pytest.raises(CallerError, match=r"^The disk that holds .* is full\.$"):
            DataDirectory.at(disk / "data").prepare()
        assert not (disk / "data" / "format.json").exists()
    with small_disk(place / "disk", megabytes=300) as disk:
        directory = DataDirectory.at(disk / "data")
        directory.prepare()
        (disk / "ballast").write_bytes(bytes(280 * 1024**2))
        with pytest.raises(CallerError, match=r"^The disk that holds .* is full\.$"):
            LocalServers(ProcessSettings(), report=said, durable=False, directory=directory).__enter__()
        (disk / "ballast").unlink()
        with LocalServers(ProcessSettings(), report=said, durable=False, directory=directory) as servers:
            assert servers.supervisor.running()


@as_root
def test_programs_below_a_closed_home_are_copied_once_to_where_the_servers_user_can_run_them(place: Path) -> None:
    installed = programs.find_postgres()
    home = place / "home"
    home.mkdir(mode=0o700)
    package = home / installed.parent.name
    package.mkdir()
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    subprocess.run(["cp", "-r", installed, package], check=True)
    subprocess.run(["cp", "-r", libraries, home], check=True)
    script = f"""
from pathlib import Path
from cli.local import programs
from cli.local.data_directory import DataDirectory
from cli.local.processes import server_account
directory = DataDirectory.at(Path({str(place / "data")!r}))
directory.prepare()
for _ in range(2):
    print(programs.runnable_postgres(Path({str(package / installed.name)!r}), directory, server_account()))
"""
    done = subprocess.run(
        ["sh", "-c", 'umask 077; exec "$0" -c "$1"', sys.executable, script],
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.split()
    assert first == second
    assert first.startswith(str(place / "data"))
    for program in ("postgres", "initdb", "pg_dump"):
        shown = subprocess.run(
            [f"{first}/bin/{program}", "--version"],
            user=SERVER_UID,
            group=SERVER_UID,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "PostgreSQL" in shown.stdout


def test_missing_programs_name_the_remedy_and_a_missing_redis_is_none(place: Path) -> None:
    with pytest.raises(CallerError, match="PostgreSQL programs are missing") as refused:
        programs.find_postgres("no_such_package")
    assert "CHANGELINE_DATABASE__URL" in str(refused.value.remedy)
    assert programs.find_redis("no_such_package", path=str(place)) is None


@pytest.mark.parametrize(
    ("system", "machine", "named"),
    [
        ("win32", "AMD64", "WSL2"),
        ("darwin", "arm64", "ALLOW_UNCONTAINED"),
        ("linux", "riscv64", "arm64"),
        ("aix", "x86_64", "Linux"),
    ],
)
def test_unsupported_platforms_are_refused_with_the_way_that_works(system: str, machine: str, named: str) -> None:
    with pytest.raises(CallerError) as refused:
        check_platform(ProcessSettings(), system=system, machine=machine)
    assert named in str(refused.value.remedy)


def test_supported_platforms_are_not_refused() -> None:
    check_platform(ProcessSettings(), system="linux", machine="x86_64")
    check_platform(ProcessSettings(), system="linux", machine="aarch64")
    check_platform(ProcessSettings(sandbox=SandboxSettings(allow_uncontained=True)), system="darwin", machine="arm64")


def test_a_log_is_cut_while_its_process_goes_on_writing(place: Path) -> None:
    log = log_files.log_of(place, "chatty")
    descriptor = log_files.open_for_appending(log)
    try:
        os.write(descriptor, b"x" * 1000 + b"\n")
        assert not log_files.cap(log, bytes_max=2000)
        assert log_files.cap(log, bytes_max=100)
        os.write(descriptor, b"after\n")
    finally:
        os.close(descriptor)
    assert log.read_bytes() == b"after\n"
    assert (place / "chatty.log.1").stat().st_size == 1001


def test_the_uninstall_page_names_what_the_code_creates() -> None:
    page = (REPOSITORY / "docs" / "uninstall.md").read_text(encoding="utf-8")
    directory = DataDirectory(Path("/data"), Path("/data"))
    names = {
        value.name
        for name, item in vars(DataDirectory).items()
        if isinstance(item, property) and isinstance(value := getattr(directory, name), Path)
    }
    assert {"postgres", "lock", "credentials.json"} <= names
    port = ProcessSettings().controller.port
    wanted = {
        *names,
        str(ROOT_LOCATION),
        str(SERVER_UID),
        f"127.0.0.1:{port}",
        "changeline_app",
        "belongs-to",
        "restoring",
    }
    assert {name for name in wanted if f"`{name}" not in page and f"{name}`" not in page} == set()


@contextlib.contextmanager
def small_disk(path: Path, *, megabytes: int) -> Iterator[Path]:
    path.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "changeline-test", path],
        check=False,
        capture_output=True,
    )
    if done.returncode != 0:
        pytest.skip("this machine does not allow mounts")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)
