"""One conversation, run again by the present loop in its recorded world.

The loop is the one that workers run, from its first step after the opening. Where the recorded conversation was cut, it
is cut; what it met then it meets again. The first record that comes out differently is the divergence.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from pipeline.agents.conversation import Conversation as Talk
from pipeline.agents.journal import Opened
from pipeline.agents.loop import go_on
from pipeline.agents.roles import ROLES, AgentRole, RoleDefinition
from pipeline.agents.submissions.fields import Submission
from pipeline.agents.submissions.kept_facts import facts_from
from pipeline.agents.submissions.tool import submit_tool
from pipeline.agents.submissions.validation import input_schema
from pipeline.agents.task import AgentPorts, AgentTask, SubmitTool
from pipeline.agents.tools import ToolBox, ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import Stage
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.replay.recording import Conversation, Recording
from pipeline.replay.script import (
    Differs,
    Ended,
    Interrupted,
    NoSandbox,
    RecordedModel,
    RecordedPeople,
    RecordedTools,
    RecordedTree,
    ReplayNotebook,
    StoppedClock,
    without_facts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How a conversation came out. `finished` says whether it ends in an accepted submission."""

    turns: int
    entries: int
    finished: bool
    requests_checked: int
    requests_unchecked: int
    facts_known: bool
    difference: Differs | None = None


async def replay_conversation(recording: Recording, conversation: Conversation) -> Replayed:
    """Run one conversation again, up to its end or to the first difference."""
    notebook = ReplayNotebook(
        journal=cast("Any", None),  # nothing is ever stored
        name=conversation.key, conversation=Talk(), texts=dict(recording.texts), records=conversation.records,
    )  # fmt: skip
    difference: Differs | None = None
    try:
        await _run(recording, notebook)
    except Ended:
        if conversation.unreadable:
            difference = Differs(
                "an entry that this version can read", conversation.unreadable, "An entry is unreadable."
            )
    except Differs as found:
        difference = found
    except (KeyError, ValidationError, InvariantBroken) as broken:
        difference = Differs(
            "entries that this version can read", str(broken), "The journal does not fit this version."
        )
    opened = conversation.records[0] if conversation.records else None
    return Replayed(
        turns=notebook.conversation.turn, entries=notebook.conversation.seq,
        finished=notebook.conversation.submission is not None, requests_checked=notebook.checked_requests,
        requests_unchecked=notebook.unchecked_requests,
        facts_known=isinstance(opened, Opened) and opened.facts is not None, difference=difference,
    )  # fmt: skip


async def _run(recording: Recording, notebook: ReplayNotebook) -> None:
    if notebook.ahead() is None:
        raise Ended
    if not isinstance(notebook.ahead(), Opened):
        raise Differs("opened", type(notebook.ahead()).__name__.lower(), "The journal does not begin with an opening.")
    notebook.take_as_recorded()
    task, ports = _task(recording, notebook), _ports(recording, notebook)
    while notebook.conversation.submission is None:
        before = notebook.conversation.seq
        try:
            await go_on(task, ports, notebook)
        except Interrupted:
            _skip_what_the_world_did(notebook)
        except PersonNeeded as stopped:
            if notebook.conversation.seq == before:
                raise Differs("a further step", stopped.message, "The agent gives up where it went on.") from stopped
            if notebook.ahead() is None:
                raise Ended from stopped
    if notebook.ahead() is not None:
        raise Differs("a further entry", "accepted", "The submission is accepted where the conversation went on.")


def _skip_what_the_world_did(notebook: ReplayNotebook) -> None:
    while (following := notebook.ahead()) is not None and notebook.world_made(following):
        notebook.take_as_recorded()
    if notebook.ahead() is None:
        raise Ended


def _task(recording: Recording, notebook: ReplayNotebook) -> AgentTask[Submission]:
    name = notebook.name.role
    if name not in {role.value for role in AgentRole}:
        raise Differs(name, None, "This version has no such role.")
    definition, opened = ROLES[AgentRole(name)], notebook.conversation.terms.opened
    stage = recording.stage_of(notebook.name.activation)
    return AgentTask(
        role=name, instance=notebook.name.instance, stage=Stage(stage) if stage else definition.stage or Stage.INTAKE,
        repository=None, model_class=definition.model_class, system="", context="", opening="",
        submit=_submit(notebook, definition), toolset=definition.toolset if opened.root else ToolSet.NONE,
    )  # fmt: skip


def _submit(notebook: ReplayNotebook, definition: RoleDefinition) -> SubmitTool[Submission]:
    facts = notebook.conversation.terms.opened.facts
    if facts is not None:
        return submit_tool(definition.role, facts_from(notebook.texts[facts]))
    name, model = definition.submit.name, definition.submit.model
    return SubmitTool(
        name=name, description=definition.submit.description, model=model,
        schema=input_schema(definition.role), judge=partial(without_facts, notebook, name, model),
    )  # fmt: skip


def _ports(recording: Recording, notebook: ReplayNotebook) -> AgentPorts:
    async def unheard(_event: object) -> None:
        pass

    limits, opened = recording.configuration.pipeline, notebook.conversation.terms.opened
    said = {one.id: one for one in recording.body.interventions}
    scope = ToolScope(sandbox=NoSandbox(), root=Path(opened.root), limits=limits) if opened.root else None
    return AgentPorts(
        gateway=cast("Any", RecordedModel(notebook, limits)),  # what the loop uses of it
        journal=cast("Any", None),  # the notebook stores nothing
        instructions=RecordedPeople(notebook, said), emit=unheard, limits=limits, clock=StoppedClock(), scope=scope,
        workspace=RecordedTree(notebook, opened.submit),
        tools=lambda with_bench, toolset: RecordedTools(notebook, ToolBox(with_bench, toolset)),
    )  # fmt: skip
