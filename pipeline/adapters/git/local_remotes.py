"""Remotes that are directories of this machine: what they hold, how it comes into a cache, how a branch of theirs moves.

Problem: fetching from a path makes git serve that path with the path's own configuration, and pushing to it runs its
hooks and its filters as this account. Choice: git serves and writes through faces of our own (`git_faces`), as the
repository's owner when we are root. A push is a pack that is added, a checked-out tree that is moved along where it is
clean, and one compare-and-swap of the ref. Invariant: nothing of the repository's own runs, and where
it has hooks that would judge a push, none is made; a tree with changes of its owner is never touched; the ref moves last, so a push that was cut short is simply done again.
"""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.adapters.git import faces, local_refs
from pipeline.adapters.git.local_refs import NOTHING
from pipeline.adapters.git.local_refusals import (
    branch_of,
    held_up,
    moved_on,
    push_refusal,
    readable,
    refuse_checked_out,
    refuse_collision,
    refuse_odd_rules,
    refuse_out_of_reach,
    unwritten,
)
from pipeline.adapters.git.local_repository import Checkout, LocalRepository, checkout_at, read_local
from pipeline.adapters.git.objects import full_ref, sha
from pipeline.adapters.git.plain_files import leads_straight, umask_like
from pipeline.adapters.git.runner import Account, GitCommands, Output, decoded
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, PersonNeeded, TransientError
from pipeline.machine import shortage

_ANY = range(256)
_TYPES = frozenset({"commit", "tree", "blob", "tag"})
_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class LocalRemote:
    """One repository of this machine, as a remote."""

    path: Path
    commands: GitCommands

    async def look(self) -> LocalRepository:
        """Look at it for whoever named it. Raises `CallerError` when it is none that can be used."""
        local = await asyncio.to_thread(read_local, self.path, self.commands, also_shallow=True)
        held = sorted(set(faces.served(local).values()))
        async with _made(lambda: faces.reading(local)) as face:
            kinds = dict(zip(held, await self._kinds(face, held, local.account), strict=True))
        return replace(local, lacking=frozenset(one for one, kind in kinds.items() if kind == _MISSING))

    async def read(self) -> LocalRepository:
        """Look at it for a change request that is under way: what is wrong needs time, or a person who mends it."""
        try:
            return await self.look()
        except CallerError as refused:
            if not await asyncio.to_thread(self.path.exists):
                raise TransientError(
                    "The git remote is not there. Check the path and what it is mounted from, then resume.",
                    remote=str(self.path),
                ) from refused
            raise self._for_a_person(PauseReason.REMOTE_UNREACHABLE, refused) from refused

    def _for_a_person(self, reason: PauseReason, refused: CallerError) -> PersonNeeded:
        message = f"{refused.message} {refused.remedy or ''}".strip()
        return PersonNeeded(reason, message, remote=str(self.path), remedy=refused.remedy)

    async def refs(self) -> dict[str, str]:
        """Return what it has now: full names to commits."""
        return faces.served(await self.read())

    async def fetch(
        self, git_dir: Path, refspecs: Sequence[str], *options: str, lock: int, seen: LocalRepository | None = None
    ) -> Output:
        """Fetch into a cache; never fails by itself, the caller reads the output. `seen` saves a second look."""
        local = seen or await self.read()
        async with _made(lambda: faces.reading(local)) as face:
            serve = [*(local.account.wrapper if local.account else ()), "git", "-c", "safe.directory=*", "upload-pack"]
            return await self.commands.run(
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", *options,
                f"--upload-pack={shlex.join(serve)}", "--", str(face), *refspecs,
                git_dir=git_dir, lock=lock, accept=_ANY,
            )  # fmt: skip

    async def push(self, cache: Path, *, commit: str | None, ref: str, expected: str | None) -> None:
        """Move a ref from `expected` (None: must not exist) to a commit of the cache (None deletes). Idempotent.

        Raises `Conflict` when the ref is somewhere else, `PersonNeeded` when it is checked out with changes or cannot be
        written by this account.
        """
        local = await self.read()
        ref = local.same_as(full_ref(ref))
        present = local.refs.get(ref)
        if present == commit:
            return
        if present != expected:
            raise moved_on(ref)
        if present is None:
            refuse_collision(self.path, ref, local.refs)
        await asyncio.to_thread(self._refuse_unwritable, local, ref)
        refuse_out_of_reach(local.checkouts, ref)
        checkouts = [one for one in local.checkouts if one.branch == ref]
        if commit is None:
            refuse_checked_out(checkouts, ref)
            await self._swap(local, ref, commit, expected)
            return
        async with self._added(cache, local, commit, ref):
            await self._advance(local, checkouts, ref, commit, expected)

    async def _advance(
        self, local: LocalRepository, checkouts: Sequence[Checkout], ref: str, commit: str, expected: str | None
    ) -> None:
        for checkout in checkouts:
            await self._refuse_odd_rules(checkout)
            await self._bring_along(local, checkout, expected, commit)
        try:
            await self._swap(local, ref, commit, expected)
        finally:
            for checkout in checkouts if expected is not None else ():
                await self._take_back(local, checkout, ref, str(expected), commit)

    async def uncommitted(self, local: LocalRepository, checkout: Checkout) -> list[str]:
        """List changed and new files of a checkout, as far as they can be seen without its filters.

        Raises `CallerError` for a checkout that git could not look at to the end.
        """
        await asyncio.to_thread(refuse_odd_rules, checkout.path)
        wanted = ["--porcelain", "-z", "--no-renames", "--ignore-submodules=all", "--untracked-files=normal"]
        status = await self._in_checkout(local, checkout, "status", *wanted)
        return [readable(line[3:]) for line in status.fields]

    def _refuse_unwritable(self, local: LocalRepository, ref: str) -> None:
        if (refused := push_refusal(local)) is not None:
            raise refused
        if not leads_straight(local.common, ref):
            raise PersonNeeded(
                PauseReason.DELIVERY_FAILED,
                f"{ref} cannot be written in {self.path}: a link or a special file lies on its way. Remove it, then resume.",
                remedy="Remove it, then resume.", remote=str(self.path), ref=ref,
            )  # fmt: skip

    @contextlib.asynccontextmanager
    async def _added(self, cache: Path, local: LocalRepository, commit: str, ref: str) -> AsyncIterator[None]:
        """Give it everything that `commit` needs and that none of its refs has.

        Its owner's `git gc` takes nothing of that away within this block, before a ref holds it.
        """
        known = await self._known(cache, local)
        revisions = "".join(f"{line}\n" for line in (commit, *(f"^{one}" for one in known)))
        pack = await self.commands.run(
            "pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset",
            git_dir=cache, stdin=revisions.encode(),
        )  # fmt: skip
        await asyncio.to_thread(faces.make_room_for_packs, local)
        async with _made(lambda: faces.writing(local)) as face:
            added = await self._write(
                local, "index-pack", "--stdin", "--keep=changeline", git_dir=face, stdin=pack.stdout, accept=_ANY
            )
        if added.code:
            raise shortage.told_by(added.complaint) or unwritten(self.path, ref, added)
        kept = local.common / "objects" / "pack" / f"pack-{sha(added.text.rpartition(chr(9))[2])}.keep"
        try:
            yield
        finally:
            await asyncio.to_thread(kept.unlink, missing_ok=True)

    async def _known(self, cache: Path, local: LocalRepository) -> list[str]:
        held = sorted(set(faces.served(local).values()))
        return [one for one, kind in zip(held, await self._kinds(cache, held), strict=True) if kind == "commit"]

    async def _kinds(self, git_dir: Path, objects: Sequence[str], account: Account | None = None) -> list[str]:
        """Return what each object is: `commit`, another type, or `_MISSING`."""
        asked = "".join(f"{one}\n" for one in objects).encode()
        told = await self.commands.run(
            "cat-file", "--batch-check=%(objecttype)", git_dir=git_dir, stdin=asked, accept=_ANY, account=account
        )
        kinds = [kind if kind in _TYPES else _MISSING for kind in told.text.splitlines()]
        return kinds + [_MISSING] * (len(objects) - len(kinds))

    async def _swap(self, local: LocalRepository, ref: str, commit: str | None, expected: str | None) -> None:
        change = ("-d", ref) if commit is None else (ref, commit)
        async with _made(lambda: faces.writing(local, ref=ref)) as face:
            moved = await self._write(
                local, "update-ref", "-m", "changeline", *change, expected or NOTHING, git_dir=face, accept=_ANY
            )
        if moved.code == 0:
            return
        present = (await self.read()).refs.get(ref)
        if present == commit:
            return
        if present != expected:
            raise moved_on(ref)
        if "File exists" in moved.complaint:
            raise TransientError("Another git process is at work in the repository.", remote=str(self.path), ref=ref)
        raise unwritten(self.path, ref, moved)

    async def _bring_along(self, local: LocalRepository, checkout: Checkout, old: str | None, new: str) -> None:
        """Move a clean checkout to `new`; one that was moved there already, and then cut short, is left as it is.

        Files that a filter of the owner's would make (LFS) arrive as they are committed.
        """
        if await self._is_clean_at(local, checkout, new):
            return
        local = await self._as_checked_out(local, checkout, old)
        if old is None or not await self._is_clean_at(local, checkout, old):
            raise await self._dirty(local, checkout)
        try:
            moved = await self._moved_tree(local, checkout, old, new)
        except asyncio.CancelledError:
            # It came to its end; whether anybody tries again is not known here.
            await self._take_back(local, checkout, str(checkout.branch), old, new)
            raise
        if moved.code:
            raise await self._dirty(local, checkout, moved)

    async def _as_checked_out(self, local: LocalRepository, checkout: Checkout, commit: str | None) -> LocalRepository:
        """Return the repository with the line endings that its owner's own configuration, which we do not read, has put there."""
        if commit is None or "core.autocrlf" in local.settings or await self._is_clean_at(local, checkout, commit):
            return local
        converted = replace(local, settings={**local.settings, "core.autocrlf": "true"})
        return converted if await self._is_clean_at(converted, checkout, commit) else local

    async def _refuse_odd_rules(self, checkout: Checkout) -> None:
        try:
            await asyncio.to_thread(refuse_odd_rules, checkout.path)
        except CallerError as refused:
            raise self._for_a_person(PauseReason.TARGET_CHECKOUT_DIRTY, refused) from refused

    async def _is_clean_at(self, local: LocalRepository, checkout: Checkout, commit: str) -> bool:
        # `status` looks without a lock, so that one which is cut short leaves nothing in its owner's way.
        asked = ("status", "--porcelain", "--no-renames", "--ignore-submodules=all", "--untracked-files=no")
        found = await self._in_checkout(local, checkout, *asked, at=commit)
        return not found.code and not found.stdout

    async def _moved_tree(self, local: LocalRepository, checkout: Checkout, old: str, new: str) -> Output:
        """Carry the difference between two commits into a checkout, around every change of its owner's, ignored files too."""
        asked = ("checkout", "--quiet", "--detach", "--no-overwrite-ignore", new)
        return await self._in_checkout(local, checkout, *asked, at=old, writes=True)

    async def _take_back(self, local: LocalRepository, checkout: Checkout, ref: str, old: str, new: str) -> None:
        """Undo what was brought along where its owner committed, or went to another branch, at that very moment."""
        now = await asyncio.to_thread(checkout_at, checkout.path, checkout.git_dir, local.common)
        refs = await asyncio.to_thread(local_refs.read, local.common)
        if now.branch == ref and refs.get(ref) == new:
            return
        detached = await asyncio.to_thread(local_refs.head, checkout.git_dir)
        head = detached if now.branch is None else now.branch
        staged = await self._in_checkout(local, now, "diff-index", "--cached", "--quiet", refs.get(head, head), "--")
        if staged.code == 1:
            await self._moved_tree(local, now, new, old)

    async def _dirty(self, local: LocalRepository, checkout: Checkout, refused: Output | None = None) -> PersonNeeded:
        """Name what is in the way; what `status` does not show is named by git's refusal."""
        changed = await self.uncommitted(local, checkout)
        if refused is None or changed:
            return held_up(
                checkout, changed,
                f"{branch_of(checkout)} is checked out in {checkout.path} with uncommitted changes.",
                f"Commit or stash the changes in {checkout.path} (or check out another branch there), then resume.",
            )  # fmt: skip
        told = decoded(refused.stderr).split("\n")
        return held_up(
            checkout, [readable(line.strip()) for line in told if line.startswith("\t")],
            f"{branch_of(checkout)} is checked out in {checkout.path}, with files in the way that `git status` does not show.",
            f"Move them out of {checkout.path} (or check out another branch there), then resume.",
        )  # fmt: skip

    async def _in_checkout(
        self, local: LocalRepository, checkout: Checkout, *arguments: str, at: str | None = None, writes: bool = False
    ) -> Output:
        limit_s = self.commands.transfer_timeout_s if writes else _LOOK_S
        async with _made(lambda: faces.writing(local, checkout, at=at)) as face:
            try:
                output = await self.commands.run(
                    *arguments, git_dir=face, work_tree=checkout.path, index=checkout.git_dir / "index",
                    accept=_ANY, account=local.account, configuration=local.settings, timeout_s=limit_s,
                    umask=umask_like(checkout.path), unbroken=writes,
                )  # fmt: skip
            except TransientError as endless:
                raise held_up(
                    checkout, [], f"git {arguments[0]} does not end in {checkout.path} within {limit_s:g} s.",
                    "Look for pipes, devices and giant files among its tracked files and .gitignore, then resume.",
                ) from endless  # fmt: skip
        if output.code and (short := shortage.told_by(output.complaint)) is not None:
            raise short
        if output.code and "index.lock" in output.complaint:
            raise TransientError("Another git process is at work in the checkout.", path=str(checkout.path))
        return output

    async def _write(
        self, local: LocalRepository, *arguments: str, git_dir: Path, stdin: bytes = b"", accept: Sequence[int] = (0,)
    ) -> Output:
        return await self.commands.run(
            *arguments, git_dir=git_dir, stdin=stdin, accept=accept, account=local.account,
            environment=_IDENTITY, configuration={**local.settings, **_LOGGED}, umask=umask_like(local.common),
            unbroken=arguments[0] == "update-ref",
        )  # fmt: skip


_LOOK_S = 60.0
_IDENTITY = {"GIT_COMMITTER_NAME": "Changeline", "GIT_COMMITTER_EMAIL": "changeline@localhost"}
_LOGGED = {"core.logAllRefUpdates": "true"}


@contextlib.asynccontextmanager
async def _made(face: Callable[[], AbstractContextManager[Path]]) -> AsyncIterator[Path]:
    """Make and remove a face in threads, because both touch the disk."""
    made = face()
    path = await asyncio.to_thread(made.__enter__)
    try:
        yield path
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)
