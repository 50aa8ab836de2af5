"""The running installation: passwords, roles, recovery of crashed servers, reuse."""

import os
import socket
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cli.local import ports
from cli.local.data_directory import DataDirectory
from cli.local.processes import SERVER_UID, identity
from cli.local.runtime_state import read_runtime
from cli.local.servers import LocalServers, running_urls
from pipeline.errors import CallerError
from pipeline.settings.process import ProcessSettings, RedisSettings
from tests.cli.local.conftest import RunPython, Said

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about the users that root's servers run under")


def pid_of(servers: LocalServers, name: str) -> int:
    return next(child.pid for child in servers.supervisor.running() if child.name == name)


def test_the_application_is_neither_superuser_nor_owner_nor_exempt_from_row_level_security(
    servers: LocalServers,
) -> None:
    with psycopg.connect(servers.app_url) as connection:
        flags = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert flags == ("changeline_app", False, False, False, False, False)
    assert owner == ("changeline_owner",)


def test_the_owner_can_migrate_but_is_no_superuser_and_the_application_cannot_migrate(servers: LocalServers) -> None:
    assert servers.owner_url is not None
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        assert owner.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == (False,)
        owner.execute("CREATE TABLE migrated (id int)")
    with (
        psycopg.connect(servers.app_url) as application,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        application.execute("CREATE TABLE not_ours (id int)")
    with psycopg.connect(servers.app_url) as application, pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("SELECT * FROM migrated")


@pytest.mark.parametrize("role", ["changeline_app", "changeline_owner", "changeline_bootstrap", "postgres", "root"])
@pytest.mark.parametrize("password", ["", "wrong", "postgres"])
def test_postgres_refuses_every_login_without_the_right_password(
    servers: LocalServers, role: str, password: str
) -> None:
    assert servers.postgres is not None
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=servers.postgres.port, user=role, password=password, dbname="postgres")


def test_redis_refuses_commands_without_the_password_and_keeps_nothing_on_disk(servers: LocalServers) -> None:
    assert servers.redis_url is not None
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.set("bell", "rings")
        assert client.config_get("save") == {"save": ""}
        port = client.connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("bell")
    assert list(servers.directory.redis.iterdir()) == []


def test_servers_listen_on_loopback_tcp_only_and_make_no_unix_socket(servers: LocalServers) -> None:
    assert servers.postgres is not None
    with psycopg.connect(servers.postgres.superuser_url()) as connection:
        shown = [
            connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("listen_addresses", "unix_socket_directories")
        ]
    assert shown == [("127.0.0.1",), ("",)]


def test_nothing_that_other_users_can_see_holds_a_password(servers: LocalServers) -> None:
    assert servers.postgres is not None
    secrets = [
        url.rpartition("@")[0].rpartition(":")[2]
        for url in (servers.app_url, servers.owner_url or "", servers.redis_url or "", servers.postgres.superuser_url())
    ]
    shown = " ".join(
        [
            *servers.describe(),
            servers.directory.runtime_file.read_text(),
            repr(running_urls(ProcessSettings(), servers.directory)),
            *(log.read_text() for log in servers.directory.logs.iterdir()),
            *(Path(f"/proc/{child.pid}/cmdline").read_text() for child in servers.supervisor.running()),
        ]
    )
    assert all(secrets)
    assert not [secret for secret in secrets if secret in shown]
    for private in (servers.directory.credentials_file, servers.directory.runtime_file):
        assert private.stat().st_mode & 0o077 == 0


def test_other_commands_find_the_running_servers(servers: LocalServers) -> None:
    urls = running_urls(ProcessSettings(), servers.directory)
    assert urls is not None
    assert (urls.application, urls.owner, urls.redis) == (servers.app_url, servers.owner_url, servers.redis_url)


@as_root
def test_as_root_the_servers_run_as_a_user_without_rights(servers: LocalServers) -> None:
    for child in servers.supervisor.running():
        facts = Path(f"/proc/{child.pid}/status").read_text()
        assert f"Uid:\t{SERVER_UID}\t{SERVER_UID}\t{SERVER_UID}" in facts
        assert "Groups:\t \n" in facts
        assert "CapEff:\t0000000000000000" in facts
    assert servers.directory.postgres.stat().st_uid == SERVER_UID


def test_an_ordinary_user_runs_the_same_servers(place: Path, ordinary_python: RunPython) -> None:
    place.chmod(0o777)
    done = ordinary_python(
        """
        import psycopg
        from pathlib import Path
        from cli.local.servers import LocalServers
        from pipeline.settings.process import ProcessSettings
        with LocalServers(ProcessSettings(data_dir=Path(sys.argv[1])), report=print, durable=False) as servers:
            with psycopg.connect(servers.app_url) as connection:
                print(connection.execute("SELECT current_user").fetchone()[0], os.geteuid() != 0)
        """,
        str(place / "data"),
    )
    if "Permission denied" in done.stderr or "programs are missing" in done.stderr:
        pytest.skip("the programs of this virtual environment are closed to other users")
    assert done.returncode == 0, done.stderr
    assert "changeline_app True" in done.stdout
    assert (place / "data").stat().st_mode & 0o777 == 0o700


def test_a_killed_postgres_comes_back_with_its_data_and_its_address(settings: ProcessSettings, said: Said) -> None:
    with LocalServers(settings, report=said) as servers:
        assert servers.owner_url is not None
        with psycopg.connect(servers.owner_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        before = pid_of(servers, "postgres")
        os.kill(before, 9)
        said.wait_for("postgres is back")
        with psycopg.connect(servers.owner_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        now = read_runtime(servers.directory)
        assert now is not None
        assert [child.pid for child in now.children] == [pid_of(servers, "postgres")] != [before]


def test_a_killed_redis_comes_back_under_the_same_address(place: Path, said: Said) -> None:
    with LocalServers(ProcessSettings(data_dir=place / "data"), report=said, durable=False) as servers:
        assert servers.redis_url is not None
        os.kill(pid_of(servers, "redis"), 9)
        said.wait_for("redis is back")
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.ping()


def test_a_second_start_reuses_the_data_and_leaves_nothing_running(settings: ProcessSettings, said: Said) -> None:
    with LocalServers(settings, report=said, durable=False) as servers:
        assert servers.owner_url is not None
        with psycopg.connect(servers.owner_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        children = servers.supervisor.running()
    assert [identity(child.pid) for child in children] == [None]
    assert not servers.directory.runtime_file.exists()
    again = Said()
    with LocalServers(settings, report=again, durable=False) as servers:
        assert servers.owner_url is not None
        with psycopg.connect(servers.owner_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert [sentence.startswith("Creating") for sentence in said.all[:1] + again.all[:1]] == [True, False]


def test_without_redis_it_says_that_it_runs_on_postgresql_alone(settings: ProcessSettings, said: Said) -> None:
    with LocalServers(settings, report=said, durable=False) as servers:
        assert servers.redis_url is None
        assert any("PostgreSQL alone" in sentence for sentence in servers.describe())
    assert any("PostgreSQL alone" in sentence for sentence in said.all)


def test_a_pid_file_whose_number_went_to_another_process_is_no_obstacle(settings: ProcessSettings, said: Said) -> None:
    with LocalServers(settings, report=said, durable=False) as servers:
        directory = servers.directory
    account = SERVER_UID if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=account, group=account) as stranger:
        lines = [str(stranger.pid), str(directory.postgres), "1", "5432", "", "127.0.0.1", "0 0", "ready"]
        (directory.postgres / "postmaster.pid").write_text("\n".join(lines) + "\n")
        try:
            with LocalServers(settings, report=said, durable=False) as servers:
                assert pid_of(servers, "postgres") != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()


@as_root
def test_data_and_programs_below_a_closed_home_work_for_root(place: Path, said: Said) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    directory = DataDirectory.at(home / "data", reachable_root=place / "reachable")
    with LocalServers(
        ProcessSettings(redis=RedisSettings(embedded=False)), report=said, durable=False, directory=directory
    ) as servers:
        assert directory.postgres.is_relative_to(place / "reachable")
        with psycopg.connect(servers.app_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (directory.server_part / "belongs-to").read_text() == f"{home / 'data'}\n"


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CallerError, match=f"^127.0.0.1:{port} is taken by another process.$") as refused:
            ports.require_free_port(ports.LOOPBACK, port, field="CHANGELINE_CONTROLLER__PORT")
    assert refused.value.field == "CHANGELINE_CONTROLLER__PORT"
    ports.require_free_port(ports.LOOPBACK, port, field="CHANGELINE_CONTROLLER__PORT")
    ports.require_free_port(ports.LOOPBACK, 0, field="CHANGELINE_CONTROLLER__PORT")
