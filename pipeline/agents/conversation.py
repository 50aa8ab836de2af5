"""The state of an agent loop as a fold over its journal records.

Problem: a live loop and a resumed one drift apart when each keeps its own books. Choice: state changes only in
`Conversation.apply`, which the live loop calls after each append and a resume calls for each stored record. Invariant:
applying the same records gives the same messages, byte for byte, whoever does it and whenever.
"""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from pipeline.agents.inspection import Inspection
from pipeline.agents.journal import Answered, Asked, Note, Noted, Observed, Opened, Record
from pipeline.errors import InvariantBroken
from pipeline.ports import Json, Message, ModelRequest, StopReason, TextBlock, Tool
from pipeline.ports.messages import CacheControl

CACHE: CacheControl = {"type": "ephemeral"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """The part of every request that never changes within a conversation."""

    opened: Opened
    system: str
    tools: tuple[Tool, ...]
    context: str


@dataclass(slots=True)
class Conversation:
    """Everything the loop knows. `answer` is set while an answer waits for its tools or for a reaction."""

    fixed: Fixed | None = None
    messages: list[Json] = field(default_factory=list)
    seq: int = 0
    turn: int = 0
    """Answers so far; the turn that is going on counts from 1."""
    open_call: Asked | None = None
    last_call: Asked | None = None
    answer: Answered | None = None
    commit: str | None = None
    submission: Json | None = None
    cost_usd: Decimal = Decimal(0)
    context_tokens: int = 0
    """Size of the whole prompt at the newest answer, as the provider counted it, its output included."""
    overflowed: bool = False
    warned: bool = False
    delivered: set[str] = field(default_factory=set)
    inspection: Inspection = field(default_factory=Inspection)
    """What was looked at, of which a compaction forgets nothing."""
    turns_since: int = 0
    """Turns since the conversation opened or was last given up and taken up again; likewise the next three."""
    rejected_since: int = 0
    nudges_since: int = 0
    worked_s: float = 0.0
    rejected_turn: int = 0
    """The newest turn with a rejected submission: tools that run again after a crash reject it again, once."""
    rejection: str = ""
    """Why the newest rejected submission was refused, as the model was told."""

    def apply(self, record: Record, texts: Mapping[str, bytes]) -> None:
        """Take in the next record."""
        self.seq += 1
        match record:
            case Opened():
                self._open(record, texts)
            case Asked():
                self.open_call = self.last_call = record
            case Answered():
                self._take_answer(record)
            case Observed():
                self._take_results(record)
            case Noted():
                self._take_note(record, texts)

    @property
    def terms(self) -> Fixed:
        """The fixed part, once the conversation is open."""
        if self.fixed is None:
            raise InvariantBroken("The conversation was never opened.")
        return self.fixed

    def _open(self, record: Opened, texts: Mapping[str, bytes]) -> None:
        first = self.fixed is None
        self.fixed = Fixed(
            opened=record,
            system=texts[record.system].decode(),
            tools=tuple(json.loads(texts[record.tools])),
            context=texts[record.context].decode() if record.context is not None else "",
        )
        if first:
            self.commit = record.commit
            self._say(texts[record.opening].decode())

    def _take_answer(self, record: Answered) -> None:
        self.open_call = None
        self.answer = None if record.stop_reason == StopReason.PAUSE_TURN else record
        self.turn = record.turn
        self.turns_since += 1
        self.cost_usd += record.cost_usd
        self.worked_s += record.latency_s
        usage = record.tokens
        self.context_tokens = (
            usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens + usage.output_tokens
        )
        self.overflowed = record.stop_reason == StopReason.CONTEXT_FULL
        if record.stop_reason != StopReason.REFUSAL and (content := sendable(record.content)):
            self.messages.append({"role": "assistant", "content": content})

    def _take_results(self, record: Observed) -> None:
        if self.answer is not None:
            self.inspection = self.inspection.after(self.answer.tool_uses, record.results)
        self.answer = None
        self.commit = record.commit or self.commit
        self.submission = record.submission
        self.worked_s += record.duration_s
        self.messages.append({"role": "user", "content": copy.deepcopy(record.results)})

    def _take_note(self, record: Noted, texts: Mapping[str, bytes]) -> None:
        if record.to_model:
            self._say(record.text)
        match record.note:
            case Note.INSTRUCTION:
                self.delivered.add(record.intervention_id or "")
            case Note.BUDGET_WARNING:
                self.warned = True
            case Note.VALIDATION_ERROR:
                self.rejected_since += record.turn != self.rejected_turn
                self.rejected_turn = record.turn
                self.rejection = record.text
            case Note.NUDGE:
                self.answer = None
                self.nudges_since += 1
            case Note.COMPACTION:
                self.messages = json.loads(texts[record.messages or ""])
                self.context_tokens = record.context_tokens
                self.overflowed = False
            case Note.CALL_FAILED | Note.CANCEL:
                self.open_call = None
                self.cost_usd += record.cost_usd
            case Note.GAVE_UP:
                self._start_counting_again()

    def _start_counting_again(self) -> None:
        if self.answer is not None and self.answer.stop_reason == StopReason.REFUSAL:
            self.answer = None
        self.turns_since = self.rejected_since = self.nudges_since = 0
        self.worked_s = 0.0

    def _say(self, text: str) -> None:
        block = {"type": "text", "text": text}
        if self.messages and self.messages[-1]["role"] == "user":
            self.messages[-1]["content"].append(block)
        else:
            self.messages.append({"role": "user", "content": [block]})


def replay(records: Sequence[Record], texts: Mapping[str, bytes]) -> Conversation:
    """Return the conversation that `records` describe."""
    conversation = Conversation()
    for record in records:
        conversation.apply(record, texts)
    return conversation


def sendable(content: Sequence[Json]) -> list[Json]:
    """Return an answer's blocks as they may be sent back; empty when nothing was said.

    The API refuses blank text blocks and messages that consist of thinking alone; everything else stays untouched,
    because thinking blocks are signed over what stands before them.
    """
    kept = [block for block in content if block.get("type") != "text" or block.get("text", "").strip()]
    said = any(block.get("type") not in {"thinking", "redacted_thinking"} for block in kept)
    return copy.deepcopy(kept) if said else []


def digest(request: ModelRequest) -> str:
    """Return the SHA-256 of what a model is sent, in the order in which it is sent."""
    sent = [request.model, request.system, request.tools, request.messages, request.max_tokens]
    return hashlib.sha256(json.dumps(sent, ensure_ascii=False).encode(errors="replace")).hexdigest()


def laid_out(fixed: Fixed, messages: Sequence[Json]) -> tuple[tuple[TextBlock, ...], tuple[Message, ...]]:
    """Return (system, messages) with cache breakpoints: one after the stable prefix, one on the newest user message.

    Tools come before the system blocks in the provider's prefix, so the breakpoint on the last system block covers them.
    Nothing but the place of the second breakpoint changes from turn to turn.
    """
    system: list[TextBlock] = [{"type": "text", "text": fixed.system}]
    if fixed.context:
        system.append({"type": "text", "text": fixed.context})
    system[-1]["cache_control"] = CACHE
    newest = max(index for index, message in enumerate(messages) if message["role"] == "user")
    marked = list(messages)
    blocks = [*messages[newest]["content"][:-1], {**messages[newest]["content"][-1], "cache_control": CACHE}]
    marked[newest] = {**messages[newest], "content": blocks}
    return tuple(system), tuple(cast("list[Message]", marked))
