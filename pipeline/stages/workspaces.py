"""Workspaces: the cache is fetched, the base commit fixed, stack and test command found, the environment built.

The base's own suite is run here, before the first paid work on the repository: where it cannot run at all, a person is asked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline import events
from pipeline.change_request import PauseReason, branch_name
from pipeline.coding import commits
from pipeline.concurrency.together import together
from pipeline.errors import PersonNeeded
from pipeline.ports import Absent, Isolation
from pipeline.repositories import kept_refs
from pipeline.repositories.ref_names import shown
from pipeline.stage import proving
from pipeline.stage.commit_rules_at import rules_at, said_of
from pipeline.stage.declaration import NeverSkipped, StageDeclaration
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import RepositoryState

_NAMED_MAX = 5


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
            f"{name} has no branch {target.base_branch} any more. Push it again, then resume; or submit the change request again for "
            "another branch.",
            repository=name,
            base_branch=target.base_branch,
        )
    if (refused := await repository.push_refusal()) is not None:
        raise PersonNeeded(refused.reason, f"{name}: {refused.message}", **refused.facts, repository=name)
    await _refuse_blocked_branch(run, name)
    # The branch may be rewritten while this change request waits.
    await repository.update_ref(kept_refs.purpose(run.context.cr_id, "base", base), base)
    await commits.feature_directory(run, name, base)
    lacking = await run.context.repositories[name].absent(base)
    await _warn_of(run, name, lacking)
    await _warn_of_rules(run, name, base)
    with _blaming(lacking):
        prepared = await proving.environment_of(run, name, base)
        # Before anybody is paid: a suite that cannot run here proves nothing.
        suite, prepared = await proving.baseline(run, name, base, prepared)
    for absence in prepared.absent:
        await run.emit(events.Warned(message=absence.told(), repository=name))
    environment, digest = prepared.environment, prepared.manifest_hash
    facts = {
        "stack": proving.plain(prepared.stacks[0]),
        "components": [proving.plain(component) for component in prepared.components],
        "manifest_hash": digest,
        "environment_choices": [proving.plain(choice) for choice in environment.choices],
        "environment_log": environment.log[-4_000:],
        "base_suite": suite.summary(),
    }
    branch = branch_name(run.context.cr_id, run.context.attempt)
    await run.context.progress.record(name, base_commit=base, branch=branch, facts=facts)
    return RepositoryState(base=base, manifest_hash=digest)


@contextmanager
def _blaming(absent: Absent) -> Iterator[None]:
    """Add to a suite or an environment that fails what the trees lack, which may be why."""
    try:
        yield
    except PersonNeeded as needed:
        lacking = _told(absent)
        if needed.reason is not PauseReason.ENVIRONMENT_FAILED or not lacking:
            raise
        raise PersonNeeded(needed.reason, f"{needed.message} {lacking}", **needed.facts, lacking=lacking) from needed


def _told(absent: Absent) -> str:
    empty = [one.path for one in absent.submodules]
    words = [f"The submodule {_listed(empty)} is empty: {absent.submodules[0].why}"] if empty else []
    if absent.pointers:
        words.append(f"Git LFS keeps the contents of {_listed(absent.pointers)} elsewhere; trees hold their pointers.")
    return f"What its trees lack may be the cause. {' '.join(words)}" if words else ""


async def _warn_of(run: StageRun, name: str, absent: Absent) -> None:
    """Say before agents are paid what the repository's trees lack, because tests may need it."""
    for one in absent.submodules[:_NAMED_MAX]:
        await run.emit(
            events.Warned(
                message=f"The submodule `{shown(one.path)}` of {name} is empty in its trees, so tests that need it fail here: "
                f"{one.why}",
                repository=name,
            )
        )
    if (more := len(absent.submodules) - _NAMED_MAX) > 0:
        await run.emit(events.Warned(message=f"{more:,} more submodules of {name} are empty.", repository=name))
    if absent.pointers:
        await _warn(
            run, name, absent.pointers,
            f"{name} keeps files in Git LFS of which only the pointers are in its trees, so tests that read them fail here",
        )  # fmt: skip


async def _warn_of_rules(run: StageRun, name: str, base: str) -> None:
    """Say before agents are paid what the remote may refuse at delivery."""
    repository = run.context.repositories[name]
    for found in await rules_at(repository, base, await repository.list_files(base)):
        told = said_of(found, run.context.author)
        if told.remedy:
            await run.emit(events.Warned(message=f"{name}: {told.message} {told.remedy}", repository=name))


async def _warn(run: StageRun, name: str, paths: Sequence[str], what: str) -> None:
    await run.emit(events.Warned(message=f"{what}: {_listed(paths)}.", repository=name))


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED_MAX:,} more" if len(paths) > _NAMED_MAX else ""
    return ", ".join(f"`{shown(path)}`" for path in paths[:_NAMED_MAX]) + more


async def _refuse_blocked_branch(run: StageRun, name: str) -> None:
    """Raise `PersonNeeded` where the repository has a branch beside which ours cannot be, before anything is built."""
    branch = branch_name(run.context.cr_id, run.context.attempt)
    other = await run.context.repositories[name].branch_in_the_way(branch)
    if other is None:
        return
    remedy = f"Rename or delete the branch `{shown(other)}` there, then resume."
    raise PersonNeeded(
        PauseReason.DELIVERY_FAILED,
        f"{name} has a branch `{shown(other)}`, beside which git cannot keep `{branch}`. {remedy}",
        repository=name, branch=branch, in_the_way=shown(other), remedy=remedy,
    )  # fmt: skip


DECLARATION = StageDeclaration(
    body=workspaces,
    inputs=inputs,
    label="Workspaces",
    explanation="prepares cache, base commit, dependency environment, stack and test command, and runs the base's suite",
    skip=NeverSkipped("nothing can run without a base commit and an environment"),
    finds=frozenset({"base", "manifest_hash", "handed_back"}),
    pauses_as=(PauseReason.ENVIRONMENT_FAILED, PauseReason.REMOTE_UNREACHABLE, PauseReason.DELIVERY_FAILED),
)
