"""`backup` and `restore`: everything that cannot be rebuilt, in one file.

Problem: a copy of a running database directory is torn, and a half-restored one is worse than none. Choice: a
`pg_dump`, the artifact store and the signing keys in one checked archive; git caches, worktrees and environments are
rebuildable and left out. The dump is taken before the artifacts are read: an artifact is written before any row names
it. A restore builds a whole second data directory inside the first and swaps it in with a few renames at the end.
Invariant: until those renames a restore has changed nothing.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.local import archive, programs
from cli.local.data_directory import DataDirectory, locate, storage_refusal
from cli.local.postgres import SERVER_ENVIRONMENT, says_disk_full
from cli.local.processes import server_account
from cli.local.servers import LocalServers, running_urls
from pipeline.errors import CallerError, InvariantBroken
from pipeline.settings.process import DatabaseSettings, ProcessSettings, RedisSettings
from pipeline.store import bootstrap

_STAGE = "restoring"


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What went into the file."""

    file: Path
    files: int
    size_bytes: int


def backup(
    settings: ProcessSettings, file: Path, *, report: Callable[[str], None], directory: DataDirectory | None = None
) -> BackupReport:
    """Write a backup of the data directory, whether it runs or not. The file is for its owner only (0600).

    Raises:
        CallerError: an external database, an existing file, nothing to back up, or a full disk.
    """
    _refuse_external(settings)
    directory = directory or DataDirectory.at(locate(settings))
    if file.exists():
        raise CallerError(f"{file} exists already.", field="FILE", remedy="Name a new file.")
    if not directory.format_file.exists():
        raise CallerError(f"There is no data directory at {directory.path}.", field="CHANGELINE_DATA_DIR")
    try:
        with (
            _superuser_url(settings, directory, report) as url,
            tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as scratch,
        ):
            report("Dumping the database")
            dump, draft = Path(scratch) / archive.DUMP, Path(scratch) / "draft"
            _run(directory, "pg_dump", url, "--format=custom", f"--file={dump}")
            report("Packing artifacts and keys")
            count = archive.pack(draft, dump, directory.path)
            draft.rename(file)
    except OSError as error:
        raise storage_refusal(error, file, field="FILE") from error
    return BackupReport(file, count, file.stat().st_size)


def restore(
    settings: ProcessSettings,
    file: Path,
    *,
    report: Callable[[str], None],
    force: bool = False,
    directory: DataDirectory | None = None,
    durable: bool = True,
) -> None:
    """Make the data directory what the backup holds. Passwords of the servers are made anew; nothing may run there.

    Raises:
        Conflict: it runs.
        CallerError: the directory holds data and `force` is off, or the file is damaged or of another format.
    """
    _refuse_external(settings)
    directory = directory or DataDirectory.at(locate(settings))
    directory.prepare()
    with directory.locked():
        if not force and (found := _contents_of(directory)):
            raise CallerError(
                f"The data directory {directory.path} is not empty: it has {', '.join(found)}.",
                field="--force",
                remedy="Restore into a new CHANGELINE_DATA_DIR, or add --force to replace what is there.",
            )
        stage = DataDirectory(directory.path / _STAGE, directory.server_part / _STAGE)
        try:
            _clear(stage)
            report("Checking the backup")
            stage.prepare()
            checked = stage.path / "checked"
            checked.mkdir(mode=0o700)
            archive.unpack(file, checked)
            report("Restoring the database")
            with LocalServers(
                _database_only(settings), report=lambda _step: None, durable=durable, directory=stage
            ) as servers:
                url = _require_embedded(servers)
                _run(stage, "pg_restore", url, "--single-transaction", "--exit-on-error", str(checked / archive.DUMP))
            report("Restoring artifacts and keys")
            _swap(stage, checked, directory)
        except OSError as error:
            raise storage_refusal(error, directory.path) from error
        finally:
            _clear(stage)


def _contents_of(directory: DataDirectory) -> list[str]:
    trees = (directory.artifacts, directory.keys, directory.git, directory.worktrees, directory.environments)
    return [
        *(["a database"] if directory.postgres.exists() else []),
        *(tree.name for tree in trees if any(tree.iterdir())),
    ]


def _swap(stage: DataDirectory, checked: Path, directory: DataDirectory) -> None:
    replaced, replaced_server = stage.path / "replaced", stage.server_part / "replaced-server"
    replaced.mkdir()
    replaced_server.mkdir()
    moves = [
        (stage.postgres, directory.postgres, replaced_server),
        (stage.credentials_file, directory.credentials_file, replaced),
        *((checked / tree, directory.path / tree, replaced) for tree in archive.TREES),
        # Caches and worktrees belong to the data that goes; empty ones take their place.
        *(
            (stage.path / tree.name, tree, replaced)
            for tree in (directory.git, directory.worktrees, directory.environments)
        ),
    ]
    for source, target, aside in moves:
        if not source.exists():
            source.mkdir(mode=0o700)
        if target.exists():
            target.rename(aside / target.name)
        source.rename(target)
    for parent in {directory.path, directory.server_part}:
        descriptor = os.open(parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear(stage: DataDirectory) -> None:
    for part in {stage.path, stage.server_part}:
        if part.exists():
            shutil.rmtree(part)


@contextmanager
def _superuser_url(settings: ProcessSettings, directory: DataDirectory, report: Callable[[str], None]) -> Iterator[str]:
    running = running_urls(settings, directory)
    if running is not None and running.superuser is not None:
        yield running.superuser
        return
    with LocalServers(_database_only(settings), report=report, directory=directory) as servers:
        yield _require_embedded(servers)


def _require_embedded(servers: LocalServers) -> str:
    if servers.postgres is None:
        raise InvariantBroken("A backup needs the embedded database, but none was started.")
    return servers.postgres.superuser_url(bootstrap.DATABASE)


def _database_only(settings: ProcessSettings) -> ProcessSettings:
    return settings.model_copy(update={"database": DatabaseSettings(), "redis": RedisSettings(embedded=False)})


def _run(directory: DataDirectory, program: str, url: str, *arguments: str) -> None:
    """The password goes through the environment: the process list is public."""
    login, _, rest = url.partition("://")[2].partition("@")
    user, _, password = login.partition(":")
    installation = programs.runnable_postgres(programs.find_postgres(), directory, server_account())
    done = subprocess.run(
        [str(installation / "bin" / program), f"--dbname=postgresql://{user}@{rest}", "--no-password", *arguments],
        env={**SERVER_ENVIRONMENT, "PGPASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    if says_disk_full(done.stderr):
        raise CallerError(f"{program} failed because the disk is full.", remedy="Free space and try again.")
    said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
    raise CallerError(f"{program} failed: {said}")


def _refuse_external(settings: ProcessSettings) -> None:
    if settings.database.url is not None:
        raise CallerError(
            "The database is an external server, which Changeline does not back up.",
            field="CHANGELINE_DATABASE__URL",
            remedy="Use that server's own backups, and copy `artifacts` and `keys` from the data directory.",
        )
