"""The controller's own work with git: looking at a repository before it is taken, showing differences, moving refs.

CR branches and target branches move only here, as effects: look up, then compare-and-swap from the recorded old value to
the recorded commit. Objects come from the cache that worker and controller of one machine share, or from the remote.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from controller.pull_requests import forge_of
from controller.wiring import InspectedRepository, Place, RepositoryDiff
from pipeline.change_request import ForgeKind, RepositoryTarget
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import (
    DeleteRef,
    DeleteSnapshots,
    Merge,
    Merged,
    OnRemote,
    Push,
    Pushed,
    RefDeleted,
    SnapshotsDeleted,
)
from pipeline.errors import CallerError, Conflict, PersonNeeded, TransientError
from pipeline.ports import Forge, RemoteFacts, Repository
from pipeline.repositories.components import described, test_command_of
from pipeline.snapshots import saving
from pipeline.stage.repository_reading import Composition, composition_at, in_the_way, instrument_at

_log = structlog.get_logger(__name__)

OpenRepository = Callable[[str, Place], Awaitable[Repository]]
"""From a name and a place to the repository on its cache."""

LookAtRemote = Callable[[Place, str | None], Awaitable[RemoteFacts]]
PATCH_MAX_BYTES = 1_000_000
SEEN_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one commit is made of."""

    composition: Composition
    unprotected: tuple[str, ...]


class GitInspector:
    """Implements `controller.wiring.RepositoryInspector`. The remote is asked each time; a commit is read only once."""

    def __init__(self, open_repository: OpenRepository, look: LookAtRemote, *, fetch_timeout_s: float = 600.0) -> None:
        self._open = open_repository
        self._look = look
        self._fetch_timeout_s = fetch_timeout_s
        self._seen: dict[tuple[str, str, str | None], _Seen] = {}

    async def inspect(
        self, place: Place, base_branch: str | None, test_command: str | None, behaviour_path: str | None = None
    ) -> InspectedRepository:
        """Look at the remote, fetch it and find out how its tests run. Raises `CallerError` that names the remedy."""
        facts = await self._look(place, base_branch)
        name = proposed_name(facts.remote)
        seen = await self._composition(name, place, facts, test_command)
        if behaviour_path is not None:
            await self._refuse_blocked(name, place, facts, behaviour_path)
        return InspectedRepository(
            name=name,
            remote=facts.remote,
            base_branch=facts.base_branch,
            base_commit=facts.base_commit,
            stack=described(seen.composition.parts),
            test_command=test_command_of(seen.composition.parts),
            manifest_hash=seen.composition.manifest_hash,
            warnings=facts.warnings,
            unprotected=seen.unprotected,
        )

    async def _refuse_blocked(self, name: str, place: Place, facts: RemoteFacts, behaviour_path: str) -> None:
        repository = await self._open(name, place)
        if not await repository.has_commit(facts.base_commit):
            await self._fetch(repository)
        found = await in_the_way(repository, facts.base_commit, behaviour_path)
        if found is not None:
            raise CallerError(
                f"Behaviour specs cannot be kept in {behaviour_path}: {found} is a file or a link on {facts.base_branch}.",
                field="behaviour_path", remedy="Name a directory, or one that does not exist yet.",
            )  # fmt: skip

    async def _fetch(self, repository: Repository) -> None:
        """Fetch while somebody waits for the answer: within bounds, and what is wrong is the caller's to mend."""
        try:
            async with asyncio.timeout(self._fetch_timeout_s):
                await repository.fetch()
        except TimeoutError as late:
            raise CallerError(
                f"The repository could not be fetched within {self._fetch_timeout_s:g} s.", field="remote",
                remedy="Check the remote, or raise CHANGELINE_GIT__FIRST_FETCH_TIMEOUT_S.",
            ) from late  # fmt: skip
        except PersonNeeded as refused:
            remedy = refused.facts.get("remedy")
            raise CallerError(refused.message, field="remote", remedy=str(remedy) if remedy else None) from refused

    async def _composition(self, name: str, place: Place, facts: RemoteFacts, test_command: str | None) -> _Seen:
        key = (facts.remote, facts.base_commit, test_command)
        if key in self._seen:
            return self._seen[key]
        repository = await self._open(name, place)
        await self._fetch(repository)
        if not await repository.has_commit(facts.base_commit):
            raise _no_commit(facts)
        target = RepositoryTarget(
            name=name, remote=facts.remote, base_branch=facts.base_branch, test_command=test_command
        )
        composition = await composition_at(repository, facts.base_commit, target)
        instrument = await instrument_at(repository, facts.base_commit, composition.parts)
        found = _Seen(composition=composition, unprotected=instrument.exposed)
        while len(self._seen) >= SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = found
        return found


class GitDiffs:
    """Implements `controller.wiring.DiffReader`."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository

    async def holds(self, tenant: str, target: RepositoryTarget, *commits: str) -> bool:
        """Whether the cache of this machine has all of these commits."""
        repository = await self._open(target.name, Place.of(tenant, target))
        return all([await repository.has_commit(commit) for commit in commits])

    async def read(self, tenant: str, target: RepositoryTarget, base: str, head: str) -> RepositoryDiff:
        """Return the difference between two commits of the cache."""
        repository = await self._open(target.name, Place.of(tenant, target))
        patch = await repository.diff(base, head)
        cut = patch.encode()[:PATCH_MAX_BYTES].decode(errors="ignore")
        files = tuple(await repository.changed_files(base, head))
        return RepositoryDiff(files=files, patch=cut, truncated=len(cut) < len(patch))


class GitRemoteRefs:
    """Implements `controller.wiring.RemoteRefs`."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository

    async def below(self, name: str, place: Place, prefixes: Sequence[str]) -> Mapping[str, str]:
        """Ask the remote itself."""
        return await (await self._open(name, place)).remote_refs(prefixes)


class BranchPusher:
    """Effect `push`: a CR branch to a recorded commit."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository

    async def execute(self, effect: Effect) -> Pushed:
        """Push by compare-and-swap; a branch that is there already is success."""
        push = effect.needs(Push)
        repository = await _with_commit(self._open, effect, push.commit)
        await repository.push(commit=push.commit, ref=push.ref, expected=push.expected)
        return Pushed(ref=push.ref, commit=push.commit)


class Merger:
    """Effect `merge`: a target branch to the recorded merge commit."""

    def __init__(self, open_repository: OpenRepository, forges: Mapping[ForgeKind, Forge]) -> None:
        self._open = open_repository
        self._forges = forges

    async def execute(self, effect: Effect) -> Merged:
        """Merge once: a target that contains the commit is done; one that moved elsewhere conflicts."""
        merge = effect.needs(Merge)
        repository = await _with_commit(self._open, effect, merge.commit)
        forge = forge_of(self._forges, effect)
        await forge.merge(repository, commit=merge.commit, base_branch=merge.base_branch, expected=merge.expected)
        return Merged(base_branch=merge.base_branch, commit=merge.commit)


class RefDeleter:
    """Effect `delete_ref`: a branch that is still where this change request left it."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository

    async def execute(self, effect: Effect) -> RefDeleted:
        """Delete by compare-and-swap; an absent ref is success, a moved one is left alone."""
        deletion = effect.needs(DeleteRef)
        repository = await opened(self._open, effect)
        try:
            await repository.push(commit=None, ref=deletion.ref, expected=deletion.expected)
        except Conflict:
            return RefDeleted(ref=deletion.ref, deleted=False, why="the branch moved since and was left alone")
        return RefDeleted(ref=deletion.ref)


class SnapshotDeleter:
    """Effect `delete_snapshots`: what every epoch of a change request saved at the remote of one repository."""

    def __init__(self, open_repository: OpenRepository) -> None:
        self._open = open_repository

    async def execute(self, effect: Effect) -> SnapshotsDeleted:
        """Delete whatever is there now; nothing there is success."""
        name, saved = str(effect.repository), effect.needs(DeleteSnapshots)
        repository = await opened(self._open, effect)
        deleted = await saving.delete_snapshots(repository, saved.cr_id, name, shown=saved.shown)
        why_not = await repository.prune()
        _log.info("cache_pruned" if why_not is None else "cache_not_pruned", repository=name, why=why_not)
        return SnapshotsDeleted(refs=tuple(deleted))


def proposed_name(remote: str) -> str:
    """Return a repository name from the last part of a remote."""
    last = re.split(r"[/:\\]", remote.rstrip("/"))[-1].removesuffix(".git")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "repository"


async def opened(open_repository: OpenRepository, effect: Effect) -> Repository:
    """Return the repository that an effect is about, as far as its change request may reach."""
    place = Place(tenant=effect.tenant_id, remote=effect.needs(OnRemote).remote, reach=effect.reach)
    return await open_repository(str(effect.repository), place)


def _no_commit(facts: RemoteFacts) -> CallerError:
    return CallerError(
        f"The branch {facts.base_branch} does not point to a commit that can be fetched.", field="base_branch",
        remedy="Look at the branch in the repository, or name another one; if it was moving just now, try again.",
        object=facts.base_commit,
    )  # fmt: skip


async def _with_commit(open_repository: OpenRepository, effect: Effect, commit: str) -> Repository:
    repository = await opened(open_repository, effect)
    if not await repository.has_commit(commit):
        await saving.fetch_snapshots(repository, effect.cr_id, str(effect.repository))
    if not await repository.has_commit(commit):
        raise TransientError("The commit is not in the cache yet.", commit=commit)
    return repository
