"""The memory of agent loops, and what people say into it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pipeline.ports.messages import Json


class EntryKind(StrEnum):
    """Steps of an agent loop, each durable before the next begins."""

    OPENED = "opened"
    ASKED = "asked"
    ANSWERED = "answered"
    OBSERVED = "observed"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalKey:
    """One conversation: one agent role instance within one execution of a stage."""

    cr_id: str
    attempt: int
    activation: str
    role: str
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One append-only row. `body` is JSON-plain; `seq` counts from 0 within the key."""

    seq: int
    kind: EntryKind
    body: Json


class Journal(Protocol):
    """Append-only memory of conversations. An entry is durable when `append` returns."""

    async def load(self, key: JournalKey) -> list[JournalEntry]:
        """Return all entries in order."""

    async def append(self, key: JournalKey, entry: JournalEntry) -> None:
        """Store one entry. Storing the same seq again with another body raises `InvariantBroken`."""

    async def put_blob(self, content: bytes) -> str:
        """Store bytes once by content and return their SHA-256; entries refer to large texts by it."""

    async def get_blob(self, sha256: str) -> bytes:
        """Return stored bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What a person told a running agent; delivered once to each conversation it concerns."""

    intervention_id: str
    text: str
    actor: str


class Instructions(Protocol):
    """The receipted queue of what people say."""

    async def take(self, *, repository: str | None, role: str, turn: int) -> Sequence[Instruction]:
        """Return instructions not yet delivered here, marking them delivered with the turn that sees them.

        Asking again for the same turn returns the same ones again, so that a crash between taking an instruction and
        noting it in the journal loses nothing; the journal drops the repetition.
        """

    async def spoken(self, *, repository: str | None, known: Collection[str]) -> None:
        """Return once there is an instruction for here that is not among `known` ids; it is then for `take` to take it."""
