"""Journals as files on the command line: reading one with its size bounded, and finding the one that a person named."""

from pathlib import Path
from urllib.parse import quote

from cli.change_requests import identify, path_of
from cli.client import Client, NotThere
from pipeline.errors import CallerError
from pipeline.replay.file import FILE_MAX_BYTES

JOURNALS = "/api/v1/journals"
SUFFIX = ".journal"


def is_file(named: str) -> bool:
    """Whether a person named a file rather than an id: it exists, or it can only be a path."""
    return Path(named).is_file() or "/" in named or named.endswith(SUFFIX)


def read_file(file: Path) -> bytes:
    """Return a file's bytes; raises `CallerError` when it cannot be read or is too large."""
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise CallerError(
            f"{file} cannot be read: {error.strerror}.", field="FILE", remedy="Name a file that `journal export` made."
        ) from error
    if len(content) > FILE_MAX_BYTES:
        raise CallerError(f"{file} is larger than {FILE_MAX_BYTES:,} bytes.", field="FILE", remedy="Export it again.")
    return content


def fetch(client: Client, named: str) -> bytes:
    """Return the journal of a change request here, or else the imported one of that id."""
    try:
        return client.content(f"{path_of(identify(client, named))}/journal")
    except NotThere as refused:
        try:
            return client.content(f"{JOURNALS}/{quote(named, safe='')}/file")
        except NotThere as unknown:
            raise refused from unknown
