"""What was recorded of one change request, as plain data: the body of an exported journal.

Problem: a replay that reads tables only works where the change request ran. Choice: one JSON-plain body, made from rows
by `store.journal_export` and read from a file by `file`, which this module gives types. Invariant: journal bodies and
texts are kept byte for byte; a body that is not well-formed is refused as a whole.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.agents.journal import Record, record_of
from pipeline.errors import CallerError, misfits
from pipeline.ports import EntryKind, JournalEntry, JournalKey
from pipeline.settings.runtime import RuntimeSettings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Header(_Part):
    """The change request itself, without its request text."""

    id: str
    title: str
    kind: str
    status: str
    attempt: int
    created_at: str
    finished_at: str | None
    settings_snapshot: dict[str, Any]
    repositories: list[str]


class Attempt(_Part):
    """One attempt and the code that worked on it."""

    attempt: int
    mode: str
    graph_version: str
    code_version: str


class Entry(_Part):
    """One journal entry; `body` is the stored text."""

    attempt: int
    activation: str
    role: str
    instance: str
    seq: int
    kind: EntryKind
    body: str
    at: str


class Result(_Part):
    """One stored stage result."""

    attempt: int
    repository: str
    stage: str
    activation: str
    inputs_hash: str
    valid: bool
    result: dict[str, Any]


class TestRunRow(_Part):
    """One of the pipeline's own test runs with its verdict."""

    __test__ = False
    attempt: int
    repository: str
    stage: str
    activation: str
    purpose: str
    commit: str
    ok: bool
    report: dict[str, Any]
    verdict: dict[str, Any]


class Spec(_Part):
    """One revision of a behaviour spec."""

    attempt: int
    repository: str
    revision: int
    activation: str
    feature: str
    spec: dict[str, Any]
    content_hash: str
    verified: bool


class FindingRow(_Part):
    """What a reviewer or check reported."""

    attempt: int
    repository: str
    stage: str
    activation: str
    source: str
    severity: str
    category: str
    message: str


class Said(_Part):
    """What a person said."""

    id: str
    action: str
    repository: str | None
    actor: str
    status: str
    instructions: str


class Seen(_Part):
    """An event of the line itself: stages, loops, statuses."""

    type: str
    payload: dict[str, Any]


class Body(_Part):
    """Everything an exported journal holds."""

    change_request: Header
    attempts: list[Attempt]
    entries: list[Entry]
    blobs: dict[str, str]
    """SHA-256 to content, base64."""
    stage_results: list[Result]
    test_runs: list[TestRunRow]
    specs: list[Spec]
    findings: list[FindingRow]
    interventions: list[Said]
    events: list[Seen]


@dataclass(frozen=True)
class Conversation:
    """The records of one conversation, in order."""

    key: JournalKey
    records: tuple[Record, ...]
    """Up to the first that this version cannot read."""
    unreadable: str = ""
    """Why the rest cannot be read."""


@dataclass(frozen=True)
class Recording:
    """One change request as recorded. Made by `recording_of`."""

    body: Body
    texts: Mapping[str, bytes]
    conversations: Sequence[Conversation]

    @cached_property
    def configuration(self) -> RuntimeSettings:
        """The settings that the change request ran on."""
        return RuntimeSettings.model_validate(self.body.change_request.settings_snapshot)

    def stage_of(self, activation: str) -> str | None:
        """Return the stage of an activation, as far as one of its products tells."""
        body = self.body
        placed = [(row.activation, row.stage) for row in body.stage_results]
        placed += [(row.activation, row.stage) for row in body.test_runs]
        placed += [(row.activation, row.stage) for row in body.findings]
        return next((stage for of, stage in placed if of.split("/")[0] == activation), None)


def recording_of(plain: Mapping[str, Any]) -> Recording:
    """Return a recording from its plain body; raises `CallerError` for anything that is not one."""
    try:
        body = Body.model_validate(plain)
        texts = {name: base64.b64decode(content, validate=True) for name, content in body.blobs.items()}
        conversations = _conversations(body)
        recording = Recording(body=body, texts=texts, conversations=conversations)
        RuntimeSettings.model_validate(body.change_request.settings_snapshot)
    except (ValidationError, binascii.Error, ValueError) as error:
        what = misfits(error.errors())[0].msg if isinstance(error, ValidationError) else str(error)
        raise not_a_journal(f"its contents cannot be read ({what})") from error
    for name, content in texts.items():
        if hashlib.sha256(content).hexdigest() != name:
            raise not_a_journal(f"the text {name[:12]} is not what its name says")
    return recording


def not_a_journal(why: str) -> CallerError:
    """Word the refusal of a file."""
    return CallerError(
        f"This is not a journal that can be replayed: {why}.", field="FILE", remedy="Export it again: `changeline journal export`."
    )  # fmt: skip


def _conversations(body: Body) -> list[Conversation]:
    """Group the entries; entries come in the order in which they were written."""
    grouped: dict[JournalKey, list[Entry]] = {}
    for entry in body.entries:
        key = JournalKey(
            cr_id=body.change_request.id, attempt=entry.attempt, activation=entry.activation, role=entry.role,
            instance=entry.instance,
        )  # fmt: skip
        grouped.setdefault(key, []).append(entry)
    return [_conversation(key, entries) for key, entries in grouped.items()]


def _conversation(key: JournalKey, entries: Sequence[Entry]) -> Conversation:
    ordered = sorted(entries, key=lambda entry: entry.seq)
    if [entry.seq for entry in ordered] != list(range(len(ordered))):
        raise ValueError(f"the conversation {ordered[0].role} {ordered[0].instance} has a gap")
    records: list[Record] = []
    for one in ordered:
        try:
            records.append(record_of(JournalEntry(seq=one.seq, kind=one.kind, body=json.loads(one.body))))
        except ValueError as error:
            return Conversation(key=key, records=tuple(records), unreadable=str(error).splitlines()[0])
    return Conversation(key=key, records=tuple(records))
