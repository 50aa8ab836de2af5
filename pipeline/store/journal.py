"""The journal of agent loops in PostgreSQL: append-only, byte for byte.

Bodies are stored as text, not jsonb, because a resumed conversation must repeat the very bytes that were sent.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from pipeline.errors import InvariantBroken
from pipeline.ports import EntryKind, JournalEntry, JournalKey
from pipeline.store.engine import Database
from pipeline.store.tables import blobs, journal


class PostgresJournal:
    """Implements `pipeline.ports.Journal`; each append is one statement that commits by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        """Return all entries in order."""
        query = select(journal.c.seq, journal.c.kind, journal.c.body).where(*_matches(key)).order_by(journal.c.seq)
        async with self._database.statements() as connection:
            rows = (await connection.execute(query)).all()
        return [JournalEntry(seq=row.seq, kind=EntryKind(row.kind), body=json.loads(row.body)) for row in rows]

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """Store one entry; the same seq with the same body is a no-op, with another body a bug."""
        body = json.dumps(entry.body, ensure_ascii=False, separators=(",", ":"))
        row = {"cr_id": key.cr_id, "attempt": key.attempt, "activation": key.activation, "role": key.role}
        statement = upsert(journal).values(
            **row, instance=key.instance, seq=entry.seq, kind=entry.kind.value, body=body
        )
        async with self._database.statements() as connection:
            stored = await connection.execute(statement.on_conflict_do_nothing().returning(journal.c.seq))
            if stored.scalar_one_or_none() is not None:
                return
            query = select(journal.c.body).where(*_matches(key), journal.c.seq == entry.seq)
            if (await connection.execute(query)).scalar_one() != body:
                raise InvariantBroken(
                    "A journal entry was written twice with different bodies.", role=key.role, seq=entry.seq
                )

    async def put_blob(self, content: bytes) -> str:
        """Store bytes once by content and return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        async with self._database.statements() as connection:
            await connection.execute(upsert(blobs).values(sha256=digest, content=content).on_conflict_do_nothing())
        return digest

    async def get_blob(self, sha256: str) -> bytes:
        """Return stored bytes; a missing blob is a bug."""
        async with self._database.statements() as connection:
            found = (
                await connection.execute(select(blobs.c.content).where(blobs.c.sha256 == sha256))
            ).scalar_one_or_none()
        if found is None:
            raise InvariantBroken("A blob that an entry refers to is missing.", sha256=sha256)
        return bytes(found)


class Glance(BaseModel):
    """What the store itself looks at in an entry of any kind and version; what an entry does not say is None."""

    model_config = ConfigDict(frozen=True)

    turn: int | None = None
    commit: str | None = None
    """The whole snapshot that the entry names."""
    tree: str | None = None
    """What a cut turn left."""
    prompt_hash: str = ""


def glance_at(stored: str) -> Glance:
    """Return what an entry's body says of these; one that is no JSON object any more says nothing."""
    return Glance.model_validate(body_of(stored))


def body_of(stored: str) -> Mapping[str, Any]:
    """Return an entry's body for showing; one that is no JSON object any more is shown as unreadable, not refused."""
    try:
        body = json.loads(stored)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"unreadable": True}


def _matches(key: JournalKey) -> list[Any]:
    return [
        journal.c.cr_id == key.cr_id,
        journal.c.attempt == key.attempt,
        journal.c.activation == key.activation,
        journal.c.role == key.role,
        journal.c.instance == key.instance,
    ]
