"""A real PostgreSQL for the suite: one server per test process, one migrated template, one cloned database per test."""

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from cli.local.ports import free_port
from pipeline.store import migrations
from tests import clusters

_AS_PACKED = "packed"
"""Of the three roles in an archive; a server gives them another before anybody hears of it."""
_UNSAFE_AND_QUICK = (
    "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
    "-c", "shared_buffers=64MB", "-c", "max_wal_size=64MB", "-c", "scram_iterations=1",
)  # fmt: skip
"""A login of a test proves a password, not the patience of an attacker."""


@dataclass(frozen=True)
class TestDatabase:
    """One database of a test: the owner migrates, the application role works."""

    __test__ = False
    name: str
    owner_url: str
    app_url: str
    superuser_url: str


class TestServer:
    """Runs as an unprivileged user when the suite runs as root; unsafe settings are for tests only."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.password = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve a copy of the cluster that every test server begins with, under a password of its own."""
        clusters.unpacked(self.directory, _make)
        self.password = _AS_PACKED
        self.serve()
        self._change_passwords(secrets.token_hex(8))

    def serve(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [clusters.BINARIES / "postgres", "-D", self.directory / "data", "-p", str(self.port),
                 "-c", "listen_addresses=127.0.0.1", "-k", "", *_UNSAFE_AND_QUICK],
                stdout=log, stderr=log, cwd=self.directory, **clusters.demoted(),
            )  # fmt: skip
        self._wait()

    def restart(self) -> None:
        """Cut every connection and come back, as an administrator's restart does."""
        self.go_away()
        self.serve()

    def go_away(self) -> None:
        """Cut every connection and stay away until `serve`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _wait(self) -> None:
        assert self.process is not None
        while self.process.poll() is None:
            try:
                psycopg.connect(self.url("postgres", "postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.01)  # between two looks
            else:
                return
        raise RuntimeError((self.directory / "log").read_text())

    def _change_passwords(self, password: str) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            for role in ("changeline_owner", "changeline_app", "postgres"):
                change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
                connection.execute(change)
        self.password = password

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, name: str, template: str | None = None) -> TestDatabase:
        # Copying the template's files takes a third of the time of logging their content.
        source = (
            sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template)) if template else sql.SQL("")
        )
        owned = sql.SQL("CREATE DATABASE {} OWNER changeline_owner").format(sql.Identifier(name))
        self.execute(sql.Composed([owned, source]))
        if template is None:
            with psycopg.connect(self.url("postgres", name), autocommit=True) as connection:
                connection.execute("ALTER SCHEMA public OWNER TO changeline_owner")
        return TestDatabase(
            name=name,
            owner_url=self.url("changeline_owner", name),
            app_url=self.url("changeline_app", name),
            superuser_url=self.url("postgres", name),
        )

    def drop(self, name: str) -> None:
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def server() -> Iterator[TestServer]:
    """Start a server with the migrated template; stops and deletes it at the end."""
    with clusters.new_place() as place:
        running = TestServer(place)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def _make(place: Path) -> None:
    """Initialise a cluster in `place`/data with the roles and the migrated template, and leave it stopped."""
    made = TestServer(place)
    made.password = _AS_PACKED
    password_file = place / "password"
    password_file.write_text(_AS_PACKED)
    password_file.chmod(0o644)
    subprocess.run(
        [clusters.BINARIES / "initdb", "-D", place / "data", "-U", "postgres", "-A", "scram-sha-256",
         f"--pwfile={password_file}", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1"],
        check=True, capture_output=True, cwd=place, **clusters.demoted(),
    )  # fmt: skip
    made.serve()
    try:
        for role in ("changeline_owner", "changeline_app"):
            made.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        made._change_passwords(_AS_PACKED)
        made.create("template_changeline")
        migrations.upgrade(made.url("changeline_owner", "template_changeline"), app_role="changeline_app")
    finally:
        made.go_away()
