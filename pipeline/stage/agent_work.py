"""The frame of an agent's work: what it is told of a repository, a tree in, the work, and the tree out whatever happens.

Problem: five stages put the same context, environment, tree and job together, and removed the tree only when all went
well. Choice: `Basis` is what every agent of a repository works on, `at_work` gives the tree, `Frame.job` the job.
Invariant: context and environment come from one commit of the base, never from a tree that an agent could have written.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.agents.job import Job
from pipeline.agents.loop_context import LoopContext
from pipeline.agents.prompt_variables import PromptVariables
from pipeline.agents.protection import Protection
from pipeline.agents.submissions.fields import SubmissionFacts
from pipeline.stage import proving, trees
from pipeline.stage.prepared import Prepared
from pipeline.stage.repository_reading import context_at
from pipeline.stage.run import StageRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What every agent of one repository works on. `context` is layer 2 of its prompt."""

    prepared: Prepared
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A tree of `commit` in which agents of one stage work on one repository."""

    run: StageRun
    name: str
    basis: Basis
    commit: str
    tree: Path

    def job(
        self,
        variables: PromptVariables,
        *,
        instance: str | None = None,
        facts: SubmissionFacts | None = None,
        loop: LoopContext | None = None,
        commit: str | None = None,
        fresh: bool = False,
        protected: tuple[Protection, ...] = (),
    ) -> Job:
        """Return one agent's job. `instance` is the repository's name by default, `commit` what the tree began with.

        `fresh` says that it is the first one in this tree.
        """
        return Job(
            variables=variables, stage=self.run.stage, activation=self.run.activation, repository=self.name,
            instance=instance or self.name, facts=facts or SubmissionFacts(), loop=loop, context=self.basis.context,
            tree=self.tree, commit=commit or self.commit, fresh=fresh, environment=self.basis.prepared.environment, protected=protected,
        )  # fmt: skip


async def basis_of(run: StageRun, name: str, base: str, *, samples: bool) -> Basis:
    """Return the basis of a repository at its base commit. `samples` adds typical tests and specs, for who writes some."""
    prepared = await proving.environment_of(run, name, base)
    return Basis(prepared=prepared, context=await told(run, name, base, prepared, samples=samples))


async def told(run: StageRun, name: str, base: str, prepared: Prepared, *, samples: bool) -> str:
    """Return what agents are told of a repository."""
    return await context_at(
        run.context.repositories[name], base, run.context.targets[name], prepared,
        learnings=await run.context.learnings.approved(name), with_samples=samples,
        tokens_max=run.context.settings.pipeline.static_context_tokens_max,
    )  # fmt: skip


@asynccontextmanager
async def at_work(run: StageRun, name: str, purpose: str, commit: str, basis: Basis) -> AsyncIterator[Frame]:
    """Give the frame of a tree of `commit`, which is removed however the work ends."""
    async with trees.for_agent(run, name, purpose, commit) as tree:
        yield Frame(run=run, name=name, basis=basis, commit=commit, tree=tree)
