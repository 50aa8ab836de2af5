"""How each target is ended, frozen or cut off, and how one sees that it answers again."""

import os
import signal
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2
import psycopg

from chaos.installation import Installation
from chaos.plan import Target
from pipeline.store import bootstrap

_PROBE_S = 1.0
_CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"


def strike(installed: Installation, target: Target) -> int | None:
    """Disturb a target now; returns the process that was hit (0 for connections), None when there was nothing to hit."""
    match target:
        case Target.WORKER | Target.FREEZE:
            workers = installed.workers()
            return _signal(workers[-1] if workers else None, target)
        case Target.CUT:
            return 0 if _cut(installed) else None
        case _:
            return _signal(installed.pid(target.value), target)


def answers(installed: Installation, target: Target) -> bool:
    """Whether a server or the controller does its work (again)."""
    match target:
        case Target.POSTGRES:
            return bootstrap.answers(str(installed.urls.superuser))
        case Target.REDIS:
            return _redis(installed, "PING").startswith("+PONG")
        case Target.CONTROLLER:
            with suppress(httpx2.TransportError):
                return httpx2.get(f"{installed.url}/readyz", timeout=_PROBE_S, trust_env=False).is_success
            return False
        case _:
            return True


def _signal(pid: int | None, target: Target) -> int | None:
    if pid is None:
        return None
    try:
        os.kill(pid, signal.SIGSTOP if target is Target.FREEZE else signal.SIGKILL)
    except ProcessLookupError:
        return None
    return pid


def _cut(installed: Installation) -> bool:
    try:
        with psycopg.connect(str(installed.urls.superuser), connect_timeout=2) as connection:
            connection.execute(_CUT, (bootstrap.APPLICATION_ROLE,))
    except psycopg.OperationalError:
        return False
    return _redis(installed, "CLIENT KILL TYPE pubsub", "CLIENT KILL TYPE normal SKIPME yes") != ""


def _redis(installed: Installation, *commands: str) -> str:
    url = urlsplit(str(installed.urls.redis))
    lines = "".join(f"{command}\r\n" for command in (f"AUTH {url.password}", *commands))
    try:
        with socket.create_connection((str(url.hostname), int(url.port or 0)), timeout=_PROBE_S) as connection:
            connection.sendall(lines.encode())
            said = b""
            while said.count(b"\r\n") < 1 + len(commands) and (more := connection.recv(256)):
                said += more
    except OSError:
        return ""
    return said.decode(errors="replace").partition("\r\n")[2]
