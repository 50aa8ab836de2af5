"""The one directory that holds everything a local installation knows.

Problem: two supervisors on one directory, a directory of another version, or one that another user may write, each
destroy data quietly. Choice: a format number in a file, an flock for as long as a supervisor lives (the kernel drops it
when the process dies, so a stale lock cannot exist), and checks before the first write. Invariant: whoever holds the
lock is the only one who starts or stops servers here.

As root the servers run under another user number. What they need lies in `server_part`, which is this directory itself
where that user can reach it, and a directory below /var/lib/changeline otherwise (a data directory below a 700 home).
"""

import errno
import fcntl
import hashlib
import os
import shlex
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, JsonValue, ValidationError

from cli.local.processes import ServerAccount, enterable_by, server_account
from pipeline.errors import CallerError, Conflict
from pipeline.machine.private_files import write_private
from pipeline.settings.process import ProcessSettings

DATA_FORMAT = 1
"""Layout of the directory; raised when an older Changeline could not read what a newer one wrote."""
ROOT_LOCATION = Path("/var/lib/changeline")
_LOCK_PATIENCE_S = 0.3
_FREE_BYTES_MIN = 256 * 1024**2
"""A fresh database takes 39 MB and a copy of the programs 35 MB; below this the first day fails, so the start does."""


class _Format(BaseModel):
    format: JsonValue


def locate(settings: ProcessSettings, *, uid: int | None = None) -> Path:
    """The configured directory; else /var/lib/changeline for root and the XDG state directory for everyone else."""
    if settings.data_dir is not None:
        return settings.data_dir.expanduser().absolute()
    if (os.geteuid() if uid is None else uid) == 0:
        return ROOT_LOCATION
    state = settings.ambient_xdg_state_home
    return (state if state and state.is_absolute() else Path.home() / ".local" / "state") / "changeline"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Names of everything below `path`. Making one touches nothing; `prepare` creates and checks."""

    path: Path
    server_part: Path
    """Where the PostgreSQL cluster, the Redis directory and copied programs lie."""

    @classmethod
    def at(cls, path: Path, *, reachable_root: Path = ROOT_LOCATION) -> "DataDirectory":
        """`reachable_root` receives the server part when root's data directory is closed to the servers' user."""
        account = server_account()
        if account is None or _enterable_once_open(path, account):
            return cls(path, path)
        return cls(path, reachable_root / "servers" / hashlib.sha256(os.fsencode(path)).hexdigest()[:12])

    @property
    def artifacts(self) -> Path:
        """The artifact store; part of a backup."""
        return self.path / "artifacts"

    @property
    def keys(self) -> Path:
        """The installation's signing keys; part of a backup."""
        return self.path / "keys"

    @property
    def git(self) -> Path:
        """Repository caches; rebuildable."""
        return self.path / "git"

    @property
    def worktrees(self) -> Path:
        """Worktrees per change request, repository and epoch; rebuildable."""
        return self.path / "worktrees"

    @property
    def environments(self) -> Path:
        """Dependency environments of target repositories; rebuildable."""
        return self.path / "environments"

    @property
    def logs(self) -> Path:
        """One log per process, each capped."""
        return self.path / "logs"

    @property
    def credentials_file(self) -> Path:
        """Passwords of the embedded servers, mode 0600."""
        return self.path / "credentials.json"

    @property
    def runtime_file(self) -> Path:
        """What runs now, mode 0600; absent when nothing does."""
        return self.path / "runtime.json"

    @property
    def token_file(self) -> Path:
        """The usual place of the local user's API token, mode 0600."""
        return self.path / "token"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.server_part / "postgres"

    @property
    def redis(self) -> Path:
        """Redis's working directory; it keeps nothing there."""
        return self.server_part / "redis"

    @property
    def programs(self) -> Path:
        """Copies of server programs that the servers' user could not reach where they are installed."""
        return self.server_part / "programs"

    @property
    def format_file(self) -> Path:
        """The data format, written when the directory is created."""
        return self.path / "format.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the running supervisor, whose pid it names."""
        return self.path / "lock"

    def prepare(self) -> None:
        """Create what is missing and refuse what cannot work. Idempotent.

        Raises:
            CallerError: unwritable, foreign, of another format, or on a full disk; one sentence each.
        """
        try:
            self._create()
        except OSError as error:
            raise storage_refusal(error, self.path) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory alone.

        Raises:
            Conflict: another live process holds it; the message names its pid.
        """
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _flock_within(descriptor, _LOCK_PATIENCE_S):
                owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                raise Conflict(
                    f"Changeline already runs on the data directory {self.path} (pid {owner}).",
                    remedy="Use `changeline status`, stop it with `changeline down`, or choose another"
                    " CHANGELINE_DATA_DIR.",
                )
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """True while a live process holds the directory.

        Raises:
            CallerError: this user may not look.
        """
        try:
            with self.lock_file.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except PermissionError as error:
            raise CallerError(
                f"The data directory {self.path} cannot be read by user id {os.geteuid()}.",
                field="CHANGELINE_DATA_DIR",
                remedy="Ask as its owner, or name your own directory.",
            ) from error
        return False

    def _create(self) -> None:
        existed = self.path.is_dir() and any(self.path.iterdir())
        if existed and not self.format_file.exists():
            raise CallerError(
                f"{self.path} is not empty and is not a Changeline data directory.",
                field="CHANGELINE_DATA_DIR",
                remedy="Choose an empty or a new directory.",
            )
        mode = 0o711 if server_account() else 0o700
        _make_way_to(self.path, mode)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._check_owner(occupied=existed)
        if existed:
            self._check_format()
        elif shutil.disk_usage(self.path).free < _FREE_BYTES_MIN:
            raise OSError(errno.ENOSPC, "too little free space", str(self.path))
        else:
            write_private(self.format_file, _Format(format=DATA_FORMAT).model_dump_json())
        self.path.chmod(mode)
        for part in (self.artifacts, self.keys, self.git, self.worktrees, self.environments, self.logs):
            part.mkdir(mode=0o700, exist_ok=True)
        if self.server_part != self.path:
            _make_way_to(self.server_part, mode)
            self.server_part.mkdir(exist_ok=True)
            self.server_part.chmod(mode)
            write_private(self.server_part / "belongs-to", f"{self.path}\n")

    def _check_owner(self, *, occupied: bool) -> None:
        facts = self.path.stat()
        if facts.st_uid != os.geteuid():
            raise CallerError(
                f"The data directory {self.path} belongs to user id {facts.st_uid}, not to {os.geteuid()}.",
                field="CHANGELINE_DATA_DIR",
                remedy="Start Changeline as its owner, or choose another directory.",
            )
        if occupied and facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise CallerError(
                f"Other users may write to the data directory {self.path}.",
                field="CHANGELINE_DATA_DIR",
                remedy=f"Run `chmod go-w {shlex.quote(str(self.path))}` and make sure that nobody changed it.",
            )

    def _check_format(self) -> None:
        try:
            found = _Format.model_validate_json(self.format_file.read_bytes()).format
        except ValidationError:
            found = "unknown"
        if found != DATA_FORMAT:
            raise CallerError(
                f"The data directory {self.path} has format {found}; this Changeline reads format {DATA_FORMAT}.",
                field="CHANGELINE_DATA_DIR",
                remedy="Start the Changeline that wrote it, make a backup there, and restore that here.",
            )


def storage_refusal(error: OSError, path: Path, *, field: str = "CHANGELINE_DATA_DIR") -> CallerError:
    """One sentence for what the file system said; `field` is what the person chose the place by."""
    place = error.filename or path
    other = f"choose another {field}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            said, remedy = f"The disk that holds {path} is full.", f"Free at least 256 MB there, or {other}."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            said = f"{place} cannot be written by user id {os.geteuid()}."
            remedy = f"Make it writable, or {other}."
        case errno.ENOTDIR | errno.EEXIST:
            said, remedy = f"{place} is not a directory.", f"{other[0].upper()}{other[1:]}."
        case _:
            said, remedy = f"{place} cannot be used: {error.strerror or error}.", f"{other[0].upper()}{other[1:]}."
    return CallerError(said, field=field, remedy=remedy)


def _make_way_to(path: Path, mode: int) -> None:
    """Directories that are missing above `path` must let the servers' user through, whatever the umask says."""
    missing = [part for part in path.parents if not part.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for part in missing:
        part.chmod(mode)


def _flock_within(descriptor: int, seconds: float) -> bool:
    """A look by `is_locked` holds the lock for an instant, so one refusal is not the answer yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOCK_PATIENCE_S / 10)
        else:
            return True


def _enterable_once_open(path: Path, account: ServerAccount) -> bool:
    """Judges the directories above `path`, which `prepare` does not change; those that do not exist yet will be open."""
    nearest = path.parent
    while not nearest.exists():
        nearest = nearest.parent
    return enterable_by(nearest, account)
