"""The file of a backup: a tar whose every member is named by a checksum at its end.

Choice: an uncompressed tar (a custom-format dump is compressed already) that is written and read as a stream: the head
with the formats first, the SHA-256 of all other members last. Invariant: reading never writes outside its target and
never accepts a file that is cut short, changed or of another format.
"""

import hashlib
import io
import json
import os
import tarfile
import time
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import BaseModel, JsonValue

from cli.local.data_directory import DATA_FORMAT, storage_refusal
from pipeline.errors import CallerError

BACKUP_FORMAT = 1
DUMP = "database.dump"
TREES = ("artifacts", "keys")
"""Directories that are kept as they are."""
_HEAD = "changeline-backup.json"
_SUMS = "sha256.json"
_CHUNK_BYTES = 1024**2
_SUMS_BYTES_MAX = 256 * 1024**2


class _Head(BaseModel):
    backup_format: JsonValue = None
    data_format: JsonValue = None
    made_at: JsonValue = None


def pack(file: Path, dump: Path, root: Path) -> int:
    """Write `dump` and the kept trees below `root` to a new file with mode 0600; returns the number of members."""
    sums: dict[str, str] = {}
    head = _Head(backup_format=BACKUP_FORMAT, data_format=DATA_FORMAT, made_at=int(time.time()))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        sums[_HEAD] = _add(tar, _HEAD, io.BytesIO(head.model_dump_json().encode()))
        for name, path in ((DUMP, dump), *_files_of(root)):
            with path.open("rb") as content:
                sums[name] = _add(tar, name, content, mode=path.stat().st_mode & 0o700)
        _add(tar, _SUMS, io.BytesIO(json.dumps(sums).encode()))
        tar.close()
        raw.flush()
        os.fsync(raw.fileno())
    return len(sums)


def unpack(file: Path, target: Path) -> None:
    """Write every member below `target`, an empty directory, and check it.

    Raises:
        CallerError: the file is missing, damaged, cut short, foreign or of another format. `target` is then worthless.
    """
    try:
        with tarfile.open(file, mode="r:") as tar:
            _unpack_members(file, tar, target)
    except FileNotFoundError as error:
        raise CallerError(f"There is no file {file}.", field="FILE") from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(file, "it is not a complete backup") from error
    except OSError as error:
        raise storage_refusal(error, target) from error


def _files_of(root: Path) -> list[tuple[str, Path]]:
    paths = sorted(path for tree in TREES for path in (root / tree).rglob("*"))
    return [(path.relative_to(root).as_posix(), path) for path in paths if path.is_file() and not path.is_symlink()]


class _Hashing:
    """Reads through to a file and remembers the digest of what was read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        self.digest.update(data)
        return data


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], *, mode: int = 0o600) -> str:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, os.SEEK_END)
    member.mode = mode
    content.seek(0)
    hashing = _Hashing(content)
    tar.addfile(member, hashing)
    return hashing.digest.hexdigest()


def _unpack_members(file: Path, tar: tarfile.TarFile, target: Path) -> None:
    found: dict[str, str] = {}
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is None or not _harmless(member.name):
            raise _damaged(file, f"it holds the unexpected entry {member.name!r}")
        if not found:
            _check_head(file, member.name, content)
        if member.name == _SUMS:
            if json.loads(content.read(_SUMS_BYTES_MAX)) != found:
                raise _damaged(file, "its checksums do not match its content")
            return
        found[member.name] = _write(content, target / member.name, member.mode & 0o700)
    raise _damaged(file, "its end is missing")


def _check_head(file: Path, name: str, content: IO[bytes]) -> None:
    if name != _HEAD:
        raise _damaged(file, "it was not made by `changeline backup`")
    head = _Head.model_validate_json(content.read(_CHUNK_BYTES))
    content.seek(0)
    versions = head.backup_format, head.data_format
    if versions != (BACKUP_FORMAT, DATA_FORMAT):
        raise CallerError(
            f"{file} has backup format {versions[0]} and data format {versions[1]};"
            f" this Changeline reads {BACKUP_FORMAT} and {DATA_FORMAT}.",
            field="FILE",
            remedy="Restore it with the Changeline that wrote it.",
        )


def _write(content: IO[bytes], path: Path, mode: int) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as out:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    path.chmod(mode | 0o400)
    return digest.hexdigest()


def _harmless(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return name in {_HEAD, DUMP, _SUMS} or (len(parts) > 1 and parts[0] in TREES and ".." not in parts)


def _damaged(file: Path, why: str) -> CallerError:
    return CallerError(f"{file} cannot be restored: {why}.", field="FILE", remedy="Use another backup.")
