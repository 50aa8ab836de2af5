"""What every `AgentBackend` must do; a test module binds it by the fixtures `backend`, `stage` and `act`.

`act` makes whoever thinks behind the backend do a deed at its next conversation, in whatever way that backend has.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.agents.backend import AgentBackend
from pipeline.agents.journal import Note, Noted, record_of
from pipeline.agents.task import AgentPorts, AgentTask, SubmitTool
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import PauseReason, Stage
from pipeline.errors import ModelError, PersonNeeded
from pipeline.ports import JournalKey, ModelClass
from pipeline.testing import MemoryJournal, MemoryLedger, MemoryWorkspace, QueuedInstructions


class Work(BaseModel):
    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=5)


class Deed(StrEnum):
    """What the one who thinks does; each ends with a submission of `SUMMARY` if it may."""

    WRITES = "writes"
    """Writes `app.py` and submits."""
    ERRS = "errs"
    """Submits something that does not fit, then what does."""
    DAWDLES = "dawdles"
    """Begins a command, which makes the file `begun`, and is not done for a long time."""
    TARRIES = "tarries"
    """Needs two seconds for its command, each time that it is begun."""


def judged(given: object) -> Work:
    """Judge as the line does: what does not validate goes back to the model."""
    try:
        return Work.model_validate(given)
    except ValidationError as error:
        raise ModelError(f"Correct this and call submit_code again:\n{error}") from error


SUMMARY = "Wrote greet."
GREETING = "def greet():\n    return 'hi'\n"
Act: TypeAlias = Callable[[Deed], None]
KEY = JournalKey(cr_id="cr-1", attempt=1, activation="a1", role="code_writer", instance="app")
TASK = AgentTask(
    role="code_writer", instance="app", stage=Stage.DEVELOPMENT, repository="app", model_class=ModelClass.DEFAULT,
    system="Role: code_writer\nYou write code.", context="", opening="Write the greeting.",
    submit=SubmitTool(name="submit_code", description="Hand over.", model=Work, judge=judged), toolset=ToolSet.EDIT,
)  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """What a conversation works with, and what a test looks at afterwards."""

    ports: AgentPorts
    root: Path
    journal: MemoryJournal
    ledger: MemoryLedger
    workspace: MemoryWorkspace
    instructions: QueuedInstructions

    def notes(self, note: Note) -> list[Noted]:
        records = [record_of(entry) for entry in self.journal.conversations[KEY]]
        return [record for record in records if isinstance(record, Noted) and record.note is note]


class AgentBackendContract:
    """Judged results, a tree that is what the result says, a journal that knows, and money that is settled."""

    async def test_what_is_handed_in_was_judged_and_its_tree_is_remembered(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        act(Deed.WRITES)

        result = await backend.run(TASK, KEY, ground.ports)

        assert result.submission == Work(summary=SUMMARY)
        assert (ground.root / "app.py").read_text() == GREETING
        assert result.commit == await ground.workspace.snapshot()
        assert ground.journal.conversations[KEY]

    async def test_a_submission_that_does_not_fit_is_corrected_by_who_made_it(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        act(Deed.ERRS)

        result = await backend.run(TASK, KEY, ground.ports)

        assert result.submission == Work(summary=SUMMARY)
        assert ground.notes(Note.VALIDATION_ERROR)

    async def test_a_finished_conversation_returns_the_same_and_pays_nothing(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        act(Deed.WRITES)
        first = await backend.run(TASK, KEY, ground.ports)
        paid = await ground.ledger.spent_usd()

        assert await backend.run(TASK, KEY, ground.ports) == first
        assert await ground.ledger.spent_usd() == paid
        assert ground.ledger.open_lines == []

    async def test_a_cancellation_is_noted_settled_and_passed_on(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        act(Deed.DAWDLES)
        running = asyncio.create_task(backend.run(TASK, KEY, ground.ports))
        while not (ground.root / "begun").exists():
            await asyncio.sleep(0.01)

        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        assert ground.notes(Note.CANCEL)
        assert ground.ledger.open_lines == []

    async def test_who_takes_too_long_is_a_persons_matter_and_goes_on_with_fresh_time(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        act(Deed.TARRIES)
        hurried = replace(ground.ports, limits=ground.ports.limits.model_copy(update={"agent_timeout_s": 1}))

        with pytest.raises(PersonNeeded) as stopped:
            await backend.run(TASK, KEY, hurried)

        assert stopped.value.reason is PauseReason.AGENT_TIMEOUT
        (given_up,) = ground.notes(Note.GAVE_UP)
        assert given_up.reason is PauseReason.AGENT_TIMEOUT
        act(Deed.WRITES)
        assert (await backend.run(TASK, KEY, ground.ports)).submission == Work(summary=SUMMARY)

    async def test_what_a_person_says_is_noted_with_the_turn_that_saw_it(
        self, backend: AgentBackend, ground: Ground, act: Act
    ) -> None:
        ground.instructions.put("iv-1", "Greet politely.")
        act(Deed.WRITES)

        await backend.run(TASK, KEY, ground.ports)

        (said,) = ground.notes(Note.INSTRUCTION)
        assert said.intervention_id == "iv-1"
        assert said.turn >= 1
