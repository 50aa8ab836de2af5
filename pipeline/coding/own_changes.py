"""What of an agent's tree belongs to the change: what it edited, and what it declared.

Problem: a tree after work also holds what the suite, a build tool or an editor left there, and all of it looks like the
agent's. Choice: of a snapshot only those paths are committed that the submission declares, that the editor tool wrote, or
that an earlier try of the same stage had committed; everything else is left out and told, to the agent when its work
comes back, and to people. Invariant: a commit is what the pipeline tests, so what was left out proves nothing either.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from pipeline.agents.job import Handed
from pipeline.ports import ChangedFile
from pipeline.repositories import kept_refs
from pipeline.repositories.ref_names import shown
from pipeline.stage.artifacts import Artifact
from pipeline.stage.run import StageRun

_TOLD_MAX = 20
STEPS = ("tests", "code")


class LeftOutBecause(StrEnum):
    """Why a file of an agent's tree is no part of the change."""

    UNDECLARED = "undeclared"
    """The submission does not name it, and the editor did not write it: tests or tools leave such files."""
    IGNORED = "ignored"
    """The repository's ignore rules exclude it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One file that an agent's tree has and the change has not."""

    path: str
    why: LeftOutBecause


LEFT_OUT = Artifact("left_out", TypeAdapter(tuple[LeftOut, ...]))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPart:
    """The part of a snapshot that belongs to the change."""

    commit: str
    """The snapshot itself where nothing was left out."""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def paths(self) -> frozenset[str]:
        """What was left out."""
        return frozenset(one.path for one in self.left_out)

    def told(self) -> str:
        """Say to the agent what of its tree the pipeline did not take; empty when it took everything."""
        undeclared = [one.path for one in self.left_out if one.why is LeftOutBecause.UNDECLARED]
        ignored = [one.path for one in self.left_out if one.why is LeftOutBecause.IGNORED]
        said = []
        if undeclared:
            said.append(
                f"Not taken, because your submission does not name them and the editor did not write them: "
                f"{_listed(undeclared)}. Name those that belong to the change; leave what tests and tools made."
            )
        if ignored:
            said.append(f"Not taken, because git ignores them: {_listed(ignored)}.")
        return "\n".join(said)


async def part_of(
    run: StageRun, handed: Handed, *, parent: str, since: str, also: Callable[[ChangedFile], bool] = lambda _: False
) -> OwnPart:
    """Return what of a handed-in snapshot belongs to the change.

    `parent` is the commit that the agent began with, `since` the one that the stage began with: what earlier tries of the
    stage had committed stays theirs. `also` tells what belongs to the change whoever wrote it. The commit is kept alive;
    the same work gives the same commit.
    """
    repository = run.context.repositories[run.name]
    edited = handed.inspection.edited(handed.root)
    earlier = {path for file in await repository.changed_files(since, parent) for path in _paths(file)}
    changed = await repository.changed_files(parent, handed.snapshot)
    own = {*handed.submission.declared_paths, *edited, *earlier}
    taken = {path for file in changed if _is_own(file.path, own) or also(file) for path in _paths(file)}
    taken |= {file.old_path for file in changed if file.old_path and _is_own(file.old_path, own)}
    rest = [file.path for file in changed if file.path not in taken]
    left_out = [LeftOut(path=path, why=LeftOutBecause.UNDECLARED) for path in rest]
    left_out += [LeftOut(path=path, why=LeftOutBecause.IGNORED) for path in await _ignored(run, handed, edited)]
    if not rest:
        return OwnPart(commit=handed.snapshot, left_out=tuple(left_out))
    commit = await repository.commit_part(
        handed.snapshot, parent=parent, paths=taken, message=f"What {handed.snapshot[:12]} holds of the change"
    )
    await repository.update_ref(kept_refs.work(run.context.cr_id, run.context.epoch, commit), commit)
    return OwnPart(commit=commit, left_out=tuple(left_out))


async def save(run: StageRun, step: str, part: OwnPart) -> None:
    """Remember what was left out of a step's commit, for people."""
    await LEFT_OUT.save(run.context.artifacts, f"{run.name}/{step}", part.left_out, {})


async def left_out_of(run: StageRun, name: str) -> list[str]:
    """Return what was left out of the change of a repository, one file a line, as people read it."""
    found: dict[str, LeftOut] = {}
    for step in STEPS:
        for one in await LEFT_OUT.load(run.context.artifacts, f"{name}/{step}") or ():
            found[one.path] = one
    committed = {file.path for file in await run.context.repositories[name].changed_files(
        run.known[name].base, run.known[name].head
    )}  # fmt: skip
    words = {LeftOutBecause.UNDECLARED: "made by tests or tools", LeftOutBecause.IGNORED: "ignored by git"}
    return [f"{shown(path)} ({words[one.why]})" for path, one in sorted(found.items()) if path not in committed]


async def _ignored(run: StageRun, handed: Handed, edited: Collection[str]) -> list[str]:
    repository = run.context.repositories[run.name]
    absent = sorted(set(edited) - set(await repository.list_files(handed.snapshot))) if edited else []
    return await repository.ignored_paths(handed.snapshot, absent) if absent else []


def _is_own(path: str, own: Collection[str]) -> bool:
    if path in own:
        return True
    parts = path.split("/")
    return any("/".join(parts[:end]) in own for end in range(1, len(parts)))


def _paths(file: ChangedFile) -> Iterable[str]:
    return (file.path,) if file.old_path is None or file.status != "R" else (file.path, file.old_path)


def _listed(paths: Iterable[str]) -> str:
    named = [shown(path) for path in paths]
    more = f" and {len(named) - _TOLD_MAX} more" if len(named) > _TOLD_MAX else ""
    return ", ".join(named[:_TOLD_MAX]) + more
