"""The `Repository` port on git: one bare cache per remote, and the only two doors to the remote, fetch and push.

Problem: a mirror clone lets the remote prune private refs, and a push by name can overwrite what somebody else pushed a
second ago. Choice: a bare cache that fetches only `refs/heads/*` into `refs/remotes/origin/*`, is collected only when nobody uses it, and
pushes by compare-and-swap. Invariant: the cache holds every commit of the branches, and no ref of the remote moves unless it
stood where the caller had seen it.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pipeline.adapters.git import (
    faces,
    failures,
    local_refusals,
    private_directory,
    pruning,
    remote_refs,
    remotes,
    shallow_sources,
)
from pipeline.adapters.git.local_repository import LocalRepository
from pipeline.adapters.git.network import Remote, Way
from pipeline.adapters.git.objects import full_ref, sha
from pipeline.adapters.git.partial_history import PartialHistory
from pipeline.adapters.git.pruning import CacheUse
from pipeline.adapters.git.remotes import RefusedPush
from pipeline.adapters.git.runner import GitCommands, Output, encoded, held
from pipeline.adapters.git.snapshots import GitSnapshots
from pipeline.adapters.git.submodules import DEPTH_MAX, Found, SubmoduleCache, Submodules
from pipeline.adapters.git.trees import NewUser
from pipeline.errors import CallerError, InvariantBroken, PersonNeeded, TransientError
from pipeline.ports import Author, Clock, History
from pipeline.repositories.ref_names import HEADS, in_the_way

_TRACKED = "refs/remotes/origin/"
_RECORDED = "refs/changeline/recorded/"
_BRANCHES = f"+{HEADS}*:{_TRACKED}*"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class GitRepository(GitSnapshots):
    """One bare cache of one remote, and the disposable trees made from it. Made by `open_repository`."""

    def __init__(
        self,
        *,
        name: str,
        remote: Remote,
        git_dir: Path,
        commands: GitCommands,
        author: Author,
        clock: Clock,
        share: CacheUse,
        submodules: Submodules,
        new_user: NewUser,
        history: PartialHistory,
    ) -> None:
        super().__init__(
            git_dir,
            commands=commands,
            author=author,
            clock=clock,
            submodules=submodules,
            new_user=new_user,
            contents=history,
        )
        self._history = history
        self.name = name
        self._remote = remote
        self._share = share

    def close(self) -> None:
        """Use the cache no more. Idempotent; an object that nothing refers to has closed itself."""
        self._submodules.close()
        self._share.give_up()

    async def prune(self) -> str | None:
        """Delete what no ref of the cache keeps, if nobody else has it open; returns why not, None when it was done.

        The last call on this object.
        """
        self._submodules.close()
        return await pruning.prune(self._git_dir, self._private, self._commands, self._share)

    async def fetch(self) -> None:
        """Bring the cache up to date with the remote's branches. Concurrent calls, in any process, wait in line."""
        async with held(self._private / "fetch.lock", wait_s=self._commands.transfer_timeout_s) as lock:
            await asyncio.to_thread(_remove_stale_locks, self._git_dir)
            try:
                local = await self._remote.local()
                seen = None if local is None else await local.read()
                if seen is not None and seen.cut:
                    await self._fetch_below(seen, lock)
                if local is None or seen is None:
                    output = await self._fetched_branches(lock)
                else:
                    output = await local.fetch(self._git_dir, [_BRANCHES], "--prune", lock=lock, seen=seen)
            except CallerError as refused:
                raise remotes.for_a_person(self._remote.text, refused) from refused
            if output.code == 0:
                await self._fetch_tags(lock, seen)
        if output.code or remotes.left_out_as_shallow(output):
            raise remotes.reading_failure(self._remote.text, output)

    async def brought(self, commit: str) -> Path:
        """Make sure that the cache holds a commit which another repository records, and return the cache's directory."""
        kept = f"{_RECORDED}{sha(commit)}"
        if await self.refs(kept):
            await self._history.of(commit)
            return self._git_dir
        await self.fetch()
        if not await self.has_commit(commit):
            async with held(self._private / "fetch.lock", wait_s=self._commands.transfer_timeout_s) as lock:
                output = await self._fetched([f"{commit}:{kept}"], lock=lock)
            if output.code:
                failures.log(self._remote.text, output)
                raise CallerError(
                    f"The recorded commit {commit[:12]} is on none of its branches.", field="commit",
                    remedy="Push it there, or record another one.",
                )  # fmt: skip
        await self.update_ref(kept, commit)
        await self._history.of(commit)
        return self._git_dir

    async def submodules_of(self, commit: str) -> Found:
        """Return the submodules of a commit, fetching what is not here yet."""
        return await self._submodules.of(sha(commit))

    async def branch_head(self, branch: str) -> str | None:
        """Return the commit of a remote branch as of the last fetch; None when there is no such branch."""
        ref = full_ref(f"{_TRACKED}{branch}")
        found = await self._commands.run(
            "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", git_dir=self._git_dir, accept=(0, 1, 128)
        )
        return found.text if found.code == 0 else None

    async def branch_in_the_way(self, branch: str) -> str | None:
        """Return the remote's branch, as of the last fetch, beside which git cannot keep one of this name."""
        wanted = full_ref(f"{_TRACKED}{branch}")
        top = f"{_TRACKED}{branch.partition('/')[0]}"
        listed = await self._commands.run("for-each-ref", "--format=%(refname)", top, git_dir=self._git_dir)
        other = in_the_way(wanted, listed.text.splitlines())
        return None if other is None else other.removeprefix(_TRACKED)

    async def history(self) -> History:
        """Return what the cache holds of the remote's history, as of the last fetch."""
        return await self._history.state()

    async def push_refusal(self) -> PersonNeeded | None:
        """Return why the remote takes no push of ours at all, as far as a look at it shows; one over a network shows nothing."""
        local = await self._remote.local()
        return None if local is None else local_refusals.push_refusal(await local.read())

    async def remote_ref(self, ref: str) -> str | None:
        """Ask the remote itself for a ref (full name) right now; None when it does not exist."""
        if (local := await self._remote.local()) is not None:
            return (await local.refs()).get(full_ref(ref))
        output = await self._remote.run("ls-remote", refs=(full_ref(ref),))
        if output.code:
            raise remotes.reading_failure(self._remote.text, output)
        return remote_refs.listing(output.text).get(ref)

    async def remote_refs(self, prefixes: Sequence[str]) -> Mapping[str, str]:
        """Ask the remote for its refs below these prefixes (full, ending in a slash) right now: name to commit."""
        below = tuple(f"{full_ref(prefix.rstrip('/'))}/" for prefix in prefixes)
        if (local := await self._remote.local()) is not None:
            return {name: value for name, value in (await local.refs()).items() if name.startswith(below)}
        output = await self._remote.run("ls-remote", refs=[f"{prefix}*" for prefix in below])
        if output.code:
            raise remotes.reading_failure(self._remote.text, output)
        return remote_refs.listing(output.text)

    async def fetch_refs(self, names: Sequence[str], *, into: str) -> None:
        """Bring refs of the remote (full names) into the cache, below `into` (full, ending in a slash). Idempotent."""
        if not names:
            return
        below = full_ref(into.rstrip("/"))
        wanted = [f"+{full_ref(name)}:{below}/{name.removeprefix('refs/')}" for name in names]
        async with held(self._private / "fetch.lock", wait_s=self._commands.transfer_timeout_s) as lock:
            output = await self._fetched(wanted, lock=lock)
        if output.code:
            raise remotes.reading_failure(self._remote.text, output)

    async def push(self, *, commit: str | None, ref: str, expected: str | None) -> None:
        """Move a remote ref by compare-and-swap from `expected` (None: must not exist) to `commit` (None deletes).

        Idempotent. Raises `Conflict` when the remote's value is neither, `PersonNeeded` when the target is checked out
        with changes or the remote refuses, `TransientError` when the remote is away.
        """
        if (local := await self._remote.local()) is not None:
            wanted, seen = (None if one is None else sha(one) for one in (commit, expected))
            # One after the other: a checkout that follows the first is no change of its owner's for the second.
            async with held(self._private / "push.lock", wait_s=self._commands.transfer_timeout_s):
                await local.push(self._git_dir, commit=wanted, ref=ref, expected=seen)
            return
        source = "" if commit is None else sha(commit)
        if commit is not None and await self._history.state() is not History.WHOLE:
            await self._history.leaving(commit, to=(await self.remote_refs([HEADS])).values())
        lease = f"--force-with-lease={full_ref(ref)}:{'' if expected is None else sha(expected)}"
        output = await self._remote.run(
            "push", "--porcelain", "--no-verify", lease, refs=(f"{source}:{ref}",), git_dir=self._git_dir
        )
        if output.code == 0:
            return
        refused = RefusedPush.read(self._remote.text, ref, output)
        if commit is None and refused.already_absent:
            return
        if refused.lease_lost and await self.remote_ref(ref) == commit:
            return
        if refused.lease_lost and expected is None and (other := await self._in_the_way(ref)) is not None:
            raise local_refusals.collision(self._remote.text, ref, other)
        raise refused.error()

    async def _in_the_way(self, ref: str) -> str | None:
        """Ask the remote for a branch above or below this one, beside which git cannot make it."""
        return in_the_way(ref, await self.remote_refs([HEADS]))

    async def _fetched_branches(self, lock: int) -> Output:
        async def fetch(way: Way, left_out: Sequence[str]) -> Output:
            refspecs = "".join(f"{line}\n" for line in (_BRANCHES, *(f"^{name}" for name in left_out)))
            return await self._remote.run(
                "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--stdin",
                git_dir=self._git_dir, lock=lock, stdin=encoded(refspecs), way=way,
            )  # fmt: skip

        async def ask() -> Output:
            listed = await self._remote.run("ls-remote", refs=(f"{HEADS}*",))
            if listed.code == 0 and not listed.stdout:
                # Also what a web page in the place of the repository looks like; pruning by it would forget everything.
                raise TransientError("The git remote lists no branches.", remote=self._remote.text)
            return listed

        return await self._history.fetched(
            lambda way: remote_refs.fetch_usable(partial(fetch, way), ask), branches=True, lock=lock
        )

    async def _fetch_below(self, seen: LocalRepository, lock: int) -> None:
        """Bring the history that a shallow clone lacks."""
        asked = await shallow_sources.brought_below(
            self._remote, seen, git_dir=self._git_dir, commands=self._commands, lock=lock
        )
        failed = None if asked is None else remotes.reading_below_failure(self._remote.text, asked[0].text, asked[1])
        if failed is not None:
            raise failed

    async def _fetch_tags(self, lock: int, seen: LocalRepository | None) -> None:
        """Bring tags up to date, for trees whose tools ask for the nearest one. Work never waits for a tag that fails.

        `seen` is what a repository on this machine had a moment ago.
        """
        if seen is not None:
            listed = remote_refs.tags(faces.served(seen))
        else:
            asked = await self._remote.run("ls-remote", refs=(f"{remote_refs.TAGS}*",))
            if asked.code:
                return
            listed = remote_refs.tags(remote_refs.listing(asked.text))
        known = await self.refs(remote_refs.TAGS)
        for gone in known.keys() - listed.keys():
            await self._commands.run("update-ref", "-d", gone, git_dir=self._git_dir, lock=lock)
        wanted = [f"+{ref}:{ref}" for ref, value in listed.items() if known.get(ref) != value]
        if wanted and (output := await self._fetched(wanted, lock=lock)).code:
            failures.log(self._remote.text, output)

    async def _fetched(self, refspecs: Sequence[str], *options: str, lock: int) -> Output:
        if (local := await self._remote.local()) is not None:
            return await local.fetch(self._git_dir, refspecs, *options, lock=lock)

        async def fetch(way: Way) -> Output:
            return await self._remote.run(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options,
                refs=refspecs, git_dir=self._git_dir, lock=lock, way=way,
            )  # fmt: skip

        return await self._history.fetched(fetch, branches=False, lock=lock)


def cache_below(root: Path, *, tenant: str, owner: str) -> Path:
    """Return where the caches of a tenant lie. Each has its own: what one fetched or agents made is nobody else's.

    `owner` is the tenant of the installation, whose caches lie at the top.
    """
    if not _NAME.fullmatch(tenant):
        raise InvariantBroken("A tenant's name cannot be a directory.", tenant=tenant)
    return root if tenant == owner else root / "tenants" / tenant


async def open_repository(
    *,
    name: str,
    remote: Remote,
    cache_dir: Path,
    commands: GitCommands,
    author: Author,
    clock: Clock,
    nested_max: int = DEPTH_MAX,
    new_user: NewUser = lambda: None,
) -> GitRepository:
    """Return the repository, making an empty cache below `cache_dir` if there is none. Does not ask the remote.

    Sweeps what killed processes left beside the cache.

    `author` makes the snapshots; `nested_max` is how deep submodules may be nested; `new_user` is asked for each new tree. Raises `CallerError` for a name that is not allowed.
    """
    if not _NAME.fullmatch(name):
        raise CallerError("A repository's name is letters, digits, dot, dash and underscore.", field="name")
    if not cache_dir.is_absolute():
        raise CallerError("The cache directory is named by its absolute path.", field="cache_dir")
    git_dir = cache_dir / f"{name}-{hashlib.sha256(remote.text.encode()).hexdigest()[:16]}.git"
    private = git_dir.with_suffix(".trees")
    await asyncio.to_thread(private.mkdir, parents=True, exist_ok=True, mode=0o700)
    share = await pruning.use(private, wait_s=commands.timeout_s)
    await private_directory.sweep(private)
    await asyncio.to_thread(faces.sweep)
    async with held(git_dir.with_suffix(".lock"), wait_s=commands.timeout_s) as lock:
        if not await asyncio.to_thread(git_dir.exists):
            fresh = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{git_dir.name}.", dir=git_dir.parent))
            await commands.run("init", "-q", "--bare", "--template=", str(fresh), lock=lock)
            await asyncio.to_thread(fresh.rename, git_dir)

    async def open_submodule(to: Remote, below: Path, depth: int) -> SubmoduleCache:
        return await open_repository(
            name="submodule",
            remote=to,
            cache_dir=below,
            commands=commands,
            author=author,
            clock=clock,
            nested_max=depth,
        )

    history = PartialHistory(git_dir=git_dir, private=private, commands=commands, remote=remote)
    submodules = Submodules(
        remote=remote,
        git_dir=git_dir,
        commands=commands,
        open_cache=open_submodule,
        contents=history,
        depth_left=nested_max,
    )
    return GitRepository(
        name=name, remote=remote, git_dir=git_dir, commands=commands, author=author, clock=clock, share=share,
        submodules=submodules, new_user=new_user, history=history,
    )  # fmt: skip


def _remove_stale_locks(git_dir: Path) -> None:
    """Delete what a killed fetch left behind. Only fetches write these files, and the caller holds their lock."""
    for name in ("packed-refs.lock", "shallow.lock"):
        (git_dir / name).unlink(missing_ok=True)
    # Level by level: the remote decides how deep its names are, and Python how deep a search may call itself.
    levels = [git_dir / _TRACKED]
    while levels:
        with contextlib.suppress(FileNotFoundError), os.scandir(levels.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    levels.append(Path(entry.path))
                elif entry.name.endswith(".lock"):
                    Path(entry.path).unlink(missing_ok=True)
