"""The embedded Redis: a bell, never the truth.

Choice: nothing is kept on disk and memory is bounded, because losing everything in it loses nothing durable. The
configuration with its password goes through standard input, so neither a file nor the process list shows it.
Invariant: without a password no client gets an answer.
"""

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from cli.local import ports
from cli.local.children import Child, ChildFailed
from cli.local.credentials import Credentials
from cli.local.data_directory import DataDirectory
from cli.local.postgres import SERVER_ENVIRONMENT
from cli.local.processes import server_account
from cli.local.supervisor import Supervisor
from pipeline.errors import CallerError

MEMORY_MAX = "128mb"
_PORT_ATTEMPTS = 5
_PING_TIMEOUT_S = 1.0


class RedisServer:
    """One Redis process. `program` is what `programs.runnable_redis` returned."""

    def __init__(
        self, directory: DataDirectory, program: Path, credentials: Credentials, *, report: Callable[[str], None]
    ) -> None:
        self._directory = directory
        self._program = program
        self._password = credentials.redis
        self._report = report
        self.version = _version(program)
        """Such as `7.0.15`."""
        self.port = 0

    @property
    def url(self) -> str:
        """With the password in it."""
        return f"redis://:{self._password}@{ports.LOOPBACK}:{self.port}/0"

    def start(self, supervisor: Supervisor) -> None:
        """Start on a free port.

        Raises:
            ChildFailed: it does not start, with what it said.
        """
        self._report(f"Starting Redis {self.version}")
        self._directory.redis.mkdir(exist_ok=True)
        self._directory.redis.chmod(0o711)  # whatever the umask: as root the server is another user
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.port = ports.free_port()
            try:
                supervisor.start(self._child())
            except ChildFailed as failure:
                if "Address already in use" not in failure.said or attempt == _PORT_ATTEMPTS:
                    raise
            else:
                return

    def _child(self) -> Child:
        return Child(
            name="redis",
            argv=[str(self._program), "-"],
            env=SERVER_ENVIRONMENT,
            stdin=self._configuration().encode(),
            ready=self._answers,
            ready_within_s=30.0,
            grace_s=5.0,
            account=server_account(),
            cwd=self._directory.redis,
        )

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"bind {ports.LOOPBACK}",
                f"port {self.port}",
                f"requirepass {self._password}",
                "protected-mode yes",
                "daemonize no",
                "databases 1",
                'save ""',
                "appendonly no",
                f"maxmemory {MEMORY_MAX}",
                "maxmemory-policy allkeys-lru",
                "",
            )
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=_PING_TIMEOUT_S) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(256)):  # noqa: PLR2004 - two commands
                    answer += more
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def _version(program: Path) -> str:
    try:
        shown = subprocess.run(
            [str(program), "--version"],
            env=dict(SERVER_ENVIRONMENT),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise CallerError(
            f"The Redis program {program} does not run on this machine.",
            remedy="Set CHANGELINE_REDIS__EMBEDDED=false to use PostgreSQL alone.",
        ) from error
    return shown.stdout.partition("v=")[2].split()[0]
