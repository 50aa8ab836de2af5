"""What an agent loop writes down, as types, and how entries refer to large texts.

Problem: a conversation rebuilt from templates differs from the one the model had. Choice: every step is an append-only
entry whose body is one of the records below; texts that repeat (system prompt, tools, repository context, a compacted
conversation) are stored once by content and named by SHA-256. Invariant: the entries alone are enough to go on, so no
prompt is rendered on a resume, and a new version of the code must still read every record ever written.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter

from pipeline.agents.tool_use import ToolUse, texts_of, tool_uses_of
from pipeline.change_request import PauseReason
from pipeline.errors import InvariantBroken
from pipeline.llm.chains import Route
from pipeline.ports import EntryKind, Journal, JournalEntry, JournalKey, Json, Usage

_USAGE: TypeAdapter[Usage] = TypeAdapter(Usage)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opened(_Record):
    """The fixed part of a conversation. A second one, before any answer, only changes the route (failover)."""

    route: Route
    system: str
    tools: str
    context: str | None
    opening: str
    submit: str
    prompt_hash: str = ""
    root: str | None = None
    """The tree as this conversation knows it; a later epoch works in another directory and translates."""
    commit: str | None = None
    """The tree's snapshot before the first turn."""
    facts: str | None = None
    """What submissions are judged by; None in conversations of older versions."""
    repository: str | None = None
    """Whose tree it works on; None for roles without one, and in conversations of older versions."""


class Asked(_Record):
    """A request is about to leave; its money is reserved."""

    turn: int
    reservation_id: str
    worst_case_usd: Decimal
    input_tokens: int
    max_tokens: int
    request: str = ""
    """SHA-256 of the request, by which a replay compares every byte; empty in entries of older versions."""


class Answered(_Record):
    """A complete answer, durable before any of its tools starts."""

    turn: int
    model: str
    content: list[Json]
    stop_reason: str
    usage: Json
    cost_usd: Decimal
    latency_s: float
    request_id: str | None = None

    @property
    def tool_uses(self) -> list[ToolUse]:
        """The tool calls of this answer, in order."""
        return tool_uses_of(self.content)

    @property
    def text(self) -> str:
        """What the model said aloud."""
        return "\n".join(texts_of(self.content)).strip()

    @property
    def tokens(self) -> Usage:
        """The usage as the ledger counts it."""
        return _USAGE.validate_python(self.usage)


class Observed(_Record):
    """All tool results of one turn and the snapshot that holds what they did to the tree."""

    turn: int
    results: list[Json]
    commit: str | None = None
    submission: Json | None = None
    """The accepted submission, as the model gave it; ends the conversation."""
    duration_s: float = 0.0


class Note(StrEnum):
    """Why something was noted."""

    INSTRUCTION = "instruction"
    BUDGET_WARNING = "budget_warning"
    VALIDATION_ERROR = "validation_error"
    NUDGE = "nudge"
    COMPACTION = "compaction"
    BEGUN_ANEW = "begun_anew"
    """An earlier record of this conversation could not be used by this version of the code."""
    CALL_FAILED = "call_failed"
    CANCEL = "cancel"
    GAVE_UP = "gave_up"


class Noted(_Record):
    """Anything else that shaped the conversation or its cost."""

    note: Note
    turn: int
    text: str = ""
    to_model: bool = False
    """Whether `text` was put before the model, at the end of the newest user message."""
    intervention_id: str | None = None
    actor: str | None = None
    messages: str | None = None
    """Compaction: the whole conversation from here on."""
    context_tokens: int = 0
    usage: Json | None = None
    cost_usd: Decimal = Decimal(0)
    reason: PauseReason | None = None
    tree: str | None = None
    """Cancel: a commit of what the cut turn left in the tree, for a person who takes over. No agent goes on from it."""


Record: TypeAlias = Opened | Asked | Answered | Observed | Noted

_KINDS: dict[EntryKind, type[Record]] = {
    EntryKind.OPENED: Opened,
    EntryKind.ASKED: Asked,
    EntryKind.ANSWERED: Answered,
    EntryKind.OBSERVED: Observed,
    EntryKind.NOTED: Noted,
}


def entry_of(seq: int, record: Record) -> JournalEntry:
    """Return the row that stores `record`."""
    kind = next(kind for kind, type_ in _KINDS.items() if isinstance(record, type_))
    body = record.model_dump(mode="json")
    # Versions before this field refuse entries that have it; they see it only where a turn was cut.
    if isinstance(record, Noted) and record.tree is None:
        del body["tree"]
    return JournalEntry(seq=seq, kind=kind, body=body)


def record_of(entry: JournalEntry) -> Record:
    """Return what a row stores."""
    return _KINDS[entry.kind].model_validate(entry.body)


def usage_json(usage: Usage) -> Json:
    """Return a usage as the journal stores it."""
    body: dict[str, Any] = _USAGE.dump_python(usage, mode="json")
    return body


async def load_records(journal: Journal, key: JournalKey) -> tuple[list[Record], dict[str, bytes]]:
    """Return all records of a conversation and the texts they name."""
    entries = await journal.load(key)
    if [entry.seq for entry in entries] != list(range(len(entries))):
        raise InvariantBroken("The journal of a conversation has a gap.", role=key.role, instance=key.instance)
    records = [record_of(entry) for entry in entries]
    names = {name for record in records for name in _names(record)}
    return records, {name: await journal.get_blob(name) for name in sorted(names)}


def _names(record: Record) -> list[str]:
    match record:
        case Opened():
            named = [record.system, record.tools, record.context, record.opening, record.facts]
        case Noted():
            named = [record.messages]
        case _:
            named = []
    return [name for name in named if name is not None]
