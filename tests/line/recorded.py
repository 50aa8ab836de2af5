"""Recordings of change requests that went through the line, and forged copies of them."""

import gzip
import json
from collections.abc import Callable
from typing import Any

from pipeline.replay import file
from pipeline.replay.recording import Recording
from pipeline.replay.report import Report, replay
from pipeline.store.journal_export import export_body
from tests.line.harness import LineRun

Change = Callable[[dict[str, Any]], None]


async def exported(line: LineRun) -> bytes:
    """Return the journal of the line's change request as a file."""
    await line.events()
    async with line.store.transaction() as connection:
        return file.write(await export_body(connection, line.cr_id))


def forged(content: bytes, change: Change) -> Recording:
    """Return what a file says after somebody changed its body and made the checksum right again."""
    body = json.loads(gzip.decompress(content.partition(b"\n")[2]))
    change(body)
    return file.read(file.write(body))


def entry_where(body: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """Return the first entry with these values."""
    return next(one for one in body["entries"] if all(one[name] == value for name, value in wanted.items()))


def rewritten(entry: dict[str, Any], change: Change) -> None:
    """Change the body of an entry."""
    told = json.loads(entry["body"])
    change(told)
    entry["body"] = json.dumps(told)


async def as_recorded(line: LineRun) -> Report:
    """Replay the line's change request; everything has to come out as recorded."""
    report = await replay(file.read(await exported(line)))
    assert report.ok, report.divergence
    return report
