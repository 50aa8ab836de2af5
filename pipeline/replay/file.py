"""An exported journal as a file: one line that says what it is, then the compressed body.

Problem: a file that came by mail may be cut, changed, of another version, or a bomb. Choice: a header line with format,
version, the SHA-256 of what follows and its size when unpacked; everything is checked before anything is parsed.
Invariant: a file that is read equals the one that was written, or it is refused with `CallerError`.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.replay.recording import Recording, not_a_journal, recording_of

FORMAT = "changeline-journal"
VERSION = 1
FILE_MAX_BYTES = 64 * 1024 * 1024
BODY_MAX_BYTES = 512 * 1024 * 1024
_HEADER_MAX_BYTES = 4_096


class _Header(BaseModel):
    model_config = ConfigDict(extra="ignore")

    format: str
    version: int
    sha256: str
    size: int


def write(body: Mapping[str, Any]) -> bytes:
    """Return the file of a plain body; the same body gives the same bytes."""
    plain = json.dumps(body, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass")
    packed = gzip.compress(plain, compresslevel=6, mtime=0)
    header = {"format": FORMAT, "version": VERSION, "sha256": hashlib.sha256(packed).hexdigest(), "size": len(plain)}
    return json.dumps(header).encode() + b"\n" + packed


def read(content: bytes) -> Recording:
    """Return what a file holds. Raises `CallerError` for a file that is damaged, too large, of another kind or newer."""
    first, newline, packed = content[:_HEADER_MAX_BYTES].partition(b"\n")
    packed = content[len(first) + 1 :]
    if not newline:
        raise not_a_journal("it has no header")
    try:
        header = _Header.model_validate_json(first)
    except ValidationError as error:
        raise not_a_journal("its header cannot be read") from error
    if header.format != FORMAT:
        raise not_a_journal("it is another kind of file")
    if header.version > VERSION:
        raise not_a_journal(f"its version {header.version} is newer than the {VERSION} that this Changeline reads")
    if hashlib.sha256(packed).hexdigest() != header.sha256:
        raise not_a_journal("it was damaged or changed; its checksum does not match")
    return recording_of(_unpacked(packed, header.size))


def digest(content: bytes) -> str:
    """Return the SHA-256 that names a file."""
    return hashlib.sha256(content).hexdigest()


def _unpacked(packed: bytes, size: int) -> Mapping[str, Any]:
    if size > BODY_MAX_BYTES:
        raise not_a_journal(f"it is larger than {BODY_MAX_BYTES:,} bytes when unpacked")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            plain = stream.read(size + 1)
        if len(plain) != size:
            raise not_a_journal("it does not have the size that it states")
        body = json.loads(plain)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise not_a_journal("it cannot be unpacked") from error
    if not isinstance(body, dict):
        raise not_a_journal("it holds no change request")
    return body
