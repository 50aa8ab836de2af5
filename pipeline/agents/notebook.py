"""One conversation's pen: every record is durable first and taken in second, uninterrupted by cancellation."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pipeline.agents.conversation import Conversation, replay
from pipeline.agents.journal import Answered, Asked, Note, Noted, Record, entry_of, load_records, usage_json
from pipeline.concurrency.uninterrupted import uninterrupted
from pipeline.errors import InvariantBroken, NotFound
from pipeline.ports import Journal, JournalKey, ModelAnswer, Reservation, Usage
from pipeline.ports.messages import as_json


@dataclass(slots=True)
class Notebook:
    """Writes records, applies them, and remembers calls for the gateway (`CallRecord`)."""

    journal: Journal
    name: JournalKey
    conversation: Conversation
    texts: dict[str, bytes] = field(default_factory=dict)
    input_tokens: int = 0
    max_tokens: int = 0
    request: str = ""
    instead_of: str = ""
    """Why an earlier record of this conversation was left behind; empty when there is none."""

    async def write(self, record: Record) -> None:
        """Append a record and take it in."""
        await uninterrupted(self._write(record))

    async def keep(self, content: str) -> str:
        """Store a text by its content and return its name."""
        body = content.encode(errors="replace")
        name = hashlib.sha256(body).hexdigest()
        if name not in self.texts:
            name = await self.journal.put_blob(body)
            self.texts[name] = body
        return name

    async def _write(self, record: Record) -> None:
        await self.journal.append(self.name, entry_of(self.conversation.seq, record))
        self.conversation.apply(record, self.texts)

    # the gateway's view

    def key(self) -> str:
        """See `CallRecord.key`."""
        name = self.name
        return f"{name.cr_id}/{name.attempt}/{name.activation}/{name.role}/{name.instance}/{self.conversation.seq}"

    async def asked(self, reservation: Reservation) -> None:
        """See `CallRecord.asked`."""
        await self.write(
            Asked(
                turn=self.conversation.turn + 1,
                reservation_id=reservation.reservation_id,
                worst_case_usd=reservation.worst_case_usd,
                input_tokens=self.input_tokens,
                max_tokens=self.max_tokens,
                request=self.request,
            )
        )

    async def answered(self, answer: ModelAnswer, *, cost_usd: Decimal, latency_s: float) -> None:
        """See `CallRecord.answered`."""
        await self.write(
            Answered(
                turn=self.conversation.turn + 1,
                model=answer.model,
                content=as_json(answer.content),
                stop_reason=answer.stop_reason,
                usage=usage_json(answer.usage),
                cost_usd=cost_usd,
                latency_s=round(latency_s, 3),
                request_id=answer.request_id,
            )
        )

    async def failed(self, problem: str, *, usage: Usage, cost_usd: Decimal, cut: bool) -> None:
        """See `CallRecord.failed`."""
        await self.write(
            Noted(
                note=Note.CANCEL if cut else Note.CALL_FAILED,
                turn=self.conversation.turn + 1,
                text=problem,
                usage=usage_json(usage),
                cost_usd=cost_usd,
            )
        )


async def open_notebook(
    journal: Journal, name: JournalKey, misfit: Callable[[Conversation], Awaitable[str | None]]
) -> Notebook:
    """Load what was written so far, if anything.

    What this version of the code cannot read or take up (`misfit` says why) stays where it is, and the conversation
    begins anew under the next instance name; `Notebook.instead_of` says of what.
    """
    why, number = "", 1
    while True:
        candidate = name if number == 1 else replace(name, instance=f"{name.instance}~{number}")
        try:
            records, texts = await load_records(journal, candidate)
            found = Notebook(journal=journal, name=candidate, conversation=replay(records, texts), texts=texts)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, InvariantBroken, NotFound) as error:
            why = f"its record cannot be read ({type(error).__name__})"
        else:
            problem = await misfit(found.conversation)
            if problem is None:
                found.instead_of = why
                return found
            why = problem
        number += 1


def reservation_of(call: Asked) -> Reservation:
    """Return the reservation that a recorded call holds."""
    return Reservation(reservation_id=call.reservation_id, worst_case_usd=call.worst_case_usd)


def estimated_whole(call: Asked) -> Usage:
    """Return the usage of a call whose end nobody saw: all that was reserved."""
    return Usage(
        input_tokens=call.input_tokens,
        cache_write_tokens=0,
        cache_read_tokens=0,
        output_tokens=call.max_tokens,
        estimated=True,
    )
