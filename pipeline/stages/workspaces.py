"""Workspaces: the cache is fetched, the base commit fixed, stack and test command found, the environment built."""

from typing import Any

from pipeline.change_request import PauseReason, branch_name
from pipeline.coding import commits
from pipeline.concurrency.together import together
from pipeline.errors import PersonNeeded
from pipeline.ports import Isolation
from pipeline.repositories import kept_refs
from pipeline.stage import proving
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.repository_reading import stack_at
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState


def inputs(run: StageRun) -> list[Any]:
    """The targets; what their branches hold is read afresh only when a person asks for this stage again."""
    return sorted(run.context.targets)


async def workspaces(run: StageRun) -> StageEnd:
    """Prepare every repository, in parallel; one that cannot be prepared stops the whole change request."""
    isolation: Isolation = run.context.sandbox.isolation()
    names = list(run.known)
    prepared = await together(_prepare(run, name) for name in names)
    return StageEnd(
        summary=f"{', '.join(names)} ready; isolation: {isolation.name}",
        repositories=dict(zip(names, prepared, strict=True)),
    )


async def _prepare(run: StageRun, name: str) -> RepositoryState:
    repository, target = run.context.repositories[name], run.context.targets[name]
    await repository.fetch()
    base = await repository.branch_head(target.base_branch)
    if base is None:
        raise PersonNeeded(
            PauseReason.REMOTE_UNREACHABLE,
            f"{name} has no branch {target.base_branch} any more.",
            repository=name,
            base_branch=target.base_branch,
        )
    # The branch may be rewritten while this change request waits.
    await repository.update_ref(kept_refs.purpose(run.context.cr_id, "base", base), base)
    await commits.feature_directory(run, name, base)
    stack, environment = await proving.environment_of(run, name, base)
    _, digest = await stack_at(repository, base, target)
    facts = {
        "stack": proving.plain(stack),
        "manifest_hash": digest,
        "environment_choices": [proving.plain(choice) for choice in environment.choices],
        "environment_log": environment.log[-4_000:],
    }
    branch = branch_name(run.context.cr_id, run.context.attempt)
    await run.context.progress.record(name, base_commit=base, branch=branch, facts=facts)
    return RepositoryState(base=base, manifest_hash=digest)


DECLARATION = StageDeclaration(
    body=workspaces,
    inputs=inputs,
    label="Workspaces",
    explanation="prepares cache, base commit, dependency environment, stack and test command",
    skip=NeverSkipped("nothing can run without a base commit and an environment"),
    finds=frozenset({"base", "manifest_hash", "handed_back"}),
    pauses_as=(PauseReason.ENVIRONMENT_FAILED, PauseReason.REMOTE_UNREACHABLE),
)
