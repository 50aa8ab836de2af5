"""The recorded entries of one conversation, as the world in which the present loop runs again.

Problem: a loop that is replayed must meet what it met then, and nothing else. Choice: its pen, its model, its tools, its
tree and its people are answered from the next recorded entries; each record that the loop wants to write is compared with
the one that was written. Invariant: what the world did (answers, tool results, cuts, what people said, times, money,
commits) is taken as recorded; what the code decided from it is compared.
"""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pipeline.agents.journal import Answered, Asked, Note, Noted, Observed, Opened, Record
from pipeline.agents.notebook import Notebook
from pipeline.agents.submissions.fields import Submission
from pipeline.agents.tool_use import ToolResult, results_by_call
from pipeline.agents.tools import BASH, ToolBox, ToolOutcome
from pipeline.change_request import PauseReason
from pipeline.errors import ModelError
from pipeline.limits import Limits
from pipeline.llm.chains import ModelSettings
from pipeline.llm.gateway import ModelCall
from pipeline.ports import (
    CommandResult,
    DeltaListener,
    Instruction,
    Isolation,
    Json,
    ModelAnswer,
    Reservation,
    SandboxCommand,
)
from pipeline.ports.messages import as_answer
from pipeline.replay.recording import Said

_AS_RECORDED: dict[type[Record], frozenset[str]] = {
    Asked: frozenset({"reservation_id", "worst_case_usd"}),
    Observed: frozenset({"duration_s", "commit"}),
    Noted: frozenset({"usage", "cost_usd"}),
}
"""Fields that the world gave; everything else of a record is the code's own decision."""
_EXECUTED = '<output of="'
_JUDGED = ("Not accepted:", "The submission is invalid")


class Differs(Exception):
    """The present code decides otherwise."""

    def __init__(self, expected: Any, got: Any, what: str = "") -> None:
        super().__init__(what)
        self.expected = expected
        self.got = got
        self.what = what


class Interrupted(Exception):
    """Here the recorded conversation was cut or taken over; it goes on after what was recorded then."""


class Ended(Exception):
    """The recording ends here."""


class WouldRun(Exception):
    """The present code lets this tool call run."""


@dataclass(slots=True)
class ReplayNotebook(Notebook):
    """Compares instead of writing, and takes in what was recorded."""

    records: Sequence[Record] = ()
    unchecked_requests: int = 0
    checked_requests: int = 0

    def ahead(self, offset: int = 0) -> Record | None:
        """Return the next recorded entry, or a later one; None past the end."""
        place = self.conversation.seq + offset
        return self.records[place] if place < len(self.records) else None

    def observation(self) -> Observed | None:
        """Return the observation of the turn that is going on."""
        turn = self.conversation.turn
        later = self.records[self.conversation.seq :]
        return next((one for one in later if isinstance(one, Observed) and one.turn == turn), None)

    async def write(self, record: Record) -> None:
        """Compare with what was written then."""
        expected = self.ahead()
        if expected is None:
            raise Ended
        if not self._same(record, expected):
            if self.world_made(expected):
                raise Interrupted
            raise Differs(_plain(expected), _plain(record))
        self.take_as_recorded()

    async def keep(self, content: str) -> str:
        """Name a text by its content."""
        body = content.encode(errors="replace")
        name = hashlib.sha256(body).hexdigest()
        self.texts[name] = body
        return name

    def take_as_recorded(self) -> None:
        """Take in the next entry unseen."""
        expected = self.ahead()
        if expected is None:
            raise Ended
        self.conversation.apply(expected, self.texts)

    def world_made(self, record: Record) -> bool:
        """Whether an entry tells of something that the code did not decide."""
        match record:
            case Opened():
                return True
            case Noted(note=Note.CALL_FAILED | Note.CANCEL | Note.BEGUN_ANEW):
                return True
            case Noted(note=Note.GAVE_UP):
                return record.reason is PauseReason.AGENT_TIMEOUT
            case Noted(note=Note.VALIDATION_ERROR):
                before = self.records[self.conversation.seq - 1]
                return isinstance(before, Noted) and before == record
            case _:
                return False

    def _same(self, got: Record, expected: Record) -> bool:
        if type(got) is not type(expected):
            return False
        left, right = _decided(got), _decided(expected)
        if isinstance(expected, Asked):
            if expected.request:
                self.checked_requests += 1
            else:
                self.unchecked_requests += 1
                left.pop("request")
                right.pop("request")
        return left == right


def _decided(record: Record) -> Json:
    without = _AS_RECORDED.get(type(record), frozenset())
    return {name: value for name, value in record.model_dump(mode="json").items() if name not in without}


def _plain(record: Record) -> Json:
    return {"entry": type(record).__name__.lower(), **_decided(record)}


@dataclass(slots=True)
class RecordedModel:
    """Answers what was answered; stands for the gateway."""

    notebook: ReplayNotebook
    limits: Limits
    settings: ModelSettings = field(default_factory=ModelSettings)

    async def ask(self, call: ModelCall, record: ReplayNotebook, on_text: DeltaListener | None = None) -> ModelAnswer:
        """Return the recorded answer to this very request; a call that failed then fails again."""
        del call, on_text
        while True:
            asked = record.ahead()
            known = asked if isinstance(asked, Asked) else None
            await record.asked(
                Reservation(
                    reservation_id=known.reservation_id if known else "",
                    worst_case_usd=known.worst_case_usd if known else Decimal(0),
                )
            )
            answer = record.ahead()
            if isinstance(answer, Answered):
                record.take_as_recorded()
                return ModelAnswer(
                    model=answer.model, content=as_answer(answer.content), stop_reason=answer.stop_reason,
                    usage=answer.tokens, request_id=answer.request_id,
                )  # fmt: skip
            if answer is None:
                raise Ended
            if not record.world_made(answer):
                raise Differs("an answer", _plain(answer), "A question was followed by no answer.")
            if not (isinstance(answer, Noted) and isinstance(record.ahead(1), Asked)):
                raise Interrupted
            record.take_as_recorded()

    async def spent_usd(self) -> Decimal:
        """Return so much that the budget warning comes where it came."""
        following = self.notebook.ahead()
        warns = isinstance(following, Noted) and following.note is Note.BUDGET_WARNING
        return self.limits.budget_usd if warns else Decimal(0)


@dataclass(frozen=True, slots=True)
class RecordedPeople:
    """Says what people said, where they said it."""

    notebook: ReplayNotebook
    said: Mapping[str, Said]

    async def take(self, *, repository: str | None, role: str, turn: int) -> Sequence[Instruction]:
        """Return the instructions that were noted next."""
        del repository, role, turn
        found: list[Instruction] = []
        while isinstance(note := self.notebook.ahead(len(found)), Noted) and note.note is Note.INSTRUCTION:
            known = self.said.get(note.intervention_id or "")
            if known is None:
                raise Differs(_plain(note), None, "An instruction that nobody gave was put before the model.")
            found.append(Instruction(intervention_id=known.id, text=known.instructions, actor=known.actor))
        return found

    async def spoken(self, *, repository: str | None, known: Collection[str]) -> None:
        """Never return: what was interrupted is in the record."""
        del repository, known
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class RecordedTools:
    """Lets the present policies judge each call, and answers those that may run with what was observed."""

    notebook: ReplayNotebook
    box: ToolBox

    async def run(self, call_id: str, name: str, given: object) -> ToolOutcome:
        """Return the refusal of the present code, or the recorded observation."""
        recorded = result_of(self.notebook, call_id)
        try:
            return await self.box.run(call_id, name, given)
        except WouldRun:
            text = recorded.content
            if name == BASH and not text.startswith(_EXECUTED):
                raise Differs(text, "the command runs", "A command that was refused is now allowed.") from None
            return ToolOutcome(text=text, is_error=recorded.is_error)


class StoppedClock:
    """Implements `pipeline.ports.Clock`; times are taken as recorded, so that none passes here."""

    def now(self) -> datetime:
        """Return the same moment always."""
        return datetime.fromtimestamp(0, UTC)

    def monotonic(self) -> float:
        """Return the same second always."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Return at once."""


class NoSandbox:
    """Implements `pipeline.ports.Sandbox` by running nothing."""

    async def run(self, command: SandboxCommand) -> CommandResult:
        """Say that the command would run."""
        raise WouldRun(command.argv[0])

    def isolation(self) -> Isolation:
        """Nothing runs."""
        return Isolation(name="replay", detail="nothing runs")


@dataclass(frozen=True, slots=True)
class RecordedTree:
    """Implements `pipeline.agents.task.Workspace` from the commits and complaints of then."""

    notebook: ReplayNotebook
    submit: str

    async def found(self) -> str:
        """No conversation begins here."""
        return await self.snapshot()

    async def snapshot(
        self,
        *,
        declared: Collection[str] = (),  # noqa: ARG002 - there is no tree to look for them in
        edited: Collection[str] = (),  # noqa: ARG002 - as above
    ) -> str:
        """Return the commit that was named, or fail as it failed."""
        observed = self.notebook.observation()
        if observed is None:
            raise Ended
        if observed.commit is None and (complaint := self._complaint(observed)) is not None:
            raise ModelError(complaint)
        return observed.commit or self.notebook.conversation.commit or ""

    async def restore(self, commit: str) -> None:
        """There is no tree."""

    async def holds(self, commit: str) -> bool:
        """Nothing is lost that is not needed."""
        return bool(commit)

    def _complaint(self, observed: Observed) -> str | None:
        """Return why the tree could not be saved for the submission of this turn; a verdict on it is no such reason."""
        answer = self.notebook.conversation.answer
        for call in answer.tool_uses if answer else ():
            if call.name == self.submit:
                result = results_by_call(observed.results).get(call.id, ToolResult(call.id, "", is_error=False))
                text = result.content
                judged = text.startswith((*_JUDGED, f"{self.submit} was not accepted"))
                return text if result.is_error and not judged else None
        return None


def result_of(notebook: ReplayNotebook, call_id: str) -> ToolResult:
    """Return the recorded result of a tool call of this turn."""
    observed = notebook.observation()
    if observed is None:
        raise Ended
    found = results_by_call(observed.results).get(call_id)
    if found is None:
        raise Differs("no such tool call", call_id, "The answer calls a tool for which no result was recorded.")
    return found


def submission_result(notebook: ReplayNotebook, submit: str) -> ToolResult | None:
    """Return the recorded result of this turn's submission, if it has one."""
    answer = notebook.conversation.answer
    calls = [call.id for call in answer.tool_uses if call.name == submit] if answer else []
    return result_of(notebook, calls[0]) if calls else None


def without_facts(notebook: ReplayNotebook, submit: str, model: type[Submission], given: object) -> Submission:
    """Judge a submission of a journal that did not keep its facts: by shape, its refusals as recorded."""
    recorded = submission_result(notebook, submit)
    if recorded is not None and recorded.is_error:
        raise ModelError(recorded.content)
    return model.model_validate(given)
