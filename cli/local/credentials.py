"""Passwords of the embedded servers: random, made once, readable by their owner only.

Invariant: no server of ours ever runs without a password, and none of them is a default.
"""

import json
import secrets
import shlex
from dataclasses import asdict, dataclass, field, fields

from cli.local.data_directory import DataDirectory
from pipeline.errors import CallerError
from pipeline.machine.private_files import write_private

_BYTES = 24


def _password() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One password per role; never in a repr."""

    superuser: str = field(default_factory=_password, repr=False)
    owner: str = field(default_factory=_password, repr=False)
    application: str = field(default_factory=_password, repr=False)
    external_application: str = field(default_factory=_password, repr=False)
    """Of the role that is made on a PostgreSQL server which somebody else runs."""
    redis: str = field(default_factory=_password, repr=False)


def credentials_of(directory: DataDirectory) -> Credentials:
    """The stored passwords; made on first use.

    Raises:
        CallerError: the file is damaged, or other users could have read it.
    """
    path = directory.credentials_file
    if not path.exists():
        made = Credentials()
        write_private(path, json.dumps(asdict(made)))
        return made
    if path.stat().st_mode & 0o077:
        raise CallerError(
            f"Other users can read {path}.",
            remedy=f"Run `chmod 600 {shlex.quote(str(path))}`; if somebody may have read it, back up and restore into a new directory.",
        )
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Credentials(**{item.name: str(stored[item.name]) for item in fields(Credentials)})
    except (ValueError, KeyError, TypeError) as error:
        raise CallerError(f"{path} is damaged.", remedy="Restore the data directory from a backup.") from error
