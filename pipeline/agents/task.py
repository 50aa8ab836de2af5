"""What an agent is asked to do, what it may use, and what it hands back."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from pipeline.agents.grounds import Ungrounded
from pipeline.agents.inspection import Inspection
from pipeline.agents.tools import ToolBox, ToolRunner, ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import PauseReason, Stage
from pipeline.errors import ModelError, PersonNeeded
from pipeline.limits import Limits
from pipeline.llm.gateway import Gateway
from pipeline.ports import Clock, Emit, Instructions, Journal, JournalKey, Json, ModelClass, TurnListener

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTool(Generic[S]):
    """The tool by which an agent hands over its result and ends; `model` reads it back from the journal."""

    name: str
    description: str
    model: type[S]
    judge: Callable[[object], S]
    """Validates what the model sent, with facts the schema cannot hold; its `ModelError` goes back to the model."""
    schema: Json | None = None
    """The input schema to declare, when it is not simply the model's own."""
    ungrounded: Callable[[Inspection, str], Ungrounded | None] | None = None
    """Says what is missing when its agent, whose tree is at the path, has looked at too little; None asks nothing."""

    declares: Callable[[S], Collection[str]] | None = None
    """Names the files that a submission says belong to the change; None for roles that change none."""

    def lacks(self, seen: Inspection, root: str | None) -> Ungrounded | None:
        """Return what is missing when its agent has looked at too little in its tree."""
        return self.ungrounded(seen, root or "") if self.ungrounded else None

    def definition(self) -> Json:
        """Return the tool as the provider wants it declared."""
        schema = self.schema or self.model.model_json_schema()
        return {"name": self.name, "description": self.description, "input_schema": schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask(Generic[S]):
    """One conversation to be had. The texts are used when it opens and never again: a resume reads the journal."""

    role: str
    instance: str
    stage: Stage
    repository: str | None
    model_class: ModelClass
    system: str
    """Begins with `Role: <role>`."""
    context: str
    """Stable repository context; may be empty. Capped, with the cut stated."""
    opening: str
    """The first user message: what is to be done."""
    submit: SubmitTool[S]
    toolset: ToolSet
    facts: str = ""
    """What `submit` judges by, as JSON, so that a replay can judge alike."""
    prompt_hash: str = ""
    """Which version of the role's prompt this is, for the record."""


KeepDiff = Callable[[JournalKey, int | None, str, str], Awaitable[None]]
"""(conversation, turn or None for all of it, before, after): keeps what differs between two snapshots, for people.

Safe to repeat; what is kept last under a turn counts.
"""


class Workspace(Protocol):
    """The tree's memory. Commits are full SHAs."""

    async def found(self) -> str:
        """Return the commit of the tree that a conversation begins with, before anybody works there. Raises as `snapshot`."""

    async def snapshot(self, *, declared: Collection[str] = (), edited: Collection[str] = ()) -> str:
        """Commit what the tree holds; the previous commit when nothing changed. Raises `ModelError` for nested `.git`.

        `declared` and `edited` are files that count although git ignores them, where the repository has such files;
        of other `declared` ones a `ModelError` says that git ignores them.
        """

    async def restore(self, commit: str) -> None:
        """Make the tree equal `commit` again."""

    async def holds(self, commit: str) -> bool:
        """Whether `commit` can be restored; it may have been lost with the machine that made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPorts:
    """What the loop needs of the world, bound to one change request and, for instructions, to this conversation."""

    gateway: Gateway
    journal: Journal
    instructions: Instructions
    emit: Emit
    limits: Limits
    clock: Clock
    scope: ToolScope | None = None
    """None for agents without tools."""
    workspace: Workspace | None = None
    """None for agents that cannot change the tree."""
    keep_diff: KeepDiff | None = None
    """Given what each turn, and at its end the whole conversation, changed; None keeps nothing."""
    tools: Callable[[ToolScope, ToolSet], ToolRunner] = ToolBox
    """Makes what carries tool calls out; a replay answers them from the journal."""
    on_text: TurnListener | None = None
    """The live view's ear; may lose pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult(Generic[S]):
    """What a conversation came to."""

    submission: S
    turns: int
    cost_usd: Decimal
    commit: str | None
    """The tree's last snapshot; None for agents without a workspace."""
    model: str
    inspection: Inspection
    """What the agent looked at on the way."""
    root: str
    """The tree as the conversation knows it; empty for agents without one."""


async def tree_found(task: AgentTask[S], workspace: "Workspace | None") -> str | None:
    """Return the commit of the tree that an agent begins with; one that cannot be saved yet is a person's matter."""
    if workspace is None:
        return None
    try:
        return await workspace.found()
    except ModelError as problem:
        message = f"The {task.role} agent cannot begin, because its tree cannot be saved: {problem.message}"
        raise PersonNeeded(PauseReason.AGENT_STUCK, message, repository=task.repository) from problem
