"""The embedded PostgreSQL server: made once, started on a free loopback port, recovered after any crash.

Problem: the wheel's own Python layer trusts every local user, opens up parent directories and adds system accounts.
Choice: its programs driven directly, with SCRAM passwords for every role from the first moment, TCP on 127.0.0.1 only
and no Unix socket. A cluster is made in a draft directory and renamed when it is whole and synced, so a half-made one
is never started. Invariant: product data is always written with fsync; `durable=False` is for tests.
"""

import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cli.local import ports
from cli.local.children import Child, ChildFailed
from cli.local.credentials import Credentials
from cli.local.data_directory import DataDirectory, storage_refusal
from cli.local.processes import ServerAccount, arguments_of, end_process, identity, initdb_account, server_account
from cli.local.supervisor import Supervisor
from pipeline.errors import CallerError
from pipeline.store import bootstrap

SUPERUSER = "changeline_bootstrap"
"""Used to make the other roles, for backups, and for nothing else."""
SERVER_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_PORT_ATTEMPTS = 5
_OLD_BACKENDS_S = 20.0
_STOP_S = 30.0
_INITDB_TIMEOUT_S = 300.0
_PORT_TAKEN = "Address already in use"
_OLD_BACKENDS = "pre-existing shared memory block"
_DISK_FULL = ("No space left on device", "Check free disk space", "wrote only")


class PostgresServer:
    """One cluster in one data directory. `installation` is what `programs.runnable_postgres` returned."""

    def __init__(
        self,
        directory: DataDirectory,
        installation: Path,
        credentials: Credentials,
        *,
        report: Callable[[str], None],
        durable: bool = True,
    ) -> None:
        self._data = directory.postgres
        self._server_part = directory.server_part
        self._programs = installation / "bin"
        self._credentials = credentials
        self._report = report
        self._durable = durable
        self._account = server_account()
        self.version = _version(self._programs)
        """Such as `18.6`."""
        self.port = 0

    @property
    def owner_url(self) -> str:
        """For migrations."""
        return self._url(bootstrap.OWNER_ROLE, self._credentials.owner, bootstrap.DATABASE)

    @property
    def application_url(self) -> str:
        """For everything else."""
        return self._url(bootstrap.APPLICATION_ROLE, self._credentials.application, bootstrap.DATABASE)

    def superuser_url(self, database: str = "postgres") -> str:
        """For making roles and for backups."""
        return self._url(SUPERUSER, self._credentials.superuser, database)

    def start(self, supervisor: Supervisor) -> None:
        """Make the cluster if there is none, start it, and make roles and database.

        Raises:
            CallerError: another PostgreSQL version wrote the data, the disk is full, or the server does not start.
        """
        self._refuse_other_version()
        if not self._data.exists():
            self._report(f"Creating the PostgreSQL {self.version} data directory")
            self._initialise()
        self._report(f"Starting PostgreSQL {self.version}")
        self._start_on_a_free_port(supervisor)
        bootstrap.create_roles_and_database(
            self.superuser_url(),
            owner_password=self._credentials.owner,
            application_password=self._credentials.application,
        )

    def _start_on_a_free_port(self, supervisor: Supervisor) -> None:
        attempts = 0
        deadline = time.monotonic() + _OLD_BACKENDS_S
        while True:
            self.port = ports.free_port()
            try:
                supervisor.start(self._child())
            except ChildFailed as failure:
                attempts += 1
                lost_race = _PORT_TAKEN in failure.said and attempts < _PORT_ATTEMPTS
                # Back ends of a killed postmaster need a moment to notice.
                dying = _OLD_BACKENDS in failure.said and time.monotonic() < deadline
                if says_disk_full(failure.said):
                    raise storage_refusal(OSError(errno.ENOSPC, "full"), self._data) from failure
                if not (lost_race or dying):
                    raise
            else:
                return

    def _child(self) -> Child:
        options = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "logging_collector": "off",
            "max_connections": "200",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "512MB",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        argv = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Child(
            name="postgres",
            argv=argv,
            env=SERVER_ENVIRONMENT,
            ready=lambda: bootstrap.answers(self.superuser_url()),
            ready_within_s=600.0,
            stop_signal=signal.SIGINT,
            grace_s=_STOP_S,
            account=self._account,
            cwd=self._server_part,
            before_start=self._clear_stale_pid_file,
        )

    def _clear_stale_pid_file(self) -> None:
        """The pid in it may be of a server that outlived its supervisor, or of a stranger who got the number later."""
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text(encoding="utf-8", errors="replace").splitlines()[0])
        except FileNotFoundError:
            return
        except (IndexError, ValueError):
            pid = 0
        mark = identity(pid) if pid > 0 else None
        if mark is not None and str(self._data) in arguments_of(pid):
            self._report(f"Stopping a PostgreSQL server that was left over (pid {pid})")
            end_process(pid, mark, first=signal.SIGINT, grace_s=_STOP_S)
        pid_file.unlink(missing_ok=True)

    def _refuse_other_version(self) -> None:
        version_file = self._data / "PG_VERSION"
        if not self._data.exists():
            return
        found = version_file.read_text(encoding="ascii").strip() if version_file.exists() else "unknown"
        if found != self.version.partition(".")[0]:
            raise CallerError(
                f"The database in {self._data} was written by PostgreSQL {found};"
                f" this Changeline brings PostgreSQL {self.version}.",
                field="CHANGELINE_DATA_DIR",
                remedy="Make a backup with the Changeline that wrote it and restore that into a new directory.",
            )

    def _initialise(self) -> None:
        try:
            draft = self._empty_draft()
            self._initdb(draft)
            if self._account is not None:
                _hand_over(draft, self._account)
            if self._durable:
                self._run(["initdb", "-D", str(draft / "data"), "--sync-only"], self._account)
            (draft / "data").rename(self._data)
            shutil.rmtree(draft)
            _sync_directory(self._data.parent)
        except OSError as error:
            raise storage_refusal(error, self._data) from error

    def _empty_draft(self) -> Path:
        for old in self._server_part.glob("postgres-draft-*"):
            shutil.rmtree(old)
        draft = Path(tempfile.mkdtemp(prefix="postgres-draft-", dir=self._server_part))
        if self._account is not None:
            _hand_over(draft, initdb_account())
        return draft

    def _initdb(self, draft: Path) -> None:
        account = initdb_account() if self._account is not None else None
        password_file = draft / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._credentials.superuser, encoding="ascii")
        if account is not None:
            _hand_over(draft, account)
        self._run(
            [
                *("initdb", "-D", str(draft / "data"), "-U", SUPERUSER, f"--pwfile={password_file}"),
                *("--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions"),
            ],
            account,
        )
        password_file.unlink()

    def _run(self, argv: list[str], account: ServerAccount | None) -> None:
        done = subprocess.run(
            [str(self._programs / argv[0]), *argv[1:]],
            env=dict(SERVER_ENVIRONMENT),
            cwd=self._server_part,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_INITDB_TIMEOUT_S,
        )
        if done.returncode == 0:
            return
        if says_disk_full(done.stderr):
            raise OSError(errno.ENOSPC, "full", str(self._server_part))
        reasons = [
            line for line in done.stderr.splitlines() if "error:" in line or "FATAL" in line or "could not" in line
        ]
        said = (reasons or done.stderr.splitlines() or ["no message"])[0].strip()
        raise CallerError(f"The PostgreSQL data directory could not be created: {said}.", path=str(self._data))

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@{ports.LOOPBACK}:{self.port}/{database}"


def says_disk_full(output: str) -> bool:
    """Whether a PostgreSQL program gave a full disk as its reason, in any of its wordings."""
    return any(words in output for words in _DISK_FULL)


def _version(programs: Path) -> str:
    try:
        shown = subprocess.run(
            [str(programs / "postgres"), "--version"],
            env=dict(SERVER_ENVIRONMENT),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise CallerError(
            f"The PostgreSQL programs in {programs} do not run on this machine.",
            remedy="Set CHANGELINE_DATABASE__URL to a running server, or use a system with glibc 2.28 or later.",
        ) from error
    return shown.stdout.split()[2]


def _hand_over(tree: Path, account: ServerAccount) -> None:
    for item in (tree, *tree.rglob("*")):
        os.chown(item, account.uid, account.gid, follow_symlinks=False)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
