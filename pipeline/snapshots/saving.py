"""Snapshots of the work, saved at the remote while the agents go on, and brought back where a cache is gone.

Problem: what an agent did since the last delivery lies on one machine only, and what lies there may not be fit to leave
it. Choice: beside the run, at stage ends and at a bounded interval, all that is new is judged commit by commit and pushed
to one ref of this epoch, as the parents of one envelope commit; a remote that refuses private refs gets a branch.
Invariants: nothing leaves before it passed; a ref of another epoch is never moved; no turn ever waits for a remote.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.change_request import PauseReason, wip_branch, wip_prefixes, wip_ref
from pipeline.concurrency.cancellation import until_set
from pipeline.effects.effect import Intent
from pipeline.effects.kinds import DeleteSnapshots
from pipeline.errors import ChangelineError, Conflict, LeaseLost, PersonNeeded
from pipeline.events import Warned
from pipeline.limits import Limits
from pipeline.ports import Author, Clock, Emit, Repository, SecretScanner
from pipeline.repositories import kept_refs
from pipeline.snapshots import checks

"""The kind of effect that deletes all snapshots of one repository."""
SETTLE_S = 20.0
"""How long a worker that leaves its change request waits for its last push."""
MESSAGE = "Snapshots of {cr_id}\n\nThe parents are the snapshots. Changeline deletes this ref when the work is done.\n"


@dataclass(slots=True, kw_only=True)
class _Line:
    """What this epoch knows of one repository's snapshots."""

    private: bool = True
    """Whether the remote is believed to take private refs; settled for the run by its first refusal."""
    at_remote: str | None = None
    known: list[str] | None = None
    """Commits that passed and left, of this epoch and of earlier ones."""
    rules: str | None = None
    done: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    complaint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPushes:
    """Implements `pipeline.stage.context.Snapshots` for one epoch of one change request."""

    cr_id: str
    epoch: int
    repositories: Mapping[str, Repository]
    scanner: SecretScanner
    limits: Limits
    author: Author
    clock: Clock
    emit: Emit
    _lines: dict[str, _Line] = field(default_factory=dict)
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Push whenever it is due or asked for, until cancelled or ended."""
        while not self._ended.is_set():
            await until_set(self._due, self.limits.snapshot_interval_s)
            self._due.clear()
            await self.push()

    def kick(self) -> None:
        """Ask for a push soon; returns at once."""
        self._due.set()

    async def settle(self) -> None:
        """Push what is left, for a bounded time, before the worker leaves."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self.push()

    async def end(self) -> None:
        """Push nothing any more; a push under way is finished first."""
        async with self._busy:
            self._ended.set()
            self._due.set()

    async def push(self) -> None:
        """Push what is new of every repository. Problems of a remote are a warning, and tried again next time."""
        async with self._busy:
            if self._ended.is_set():
                return
            for name in sorted(self.repositories):
                line = self._lines.setdefault(name, _Line())
                try:
                    await self._push(name, line)
                except LeaseLost:
                    self._ended.set()
                    return
                except ChangelineError as problem:
                    await self._complain(name, line, problem.message)

    async def bring_back(self, name: str, commits: Sequence[str]) -> list[str]:
        """Make the cache hold `commits`, from the remote where they are lost; return those that are lost for good."""
        repository = self.repositories[name]
        lost = [commit for commit in commits if not await repository.has_commit(commit)]
        if not lost:
            return []
        await repository.fetch()
        await fetch_snapshots(repository, self.cr_id, name)
        return [commit for commit in lost if not await repository.has_commit(commit)]

    async def _push(self, name: str, line: _Line) -> None:
        repository = self.repositories[name]
        fresh = [tip for tip in await self._tips(name) if tip not in line.done]
        if not fresh:
            return
        if line.known is None:
            line.known = list((await repository.refs(kept_refs.pushed(self.cr_id))).values())
        passing = [tip for tip in fresh if await self._may_leave(name, line, tip)]
        line.done.update(set(fresh) - set(passing))
        if not passing:
            return
        message = MESSAGE.format(cr_id=self.cr_id)
        parents = [*([line.at_remote] if line.at_remote else []), *passing]
        envelope = await repository.commit_tree_of(
            passing[0], parents=parents, message=message, author=self.author, when=self.clock.now()
        )
        await self._send(repository, name, line, envelope)
        await repository.update_ref(kept_refs.pushed(self.cr_id, self.epoch), envelope)
        line.done.update(passing)
        line.known, line.at_remote, line.complaint = [*line.known, envelope], envelope, ""

    async def _tips(self, name: str) -> list[str]:
        """Return the newest snapshots and every commit that is kept; what earlier epochs left behind too."""
        saved = wip_prefixes(self.cr_id, name)[0]
        found = await self.repositories[name].refs(saved, kept_refs.prefix(self.cr_id))
        wip = [commit for ref, commit in found.items() if ref.startswith(saved)]
        kept = {ref: commit for ref, commit in found.items() if not ref.startswith(saved)}
        return list(dict.fromkeys([*wip, *kept_refs.of_epochs(self.cr_id, kept)]))

    async def _may_leave(self, name: str, line: _Line, tip: str) -> bool:
        repository = self.repositories[name]
        if line.rules is None:
            all_new = await repository.unpublished(tip, known=())
            parents = (await repository.commit_facts(all_new[0])).parents if all_new else ()
            line.rules = parents[0] if parents else None
        for commit in await repository.unpublished(tip, known=line.known or ()):
            if commit in line.passed:
                continue
            if commit not in line.held:
                why = await checks.refusal(
                    repository, commit, rules=line.rules, scanner=self.scanner, limits=self.limits
                )
                if why is None:
                    line.passed.add(commit)
                    continue
                line.held[commit] = why
                await self._warn(name, f"A snapshot of {name} ({commit[:12]}) stays on this machine: {why}.")
            return False
        return True

    async def _send(self, repository: Repository, name: str, line: _Line, envelope: str) -> None:
        try:
            await self._push_to(repository, name, line, envelope)
        except PersonNeeded as refused:
            if not line.private or refused.reason is not PauseReason.DELIVERY_FAILED:
                raise
            line.private, line.at_remote = False, None
            await self._push_to(repository, name, line, envelope)

    async def _push_to(self, repository: Repository, name: str, line: _Line, envelope: str) -> None:
        ref = (wip_ref if line.private else wip_branch)(self.cr_id, name, self.epoch)
        try:
            await repository.push(commit=envelope, ref=ref, expected=line.at_remote)
        except Conflict:
            line.at_remote = await repository.remote_ref(ref)
            raise

    async def _complain(self, name: str, line: _Line, problem: str) -> None:
        if line.complaint != problem:
            line.complaint = problem
            await self._warn(name, f"Snapshots of {name} could not be saved at the remote: {problem}")

    async def _warn(self, name: str, message: str) -> None:
        await self.emit(Warned(message=message, repository=name))


async def fetch_snapshots(repository: Repository, cr_id: str, name: str) -> None:
    """Bring the snapshots of every epoch from the remote into the cache. Idempotent."""
    found = await repository.remote_refs(wip_prefixes(cr_id, name))
    await repository.fetch_refs(sorted(found), into=kept_refs.fetched(cr_id))


async def delete_snapshots(repository: Repository, cr_id: str, name: str, *, shown: Sequence[str]) -> list[str]:
    """Delete the snapshots of every epoch at the remote and in the cache; return the remote's refs that went. Idempotent.

    The commits `shown` stay in the cache, as far as it has them.
    """
    found = await repository.remote_refs(wip_prefixes(cr_id, name))
    for ref, commit in found.items():
        await repository.push(commit=None, ref=ref, expected=commit)
    await forget(repository, cr_id, name, shown=shown)
    return sorted(found)


async def forget(repository: Repository, cr_id: str, name: str, *, shown: Sequence[str]) -> None:
    """Let the cache keep of an ended change request only the commits that people can still look at. Idempotent."""
    for commit in shown:
        if await repository.has_commit(commit):
            await repository.update_ref(kept_refs.shown(cr_id, commit), commit)
    await repository.drop_refs(wip_prefixes(cr_id, name)[0])
    await repository.drop_refs(kept_refs.prefix(cr_id))


def deletion(cr_id: str, attempt: int, repository: str, remote: str, *, shown: Sequence[str | None] = ()) -> Intent:
    """Return the intent to delete all snapshots of one repository.

    `shown` are the commits that people can still look at afterwards, None for those that there are not.
    """
    payload = DeleteSnapshots(remote=remote, cr_id=cr_id, shown=tuple(commit for commit in shown if commit))
    return Intent(key=f"snapshots/{cr_id}/{attempt}/{repository}", repository=repository, payload=payload)
