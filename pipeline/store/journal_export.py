"""One change request's rows as the plain body of an exported journal.

It is read while the change request stands still and cannot be moved, so that all of it fits together. The request's
text, who is who, money and tokens stay behind; a text that holds a provider's key stops the export.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Status
from pipeline.errors import CallerError, Conflict
from pipeline.interventions.intervention import stored_intervention
from pipeline.proof.secret_scan import secrets_in_text
from pipeline.records import ChangeRequest
from pipeline.replay.file import BODY_MAX_BYTES
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.tables import (
    attempts,
    blobs,
    change_requests,
    events,
    findings,
    interventions,
    journal,
    spec_revisions,
    stage_results,
    test_runs,
)

_LINE_EVENTS = ("stage_entered", "stage_completed", "stage_looped", "status_changed")
_BLOB_KEYS = ("system", "tools", "context", "opening", "facts", "messages")
_RESULT = ("attempt", "repository", "stage", "activation", "inputs_hash", "valid", "result")
_RUN = ("attempt", "repository", "stage", "activation", "purpose", "commit", "ok", "report", "verdict")
_SPEC = ("attempt", "repository", "revision", "activation", "feature", "spec", "content_hash", "verified")
_FINDING = ("attempt", "repository", "stage", "activation", "source", "severity", "category", "message")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    attempt: int
    activation: str
    role: str
    instance: str
    seq: int
    kind: str
    body: str
    at: str


_ENTRY = tuple(one.name for one in fields(_Entry) if one.name != "at")


async def export_body(connection: AsyncConnection, cr_id: str) -> dict[str, Any]:
    """Return the body. Raises `NotFound`, and `Conflict` while the change request is queued or running."""
    held = select(change_requests.c.id).where(change_requests.c.id == cr_id).with_for_update(read=True)
    await connection.execute(held)
    cr = await ChangeRequests(connection).get(cr_id)
    if cr.status in {Status.QUEUED, Status.RUNNING}:
        raise Conflict(
            f"{cr_id} is {cr.status.value}; its journal still grows.", field="cr_id", remedy="Export it when it stands still."
        )  # fmt: skip
    read = _Reader(connection, cr_id)
    header = await _header(connection, cr)
    begun = await read.rows(attempts, ("attempt", "mode", "graph_version", "code_version"), attempts.c.attempt)
    order = (journal.c.at, journal.c.activation, journal.c.role, journal.c.seq)
    entries = [_Entry(**one) for one in await read.rows(journal, _ENTRY, *order)]
    texts = await read.blobs(_named(entries))
    products = {
        "stage_results": await read.rows(stage_results, _RESULT, stage_results.c.created_at, stage_results.c.stage),
        "test_runs": await read.rows(test_runs, _RUN, test_runs.c.created_at, test_runs.c.purpose),
        "specs": await read.rows(spec_revisions, _SPEC, spec_revisions.c.created_at, spec_revisions.c.repository),
        "findings": await read.rows(findings, _FINDING, findings.c.created_at, findings.c.id),
        "interventions": await _said(connection, cr_id),
        "events": await _seen(connection, cr_id),
    }
    _refuse_secrets(entries, texts, products)
    written = [asdict(one) for one in entries]
    return {"change_request": header, "attempts": begun, "entries": written, "blobs": texts, **products}


class _Reader:
    def __init__(self, connection: AsyncConnection, cr_id: str) -> None:
        self._connection = connection
        self._cr_id = cr_id
        self._left = BODY_MAX_BYTES

    async def rows(self, table: Table, names: Sequence[str], *order: Any) -> list[dict[str, Any]]:
        timed = [table.c.at] if table is journal else []
        query = select(*(table.c[name] for name in names), *timed).where(table.c.cr_id == self._cr_id).order_by(*order)
        found = []
        async for row in await self._connection.stream(query):
            plain = {name: value if name != "at" else value.isoformat() for name, value in row._mapping.items()}  # noqa: SLF001 - SQLAlchemy's public name of a row's mapping
            self._take(len(json.dumps(plain)))
            found.append(plain)
        return found

    async def blobs(self, names: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in sorted(names):
            content = (
                await self._connection.execute(select(blobs.c.content).where(blobs.c.sha256 == name))
            ).scalar_one()
            found[name] = base64.b64encode(bytes(content)).decode()
            self._take(len(found[name]))
        return found

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise CallerError(
                f"The journal of {self._cr_id} is larger than {BODY_MAX_BYTES:,} bytes.", field="cr_id",
                remedy="Replay it where it is not needed as a file.",
            )  # fmt: skip


async def _header(connection: AsyncConnection, cr: ChangeRequest) -> dict[str, Any]:
    progress = await ChangeRequests(connection).progress(cr.id)
    return {
        "id": cr.id,
        "title": cr.title,
        "kind": cr.kind.value,
        "status": cr.status.value,
        "attempt": cr.attempt,
        "created_at": cr.created_at.isoformat(),
        "finished_at": cr.finished_at.isoformat() if cr.finished_at else None,
        "settings_snapshot": dict(cr.settings_snapshot),
        "repositories": sorted(one.target.name for one in progress),
    }


def _named(entries: Sequence[_Entry]) -> set[str]:
    named: set[str] = set()
    for entry in entries:
        if entry.kind in {"opened", "noted"}:
            body = json.loads(entry.body)
            named.update(body[key] for key in _BLOB_KEYS if isinstance(body.get(key), str))
    return named


async def _said(connection: AsyncConnection, cr_id: str) -> list[dict[str, Any]]:
    query = select(interventions).where(interventions.c.cr_id == cr_id)
    rows = await connection.execute(query.order_by(interventions.c.created_at, interventions.c.id))
    said = [stored_intervention(row) for row in rows]
    return [
        {
            "id": one.id, "action": one.action.value, "repository": one.repository, "actor": one.actor,
            "status": one.status.value, "instructions": one.body.instructions,
        }
        for one in said
    ]  # fmt: skip


async def _seen(connection: AsyncConnection, cr_id: str) -> list[dict[str, Any]]:
    query = select(events.c.type, events.c.payload).where(events.c.cr_id == cr_id, events.c.type.in_(_LINE_EVENTS))
    rows = await connection.execute(query.order_by(events.c.seq.nulls_last(), events.c.id))
    return [{"type": row.type, "payload": row.payload} for row in rows]


def _refuse_secrets(entries: Sequence[_Entry], texts: Mapping[str, str], products: Mapping[str, Any]) -> None:
    for entry in entries:
        if secrets_in_text(entry.body.replace("\\n", "\n")):
            raise _secret(f"{entry.role} {entry.instance}, entry {entry.seq}")
    for name, content in texts.items():
        if secrets_in_text(base64.b64decode(content).decode(errors="replace")):
            raise _secret(f"the text {name[:12]}")
    for part, rows in products.items():
        if secrets_in_text(json.dumps(rows, ensure_ascii=False, indent=0).replace("\\n", "\n")):
            raise _secret(part.replace("_", " "))


def _secret(where: str) -> CallerError:
    return CallerError(
        f"This journal holds what looks like a secret ({where}), so it does not leave as a file.", field="cr_id",
        remedy="Revoke the secret. Such a journal stays where it is and cannot be replayed.",
    )  # fmt: skip
