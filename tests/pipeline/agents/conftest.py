"""A rig: one agent with the real adapter, a scripted model, real files and processes, and memory for the rest."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.adapters.model_providers.anthropic import AnthropicProvider
from pipeline.agents.loop import run_agent
from pipeline.agents.protection import Protection
from pipeline.agents.task import AgentPorts, AgentResult, AgentTask, SubmitTool
from pipeline.agents.tools import ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import Stage
from pipeline.errors import ModelError
from pipeline.limits import Limits
from pipeline.llm.chains import ModelSettings, RetrySettings, Route
from pipeline.llm.gateway import Gateway
from pipeline.llm.pricing import load_prices
from pipeline.ports import Journal, JournalKey, ModelClass
from pipeline.testing import (
    EventLog,
    FakeClock,
    MemoryJournal,
    MemoryLedger,
    MemoryWorkspace,
    QueuedInstructions,
    UncontainedSandbox,
)
from tests.scripted import ScriptedServer


class Work(BaseModel):
    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=5)
    files: tuple[str, ...] = ()


def judged(given: object) -> Work:
    """Judge as the line does: what does not validate goes back to the model."""
    try:
        return Work.model_validate(given)
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise ModelError("Correct this and call submit_code again:\n" + "\n".join(problems)) from error


KEY = JournalKey(cr_id="cr-1", attempt=1, activation="a1", role="code_writer", instance="app")
TASK = AgentTask(
    role="code_writer",
    instance="app",
    stage=Stage.DEVELOPMENT,
    repository="app",
    model_class=ModelClass.DEFAULT,
    system="Role: code_writer\nYou write code.",
    context="README: a small sample repository.",
    opening="Write the greeting.",
    submit=SubmitTool(name="submit_code", description="Hand over.", model=Work, judge=judged),
    toolset=ToolSet.EDIT,
)
LIMITS = Limits(output_tokens_max=1_000, budget_usd=Decimal(10))


@dataclass
class Rig:
    scripted: ScriptedServer
    provider: AnthropicProvider
    root: Path
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    clock: FakeClock = field(default_factory=FakeClock)
    sandbox: UncontainedSandbox = field(default_factory=UncontainedSandbox)
    instructions: QueuedInstructions = field(default_factory=QueuedInstructions)
    events: EventLog = field(default_factory=EventLog)
    limits: Limits = LIMITS
    protected: tuple[Protection, ...] = ()
    settings: ModelSettings = field(
        default_factory=lambda: ModelSettings(
            default=(Route(provider="anthropic", model="scripted"),), retry=RetrySettings(call_timeout_s=5)
        )
    )

    def __post_init__(self) -> None:
        self.workspace = MemoryWorkspace(self.root)

    def ports(self, journal: Journal | None = None) -> AgentPorts:
        gateway = Gateway(
            providers={"anthropic": self.provider},
            settings=self.settings,
            prices=load_prices(),
            ledger=self.ledger,
            clock=self.clock,
        )
        return AgentPorts(
            gateway=gateway,
            journal=journal or self.journal,
            instructions=self.instructions,
            emit=self.events,
            limits=self.limits,
            clock=self.clock,
            scope=ToolScope(sandbox=self.sandbox, root=self.root, limits=self.limits, protected=self.protected),
            workspace=self.workspace,
        )

    async def run(self, task: AgentTask[Work] = TASK, journal: Journal | None = None) -> AgentResult[Work]:
        return await run_agent(task, KEY, self.ports(journal))

    def moved_to(self, root: Path) -> "Rig":
        """The same conversation on another machine's tree."""
        rig = replace(self, root=root)
        rig.workspace._trees = self.workspace._trees
        return rig


@pytest.fixture
def rig(scripted: ScriptedServer, provider: AnthropicProvider, tmp_path: Path) -> Rig:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "README.md").write_text("Sample\n")
    return Rig(scripted=scripted, provider=provider, root=root)
