"""Effect `publish`: what a person takes over leaves this machine, as the change request's branch.

Problem: an unfinished tree is nobody's proof; it may hold a secret that a test run just wrote. Choice: the commit is built
deterministically from the recorded snapshot, its whole difference to the base is scanned, and only then the branch moves
by compare-and-swap. Invariant: a branch that somebody else moved is never overwritten, and nothing unscanned is pushed.
"""

from collections.abc import Collection

from controller.git_work import OpenRepository, opened
from pipeline.change_request import PauseReason
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import Publish, Published
from pipeline.errors import PersonNeeded, TransientError
from pipeline.limits import Limits
from pipeline.ports import Author, Repository, SecretScanner
from pipeline.proof.secret_scan import scan_for_secrets
from pipeline.proof.unified_diff import added_lines
from pipeline.repositories import kept_refs
from pipeline.snapshots import checks

_TRAILER = "Change-Request:"


class SnapshotPublisher:
    """Builds, scans and pushes the state that a person takes over."""

    def __init__(self, open_repository: OpenRepository, *, scanner: SecretScanner, author: Author) -> None:
        self._open = open_repository
        self._scanner = scanner
        self._author = author

    async def execute(self, effect: Effect) -> Published:
        """Publish once; a branch that is there already is success."""
        asked = effect.needs(Publish)
        repository = await opened(self._open, effect)
        tree, left_out = await self._newest_that_may_leave(repository, asked)
        commit = await self._commit(repository, effect.cr_id, asked, tree)
        found = await repository.remote_ref(asked.ref)
        if found != commit:
            await self._refuse_secrets(repository, asked.base, commit)
            expected = found if await _ours(repository, found, commit, asked.ours) else None
            await repository.push(commit=commit, ref=asked.ref, expected=expected)
        return Published(ref=asked.ref, commit=commit, left_out=left_out)

    async def _newest_that_may_leave(self, repository: Repository, asked: Publish) -> tuple[str | None, str]:
        """Return the tree to publish, and in words what stays here because it may not leave.

        What a cut turn left is judged like any snapshot: nobody finished it, and it may be anything.
        """
        cut = asked.cut
        if cut is None:
            return asked.snapshot, ""
        if not await repository.has_commit(cut):
            raise TransientError("The commit is not in the cache yet.", commit=cut)
        limits = Limits().model_copy(update=asked.caps.model_dump() if asked.caps else {})
        why = await checks.refusal(repository, cut, rules=asked.base, scanner=self._scanner, limits=limits)
        if why is None:
            return cut, ""
        return asked.snapshot, f"What the turn that was cut had written is not published: {why}."

    async def _commit(self, repository: Repository, cr_id: str, asked: Publish, snapshot: str | None) -> str:
        proven = asked.proven
        if not await repository.has_commit(snapshot or proven):
            raise TransientError("The commit is not in the cache yet.", commit=snapshot or proven)
        if snapshot is None:
            return proven
        parent = await _newest_of_ours(repository, asked.base, snapshot)
        if not await repository.changed_files(parent, snapshot):
            return parent
        message = (
            f"Work in progress, taken over by {asked.by}\n\nThe agents' newest snapshot, as it stood.\n\n"
            f"{_TRAILER} {cr_id}\nChangeline-Step: takeover\n"
        )
        built = await repository.commit_tree_of(
            snapshot,
            parents=[parent],
            message=message,
            author=self._author,
            when=asked.when,
        )
        await repository.update_ref(kept_refs.purpose(cr_id, "published", built), built)
        return built

    async def _refuse_secrets(self, repository: Repository, base: str, commit: str) -> None:
        changed = await repository.changed_files(base, commit)
        added = added_lines(await repository.diff(base, commit))
        found = scan_for_secrets(changed=changed, added=added, scanner=self._scanner, limits=Limits())
        stops = [finding.message for finding in found if finding.severity.blocking]
        if stops:
            raise PersonNeeded(
                PauseReason.SECRET_FOUND, f"Nothing was published: {stops[0]}", findings=stops[:20], commit=commit
            )


async def _newest_of_ours(repository: Repository, base: str, snapshot: str) -> str:
    """Return the newest commit below a snapshot that is part of the change's own history."""
    for commit, _ in await repository.log(base, snapshot, limit=1_000):
        if _TRAILER in await repository.message(commit):
            return commit
    return base


async def _ours(repository: Repository, found: str | None, commit: str, known: Collection[str]) -> bool:
    """Whether the branch stands where this change request put it, or at something the new commit contains."""
    if found is None or found in known:
        return True
    return await repository.has_commit(found) and await repository.is_ancestor(found, commit)
