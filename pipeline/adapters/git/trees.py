"""Trees on disk: written from the cache, changed by agents, committed back.

Problem: whoever writes a tree decides what git finds in it. Choice: the pipeline's git directory is the cache, its index
lies beside the cache, and the `.git` inside a tree is a disposable copy (`seeds`) for whatever runs there.
Invariant: that `.git` is written and deleted here, never read. Directories that were not made here are never touched. A tree belongs to one
epoch, so a lock file found under the tree's lock is the leftover of a killed process and is removed.
"""

import asyncio
import hashlib
import json
import os
import secrets
import shlex
import shutil
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from pipeline.adapters.git import lfs_files, spare_trees, staging, submodule_trees, tree_files
from pipeline.adapters.git.contents import Contents
from pipeline.adapters.git.objects import GITLINK, GitObjects, sha
from pipeline.adapters.git.runner import Account, GitCommands, Output, encoded, held
from pipeline.adapters.git.seeds import Seeds
from pipeline.adapters.git.spare_trees import Spare, SpareTrees
from pipeline.adapters.git.submodule_trees import SubmoduleTrees
from pipeline.adapters.git.submodules import Found, Submodule, Submodules
from pipeline.adapters.git.tree_checks import RunInTree, TreeCheck, refused, told_to_the_agent
from pipeline.adapters.git.tree_scan import TreeLimits
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, ModelError, TransientError
from pipeline.ports import Author, Clock, Json

NewUser: TypeAlias = Callable[[], int | None]
"""Names the user whose a new tree's files are to be; None leaves them this process's own."""

_LIMITS = TreeLimits()
_WRITING = {"checkout.workers": "0"}
"""Files are written by as many processes as there are processors."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree whose lock is held. `state` is the private directory beside the cache."""

    path: Path
    state: Path
    lock: int

    @property
    def index(self) -> Path:
        """The pipeline's own index of this tree, out of the reach of whoever writes the tree."""
        return self.state / "index"

    def load(self, name: str) -> Json | None:
        """Return a remembered record; None when there is none."""
        file = self.state / f"{name}.json"
        record: Json | None = json.loads(file.read_bytes()) if file.exists() else None
        return record

    def save(self, name: str, record: Json) -> None:
        """Remember a record; a crash leaves the old one or the new one."""
        fresh = self.state / f"{name}.new"
        fresh.write_text(json.dumps(record), encoding="ascii")
        fresh.replace(self.state / f"{name}.json")

    @property
    def submodules(self) -> list[Submodule]:
        """The submodules whose files were laid here, parents first."""
        return submodule_trees.of_record((self.load("tree") or {}).get("submodules", {}))

    @property
    def linked(self) -> list[str]:
        """Where the commit that was laid here has submodules, those without files included."""
        return list((self.load("tree") or {}).get("linked", ()))

    def remember(self, **facts: "str | list[str] | Json") -> None:
        """Change some facts of the tree's own record."""
        self.save("tree", {**(self.load("tree") or {}), "path": str(self.path), **facts})

    def holds(self, found: Found) -> None:
        """Remember which submodules are here."""
        self.remember(submodules=submodule_trees.as_record(found.present), linked=list(found.linked))

    def forget(self, name: str) -> None:
        """Drop a record, if there is one."""
        (self.state / f"{name}.json").unlink(missing_ok=True)


class GitTrees(GitObjects):
    """The part of the `Repository` port that writes trees and takes snapshots of them."""

    def __init__(
        self,
        git_dir: Path,
        *,
        commands: GitCommands,
        author: Author,
        clock: Clock,
        submodules: Submodules,
        new_user: NewUser,
        contents: Contents,
    ) -> None:
        super().__init__(git_dir, commands=commands, author=author, clock=clock, contents=contents)
        self._submodules = submodules
        self._new_user = new_user
        self._spares = SpareTrees()

    async def add_worktree(self, path: Path, commit: str) -> None:
        """Create `path` as a tree of `commit` with a disposable `.git`. Starts over what an earlier call left there."""
        async with self._held_tree(path) as tree:
            await self._write(tree, commit, for_agent=True)

    async def give_back(self, path: Path) -> None:
        """Be done with a tree made by `add_worktree` or `checkout`, in which nothing runs any more. Idempotent.

        A large one is kept aside, under another name beside its place, until another one is made of it or `drop_spares`.
        """
        laid = self._spares.made.pop(path, None)
        async with self._held_tree(path) as tree:
            if laid is None or not await asyncio.to_thread(spare_trees.is_large, tree.index):
                await self._remove(tree)
                return
            spare = Spare(path.with_name(f"{spare_trees.PREFIX}{secrets.token_hex(8)}"), laid)
            await asyncio.to_thread(self._move, tree, spare.path)
        for gone in self._spares.keep(spare):
            await self.remove_worktree(gone.path)

    async def drop_spares(self) -> None:
        """Delete the trees that are kept aside."""
        while self._spares.kept:
            await self.remove_worktree(self._spares.kept.pop().path)

    async def remove_worktree(self, path: Path) -> None:
        """Delete a tree made by `add_worktree` or `checkout`, and its private index. Idempotent."""
        self._spares.made.pop(path, None)
        self._spares.kept = [one for one in self._spares.kept if one.path != path]
        async with self._held_tree(path) as tree:
            await self._remove(tree)

    async def restore_worktree(self, path: Path, commit: str) -> None:
        """Make tracked and untracked (not ignored) files equal `commit` again, and `.git` a fresh one.

        The agent's `.git` keeps the base that `add_worktree` gave it, so that its `git diff` still shows the whole work.
        """
        async with self._held_tree(path) as tree:
            await self._restore(tree, commit)
            record = tree.load("tree")
            await self._seed(tree, record["base"] if record else commit, at=commit)

    async def snapshot(
        self, path: Path, *, parent: str, message: str, declared: Collection[str] = (), edited: Collection[str] = ()
    ) -> str:
        """Commit all non-ignored files of a tree; return `parent` itself when nothing changed.

        Ignored ones of `declared` and `edited` count where the commit has files beside them that were added by force.
        Raises `ModelError`, naming the paths, for what `tree_scan` refuses, new gitlinks, what git cannot store, and
        other `declared` files that git ignores.
        """
        async with self._held_tree(path) as tree:
            try:
                content = await self._staged(tree, parent, declared=declared, edited=edited)
            finally:
                await self._below(tree).put_back(tree.submodules)
            if content is None:
                return parent
            return await self._commit(content, [parent], message, author=self._author, when=self._clock.now())

    async def checkout(self, path: Path, commit: str) -> None:
        """Write the files of `commit` into an absent or empty directory, with a disposable `.git` that is at it."""
        if not await asyncio.to_thread(tree_files.is_vacant, path):
            raise _occupied(path)
        async with self._held_tree(path) as tree:
            await self._write(tree, commit, for_agent=False)

    async def _remove(self, tree: Tree) -> None:
        await asyncio.to_thread(tree_files.delete, tree.path)
        await asyncio.to_thread(shutil.rmtree, tree.state)
        await asyncio.to_thread(tree.state.with_suffix(".lock").unlink)

    async def _write(self, tree: Tree, commit: str, *, for_agent: bool) -> None:
        """Write a whole tree, made of one that was given back where there is one."""
        spare = self._spares.take(for_agent=for_agent)
        if spare is None or not await self._written_over(tree, spare, commit):
            await self._write_anew(tree, commit)
        await self._seed(tree, commit, at=commit)
        self._spares.made[tree.path] = await asyncio.to_thread(spare_trees.laid_now, tree.state, for_agent=for_agent)

    async def _written_over(self, tree: Tree, spare: Spare, commit: str) -> bool:
        """Make a tree of one that was given back; False where that cannot be told from a fresh one for certain."""
        async with self._held_tree(spare.path) as old:
            await asyncio.to_thread(tree_files.delete, tree.path)
            await asyncio.to_thread(shutil.rmtree, tree.state)
            await asyncio.to_thread(self._move, old, tree.path)
        tree.remember(base=sha(commit))
        tree.forget("rebase")
        await self._below(tree).remove(tree.submodules)
        try:
            usable = await asyncio.to_thread(spare_trees.delete_touched, tree.path, spare.laid, tree.index)
        except (OSError, TransientError):
            return False
        if not usable or (await self._lay(tree, commit, accept=(0, 1, 128))).code:
            return False
        await self._git(tree, "clean", "-ffdqx")
        await self._lay_submodules(tree, commit)
        return True

    def _move(self, tree: Tree, to: Path) -> None:
        """Move a tree with all that is remembered of it. The lock of its old place goes with the place."""
        state = self._state_of(to)
        tree.path.rename(to)
        tree.state.rename(state)
        Tree(to, state, tree.lock).remember()
        tree.state.with_suffix(".lock").unlink()

    def _state_of(self, path: Path) -> Path:
        return self._private / hashlib.sha256(encoded(str(path))).hexdigest()[:32]

    @asynccontextmanager
    async def _held_tree(self, path: Path) -> AsyncIterator[Tree]:
        if not path.is_absolute():
            raise CallerError("A tree is named by its absolute path.", field="path", remedy="Resolve it first.")
        state = self._state_of(path)
        async with held(state.with_suffix(".lock"), wait_s=self._commands.timeout_s) as lock:
            await asyncio.to_thread(state.mkdir, exist_ok=True)
            await asyncio.to_thread((state / "index.lock").unlink, missing_ok=True)
            tree = Tree(path, state, lock)
            if tree.load("tree") is None and not await asyncio.to_thread(tree_files.is_vacant, path):
                raise _occupied(path)
            yield tree

    async def _git(
        self,
        tree: Tree,
        *arguments: str,
        stdin: bytes = b"",
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        index: Path | None = None,
        configuration: Mapping[str, str] | None = None,
        account: Account | None = None,
    ) -> Output:
        try:
            return await self._commands.run(
                *arguments, git_dir=self._git_dir, work_tree=tree.path, index=index or tree.index, lock=tree.lock,
                stdin=stdin, accept=accept, environment=environment, configuration=configuration, account=account,
            )  # fmt: skip
        except TransientError as slow:
            if "timeout_s" not in slow.facts:
                raise
            raise TransientError(
                slow.message, reason=PauseReason.MACHINE_SHORT, timeout_s=slow.facts["timeout_s"]
            ) from slow

    async def _write_anew(self, tree: Tree, commit: str) -> None:
        tree.save("tree", {"path": str(tree.path), "base": sha(commit)})
        tree.forget("rebase")
        await self._empty(tree)
        await self._lay(tree, commit)
        await self._lay_submodules(tree, commit)

    async def _empty(self, tree: Tree) -> None:
        """Begin anew, with an empty directory that is its later user's."""
        await asyncio.to_thread(tree_files.empty, tree.path, self._new_user())
        await asyncio.to_thread(tree.index.unlink, missing_ok=True)

    async def _lay(self, tree: Tree, commit: str, *, accept: Sequence[int] = (0,)) -> Output:
        """Write the files of a commit as its directory's owner, so that nobody has to be given them afterwards."""
        await self._contents.of(sha(commit))
        account = await asyncio.to_thread(_owner, tree.path)
        return await self._git(
            tree, "read-tree", "--reset", "-u", sha(commit), accept=accept, configuration=_WRITING, account=account
        )

    async def _lay_submodules(self, tree: Tree, commit: str) -> None:
        """Write the files of the commit's submodules anew, in the place of those that were here."""
        found = await self._submodules.of(sha(commit))
        earlier = tree.submodules
        if not found.linked and not earlier:
            return
        await self._below(tree).remove([*earlier, *found.present])
        tree.holds(found)
        await self._below(tree).lay(found.present, _WRITING)

    def _below(self, tree: Tree) -> SubmoduleTrees:
        return SubmoduleTrees(tree.path, tree.state, self._commands, tree.lock)

    async def _restore(self, tree: Tree, commit: str) -> None:
        """Make the files equal `commit`; ignored ones stay."""
        usable = await asyncio.to_thread(tree_files.is_directory, tree.path)
        if usable:
            await self._below(tree).remove(tree.submodules)
        nested = await TreeCheck(tree.path, _LIMITS, partial(self._git, tree)).nested() if usable else None
        if nested is None:
            # What git must not meet goes with all that is ignored, which is rebuildable.
            await self._empty(tree)
        for path in (".git", *(nested or ())):
            await asyncio.to_thread(tree_files.delete, tree.path / path)
        # Files that were handed to another user look changed, and would all be written again.
        await self._git(tree, "update-index", "-q", "--refresh", accept=(0, 1, 128))
        if (await self._lay(tree, commit, accept=(0, 1, 128))).code:
            # A damaged index, or ignored files where tracked ones belong: what is ignored is rebuildable.
            await self._empty(tree)
            await self._lay(tree, commit)
        await self._git(tree, "clean", "-ffdq")
        await self._lay_submodules(tree, commit)

    async def _staged(
        self, tree: Tree, parent: str, *, declared: Collection[str] = (), edited: Collection[str] = ()
    ) -> str | None:
        """Return the tree object of the files on disk; None when it is that of `parent`."""
        with told_to_the_agent():
            return await self._saved(tree, parent, declared, edited)

    async def _saved(self, tree: Tree, parent: str, declared: Collection[str], edited: Collection[str]) -> str | None:
        if not await asyncio.to_thread(tree_files.is_directory, tree.path):
            raise refused([("The tree itself is gone; put its files back.", [tree.path.name])])
        await self._contents.of(sha(parent))
        submodules = tree.submodules
        await self._below(tree).set_aside(submodules)
        named = {*declared, *edited}
        rules: dict[str, str] = {}
        run = partial(self._git, tree, configuration=rules)
        check = TreeCheck(tree.path, _LIMITS, run, passed_over=[one.path for one in submodules])
        await check.begin(sha(parent))
        if linked := tree.linked:
            await self._below(tree).refuse_changes(submodules, linked, named)
        if left := check.left_repositories(named):
            rules["core.excludesFile"] = str(await asyncio.to_thread(staging.rules_that_leave_out, tree.state, left))
        if (await run("read-tree", "--reset", sha(parent), accept=(0, 1, 128))).code:
            await asyncio.to_thread(tree.index.unlink, missing_ok=True)
            await run("read-tree", parent)
        forced = await staging.ignored_but_named(run, declared=declared, edited=edited)
        await check.finish(forced)
        await _add(run, "--all", "--no-warn-embedded-repo")
        if forced:
            await _add(run, "--force", "--", *forced)
        compared = ("diff-index", "--cached", "--raw", "-z", "--no-renames", parent)
        staged = await run(*compared)
        _refuse_unstorable(staged.fields)
        if await staging.put_back_untouched(run, tree.path, self._private, parent, staged.fields):
            staged = await run(*compared)
        if await lfs_files.put_back_pointers(run, staged.fields, named):
            staged = await run(*compared)
        return (await self._git(tree, "write-tree")).text if staged.stdout else None

    async def _seed(self, tree: Tree, base: str, *, at: str | None = None) -> None:
        """Give the tree a `.git` of its own that is at `base`, knows its files as they are, and shares nothing with the cache.

        `at` is the commit that the tree's own index holds, where that is known.
        """
        await self._contents.of(sha(base))
        inner = tree.path / ".git"
        await asyncio.to_thread(tree_files.delete, inner)
        index = tree.state / "index.seed"
        await asyncio.to_thread(shutil.copyfile, tree.index, index)
        if base != at:
            # Entries that the base has too keep what is known of their files.
            await self._git(tree, "read-tree", "--reset", sha(base), index=index)
        submodules = tree.submodules
        settings = submodule_trees.SETTINGS if submodules else ""
        await Seeds(self._git_dir, self._private, self._commands).plant(inner, base, index=index, settings=settings)
        await self._below(tree).plant(submodules)


async def _add(run: RunInTree, *what: str) -> None:
    added = await run("add", *what, accept=(0, 1, 128))
    if added.code:
        raise ModelError(f"Git cannot save this tree: {added.complaint}", detail=added.complaint)


def _owner(path: Path) -> Account | None:
    """Return whom root laid a tree for; None where that is this process's own user."""
    owner = path.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return None
    return Account(uid=owner.st_uid, gid=owner.st_uid, past_modes=True)


def _refuse_unstorable(raw: list[str]) -> None:
    changes = [(meta.split(" "), path) for meta, path in zip(raw[::2], raw[1::2], strict=True)]
    gitlinks = [path for meta, path in changes if meta[1] == GITLINK]
    if gitlinks:
        raise refused([("Submodules cannot be added or moved; use plain files.", gitlinks)])


def _occupied(path: Path) -> CallerError:
    return CallerError(
        f"{shlex.quote(str(path))} is not a tree of this repository.", field="path", remedy="Name an empty directory."
    )
