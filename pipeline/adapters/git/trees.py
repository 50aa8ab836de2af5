"""Trees on disk: written from the cache, changed by agents, committed back.

Problem: whoever writes a tree decides what git finds in it. Choice: the pipeline's git directory is the cache, its index
lies beside the cache, and the `.git` inside a tree is a disposable copy (`seeds`) for whatever runs there.
Invariant: that `.git` is written and deleted here, never read. Directories that were not made here are never touched. A tree belongs to one
epoch, so a lock file found under the tree's lock is the leftover of a killed process and is removed.
"""

import asyncio
import hashlib
import json
import shlex
import shutil
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.adapters.git import staging, tree_files
from pipeline.adapters.git.objects import GITLINK, GitObjects, sha
from pipeline.adapters.git.runner import Output, encoded, held
from pipeline.adapters.git.seeds import Seeds
from pipeline.adapters.git.tree_checks import TreeCheck, refused, told_to_the_agent
from pipeline.adapters.git.tree_scan import TreeLimits
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, ModelError, TransientError
from pipeline.ports import Json

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

    def forget(self, name: str) -> None:
        """Drop a record, if there is one."""
        (self.state / f"{name}.json").unlink(missing_ok=True)


class GitTrees(GitObjects):
    """The part of the `Repository` port that writes trees and takes snapshots of them."""

    async def add_worktree(self, path: Path, commit: str) -> None:
        """Create `path` as a tree of `commit` with a disposable `.git`. Starts over what an earlier call left there."""
        async with self._held_tree(path) as tree:
            await self._write_anew(tree, commit)
            await self._seed(tree, commit, at=commit)

    async def remove_worktree(self, path: Path) -> None:
        """Delete a tree made by `add_worktree` or `checkout`, and its private index. Idempotent."""
        async with self._held_tree(path) as tree:
            await asyncio.to_thread(tree_files.delete, path)
            await asyncio.to_thread(shutil.rmtree, tree.state)
            await asyncio.to_thread(tree.state.with_suffix(".lock").unlink)

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
            content = await self._staged(tree, parent, declared=declared, edited=edited)
            if content is None:
                return parent
            return await self._commit(content, [parent], message, author=self._author, when=self._clock.now())

    async def checkout(self, path: Path, commit: str) -> None:
        """Write the files of `commit` into an absent or empty directory, with a disposable `.git` that is at it."""
        if not await asyncio.to_thread(tree_files.is_vacant, path):
            raise _occupied(path)
        async with self._held_tree(path) as tree:
            await self._write_anew(tree, commit)
            await self._seed(tree, commit, at=commit)

    @asynccontextmanager
    async def _held_tree(self, path: Path) -> AsyncIterator[Tree]:
        if not path.is_absolute():
            raise CallerError("A tree is named by its absolute path.", field="path", remedy="Resolve it first.")
        state = self._private / hashlib.sha256(encoded(str(path))).hexdigest()[:32]
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
    ) -> Output:
        try:
            return await self._commands.run(
                *arguments, git_dir=self._git_dir, work_tree=tree.path, index=index or tree.index, lock=tree.lock,
                stdin=stdin, accept=accept, environment=environment, configuration=configuration,
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
        await asyncio.to_thread(tree_files.empty, tree.path)
        await asyncio.to_thread(tree.index.unlink, missing_ok=True)
        await self._git(tree, "read-tree", "--reset", "-u", commit, configuration=_WRITING)

    async def _restore(self, tree: Tree, commit: str) -> None:
        usable = await asyncio.to_thread(tree_files.is_directory, tree.path)
        nested = await self._check(tree).nested() if usable else None
        if nested is None:
            # What git must not meet goes with all that is ignored, which is rebuildable.
            await asyncio.to_thread(tree_files.empty, tree.path)
            await asyncio.to_thread(tree.index.unlink, missing_ok=True)
        for path in (".git", *(nested or ())):
            await asyncio.to_thread(tree_files.delete, tree.path / path)
        if (await self._git(tree, "read-tree", "--reset", "-u", sha(commit), accept=(0, 1, 128))).code:
            # A damaged index, or ignored files where tracked ones belong: what is ignored is rebuildable.
            await asyncio.to_thread(tree_files.empty, tree.path)
            await asyncio.to_thread(tree.index.unlink, missing_ok=True)
            await self._git(tree, "read-tree", "--reset", "-u", commit)
        await self._git(tree, "clean", "-ffdq")

    async def _staged(
        self, tree: Tree, parent: str, *, declared: Collection[str] = (), edited: Collection[str] = ()
    ) -> str | None:
        """Return the tree object of the files on disk; None when it is that of `parent`."""
        with told_to_the_agent():
            return await self._saved(tree, parent, declared, edited)

    async def _saved(self, tree: Tree, parent: str, declared: Collection[str], edited: Collection[str]) -> str | None:
        if not await asyncio.to_thread(tree_files.is_directory, tree.path):
            raise refused([("The tree itself is gone; put its files back.", [tree.path.name])])
        check = self._check(tree)
        await check.begin(sha(parent))
        if (await self._git(tree, "read-tree", "--reset", sha(parent), accept=(0, 1, 128))).code:
            await asyncio.to_thread(tree.index.unlink, missing_ok=True)
            await self._git(tree, "read-tree", parent)
        run = partial(self._git, tree)
        forced = await staging.ignored_but_named(run, declared=declared, edited=edited)
        await check.finish(forced)
        await self._add(tree, "--all", "--no-warn-embedded-repo")
        if forced:
            await self._add(tree, "--force", "--", *forced)
        compared = ("diff-index", "--cached", "--raw", "-z", "--no-renames", parent)
        staged = await self._git(tree, *compared)
        _refuse_unstorable(staged.fields)
        if await staging.put_back_untouched(run, tree.path, self._private, parent, staged.fields):
            staged = await self._git(tree, *compared)
        return (await self._git(tree, "write-tree")).text if staged.stdout else None

    async def _add(self, tree: Tree, *what: str) -> None:
        added = await self._git(tree, "add", *what, accept=(0, 1, 128))
        if added.code:
            raise ModelError(f"Git cannot save this tree: {added.complaint}", detail=added.complaint)

    def _check(self, tree: Tree) -> TreeCheck:
        return TreeCheck(tree.path, _LIMITS, partial(self._git, tree))

    async def _seed(self, tree: Tree, base: str, *, at: str | None = None) -> None:
        """Give the tree a `.git` of its own that is at `base`, knows its files as they are, and shares nothing with the cache.

        `at` is the commit that the tree's own index holds, where that is known.
        """
        inner = tree.path / ".git"
        await asyncio.to_thread(tree_files.delete, inner)
        index = tree.state / "index.seed"
        await asyncio.to_thread(shutil.copyfile, tree.index, index)
        if base != at:
            # Entries that the base has too keep what is known of their files.
            await self._git(tree, "read-tree", "--reset", sha(base), index=index)
        await Seeds(self._git_dir, self._private, self._commands).plant(inner, base, index=index)


def _refuse_unstorable(raw: list[str]) -> None:
    changes = [(meta.split(" "), path) for meta, path in zip(raw[::2], raw[1::2], strict=True)]
    gitlinks = [path for meta, path in changes if meta[1] == GITLINK]
    if gitlinks:
        raise refused([("Submodules cannot be added or moved; use plain files.", gitlinks)])


def _occupied(path: Path) -> CallerError:
    return CallerError(
        f"{shlex.quote(str(path))} is not a tree of this repository.", field="path", remedy="Name an empty directory."
    )
