"""TCP ports on the loopback interface."""

import errno
import secrets
import socket

from pipeline.errors import CallerError

LOOPBACK = "127.0.0.1"


_LISTENING = range(15_000, 32_768)
"""Below what operating systems hand out: an outgoing connection must not take the port of a server that restarts."""
_TRIES = 100


def free_port() -> int:
    """A port that was free a moment ago; whoever binds it must be ready to lose the race."""
    for _ in range(_TRIES):
        port = secrets.choice(_LISTENING)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise CallerError(
        f"{_TRIES} ports between {_LISTENING.start} and {_LISTENING.stop - 1} were tried on {LOOPBACK}; none can be bound.",
        remedy="Find out what holds them (ss -ltn), or use a PostgreSQL and a Redis of your own.",
    )


def require_free_port(host: str, port: int, *, field: str) -> None:
    """Refuse early what a server would only say in its log. Port 0 means any and is always fine.

    Raises:
        CallerError: taken, not ours to bind, or the address is not of this machine; `field` names the setting.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do it: a connection in TIME_WAIT from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = {
                errno.EADDRINUSE: "is taken by another process",
                errno.EACCES: "may not be bound by this user",
                errno.EADDRNOTAVAIL: "is not an address of this machine",
            }.get(error.errno or 0, f"cannot be bound: {error.strerror}")
            raise CallerError(
                f"{host}:{port} {why}.", field=field, remedy=f"Set {field} to another port, or to 0 for any free one."
            ) from error
