"""Agents at work for the stages: a role's prompt, tools, tree and journal, put together for one conversation.

What a stage hands over is typed variables; everything else about a role comes from its one definition. A submission is
checked against the facts of the run before it is accepted, so a stage only ever sees valid ones.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.agents.backend import AgentBackend
from pipeline.agents.job import Handed, Job
from pipeline.agents.journal import Noted, record_of
from pipeline.agents.prompting import RenderedPrompt, render
from pipeline.agents.roles import ROLES, RoleDefinition
from pipeline.agents.submissions.fields import Submission
from pipeline.agents.submissions.kept_facts import facts_json
from pipeline.agents.submissions.tool import submit_tool
from pipeline.agents.task import AgentPorts, AgentTask
from pipeline.agents.tools import ToolScope
from pipeline.agents.toolsets import ToolSet
from pipeline.change_request import PauseReason, wip_ref
from pipeline.errors import InvariantBroken, PersonNeeded
from pipeline.events import Warned
from pipeline.limits import Limits
from pipeline.llm.gateway import Gateway
from pipeline.ports import Clock, Emit, Instructions, Journal, JournalKey, Repository, Sandbox, TurnListener
from pipeline.repositories import kept_refs

KeepDiffOf = Callable[[str, JournalKey, int | None, str, str], Awaitable[None]]
"""(repository, …): see `pipeline.agents.task.KeepDiff`."""
BringBack = Callable[[str, Sequence[str]], Awaitable[list[str]]]
"""(repository, commits) to the commits that are lost for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Implements `pipeline.stage.context.Agents` for one attempt of one change request."""

    cr_id: str
    attempt: int
    epoch: int
    backend: AgentBackend
    gateway: Gateway
    journal: Journal
    sandbox: Sandbox
    repositories: Callable[[str], Repository]
    bring_back: BringBack
    """See `pipeline.stage.context.Snapshots`."""
    keep_diff: KeepDiffOf
    instructions: Callable[[Job], Instructions]
    emit: Emit
    limits: Limits
    clock: Clock
    on_text: Callable[[Job], TurnListener | None]

    async def work(self, job: Job) -> Handed:
        """Run to a submission of the role's own type; resumes from the journal when it was interrupted."""
        definition = ROLES[job.variables.role]
        prompt = render(job.variables, context=job.context, loop=job.loop)
        key = JournalKey(
            cr_id=self.cr_id,
            attempt=self.attempt,
            activation=job.activation,
            role=definition.role.value,
            instance=job.instance,
        )
        if job.tree and job.restore and not job.fresh and definition.toolset is ToolSet.EDIT:
            await self._workspace(job).restore(_known(job))
        task, ports = self._task(job, definition, prompt), self._ports(job, definition)
        try:
            result = await self.backend.run(task, key, ports)
        except PersonNeeded as stopped:
            if stopped.reason is not PauseReason.AGENT_TIMEOUT or await self._had_its_second_time(key):
                raise
            await self.emit(Warned(message=f"{definition.role.value} ran out of time and is given it once more."))
            result = await self.backend.run(task, key, ports)
        if job.repository is not None and result.commit is not None and result.commit != job.commit:
            kept = kept_refs.work(self.cr_id, self.epoch, result.commit)
            await self.repositories(job.repository).update_ref(kept, result.commit)
        return Handed(
            submission=result.submission, commit=result.commit, turns=result.turns, cost_usd=result.cost_usd,
            inspection=result.inspection, root=result.root,
        )  # fmt: skip

    async def _had_its_second_time(self, key: JournalKey) -> bool:
        """Whether the timeout just noted was the second of a pair; the journal knows, also after a crash in between."""
        records = [record_of(entry) for entry in await self.journal.load(key)]
        notes = [record for record in records if isinstance(record, Noted)]
        return sum(note.reason is PauseReason.AGENT_TIMEOUT for note in notes) % 2 == 0

    def _task(self, job: Job, definition: RoleDefinition, prompt: RenderedPrompt) -> AgentTask[Submission]:
        return AgentTask(
            role=definition.role.value,
            instance=job.instance,
            stage=job.stage,
            repository=job.repository,
            model_class=definition.model_class,
            system=prompt.system,
            context=prompt.context,
            opening=prompt.opening,
            submit=submit_tool(definition.role, job.facts),
            toolset=definition.toolset if job.tree else ToolSet.NONE,
            facts=facts_json(job.facts),
            prompt_hash=prompt.prompt_hash,
        )

    def _ports(self, job: Job, definition: RoleDefinition) -> AgentPorts:
        async def emit(event: object) -> None:
            where = {"stage": job.stage, "repository": job.repository, "role": definition.role.value}
            await self.emit(event.model_copy(update=where))  # type: ignore[attr-defined]  # every event is a pydantic model

        edits = definition.toolset is ToolSet.EDIT
        return AgentPorts(
            gateway=self.gateway,
            journal=self.journal,
            instructions=self.instructions(job),
            emit=emit,
            limits=self.limits,
            clock=self.clock,
            scope=self._scope(job) if job.tree else None,
            workspace=self._workspace(job) if edits else None,
            keep_diff=partial(self.keep_diff, job.repository) if edits and job.repository else None,
            on_text=self.on_text(job),
        )

    def _scope(self, job: Job) -> ToolScope:
        if job.tree is None:
            raise InvariantBroken("A scope needs a tree.")
        environment = job.environment
        variables = dict(environment.variables) if environment else {}
        if environment and environment.path_in(job.tree):
            front = ":".join(str(path) for path in environment.path_in(job.tree))
            variables["PATH"] = f"{front}:/usr/local/bin:/usr/bin:/bin"
        return ToolScope(
            sandbox=self.sandbox,
            root=job.tree,
            limits=self.limits,
            read_only=environment.read_only if environment else (),
            environment=variables,
            mounts=environment.mounts_in(job.tree) if environment else {},
            scratch=environment.scratch_in(job.tree) if environment else (),
            tree_at=environment.tree_at if environment else None,
            protected=job.protected,
        )

    def _workspace(self, job: Job) -> "TreeMemory":
        if job.tree is None or job.repository is None:
            raise InvariantBroken("An editing role needs a tree of a repository.", role=job.variables.role.value)
        ref = wip_ref(self.cr_id, job.repository, self.epoch)
        return TreeMemory(self.repositories(job.repository), job, ref, self.bring_back)


def _known(job: Job) -> str:
    if job.commit is None:
        raise InvariantBroken("An editing role begins at a commit.", role=job.variables.role.value)
    return job.commit


class TreeMemory:
    """Implements `pipeline.agents.task.Workspace`: each snapshot is a commit on the one before, held by this epoch's ref."""

    def __init__(self, repository: Repository, job: Job, ref: str, bring_back: BringBack) -> None:
        if job.tree is None or job.repository is None:
            raise InvariantBroken("There is no tree to remember.")
        self._repository = repository
        self._name_of_repository = job.repository
        self._bring_back = bring_back
        self._ref = ref
        self._tree = job.tree
        self._parent = job.commit
        self._is_that_commit = job.restore
        self._name = f"{job.variables.role.value} {job.instance}"

    async def found(self) -> str:
        """Look at a tree that was left as it is; every other one has just been written."""
        return self._parent if self._is_that_commit and self._parent is not None else await self.snapshot()

    async def snapshot(self, *, declared: Collection[str] = (), edited: Collection[str] = ()) -> str:
        """Commit what the tree holds; the previous commit when nothing changed."""
        if self._parent is None:
            raise InvariantBroken("A tree is remembered from a commit.")
        before = self._parent
        self._parent = await self._repository.snapshot(
            self._tree, parent=before, message=f"Snapshot of {self._name}", declared=declared, edited=edited
        )
        if self._parent != before:
            await self._repository.update_ref(self._ref, self._parent)
        return self._parent

    async def restore(self, commit: str) -> None:
        """Make the tree equal `commit` again."""
        await self._repository.restore_worktree(self._tree, commit)
        self._parent = commit

    async def holds(self, commit: str) -> bool:
        """Look here, then at the remote, where an earlier epoch may have saved it from another machine."""
        return not await self._bring_back(self._name_of_repository, [commit])
