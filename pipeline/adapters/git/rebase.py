"""Replays the commits of a change onto a new base, stopping where a person or an agent has to decide.

Problem: `git rebase` keeps its progress in the git directory that the tree names, runs hooks and takes identities from
configuration. Choice: one three-way merge per commit (`git merge-recursive`, which every git has) in the tree, with the
progress in a record beside the cache. Invariant: author, dates and message of each commit are kept, so the same replay
gives the same SHAs; what was resolved is never thrown away by asking for the same rebase again.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.adapters.git import tree_files
from pipeline.adapters.git.objects import sha
from pipeline.adapters.git.runner import Output
from pipeline.adapters.git.trees import GitTrees, Tree
from pipeline.change_request import PauseReason
from pipeline.errors import InvariantBroken, ModelError, PersonNeeded
from pipeline.ports import Author, RebaseResult

_MARKER = re.compile(rb"^(?:<{7}|\|{7}|>{7})(?: .*)?$", re.MULTILINE)
_RECORD = "rebase"
_FATAL = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """Where a replay stands. The first of `remaining` is the one whose conflicts are on disk, if there are any."""

    commits_from: str
    head: str
    onto: str
    done: str
    remaining: tuple[str, ...]
    conflicts: tuple[str, ...] = ()

    def is_of(self, commits_from: str, head: str, onto: str) -> bool:
        return (self.commits_from, self.head, self.onto) == (commits_from, head, onto)

    @property
    def result(self) -> RebaseResult:
        return RebaseResult(head=None if self.remaining else self.done, conflicts=self.conflicts)


class GitRebases(GitTrees):
    """The part of the `Repository` port that moves a change to a new base."""

    async def rebase(self, *, commits_from: str, head: str, onto: str, worktree: Path, author: Author) -> RebaseResult:
        """Replay `commits_from..head` onto `onto` in `worktree`, which is created if it does not exist.

        What is in the tree and in no commit is lost. Afterwards the tree holds the result or the conflicts.
        Idempotent: the same rebase of the same tree, stopped or finished, is answered from its record and leaves the
        files alone. Merge commits and commits whose change `onto` already has are left out.
        """
        async with self._held_tree(worktree) as tree:
            progress = _load(tree)
            if progress is None or not progress.is_of(commits_from, head, onto):
                picks = await self._picks(commits_from, head) if commits_from != onto else ()
                start = head if commits_from == onto else onto
                progress = _Progress(
                    commits_from=sha(commits_from), head=sha(head), onto=sha(onto), done=start, remaining=picks
                )
                await self._start(tree, start)
                progress = await self._replayed(tree, progress, author)
            return progress.result

    async def continue_rebase(self, *, worktree: Path, author: Author) -> RebaseResult:
        """Go on with the files in `worktree` as the resolution. Idempotent once the rebase is finished.

        Raises `ModelError` for files that still hold conflict markers which neither side had.
        """
        async with self._held_tree(worktree) as tree:
            progress = _load(tree)
            if progress is None:
                raise InvariantBroken("No rebase was started in this tree.", worktree=str(worktree))
            if progress.remaining:
                await self._refuse_markers(tree, progress)
                pick, *rest = progress.remaining
                content = await self._staged(tree, progress.done)
                done = progress.done
                if content is not None:
                    done = await self._replayed_commit(pick, content, progress.done, author)
                progress = replace(progress, done=done, remaining=tuple(rest), conflicts=())
                progress = await self._replayed(tree, progress, author)
            return progress.result

    async def _picks(self, commits_from: str, head: str) -> tuple[str, ...]:
        wanted = f"{sha(commits_from)}..{sha(head)}"
        listed = await self._commands.run(
            "rev-list", "--reverse", "--topo-order", "--no-merges", wanted, git_dir=self._git_dir
        )
        return tuple(listed.text.split())

    async def _start(self, tree: Tree, commit: str) -> None:
        if await asyncio.to_thread(tree_files.is_vacant, tree.path):
            await self._write_anew(tree, commit)
        else:
            tree.forget(_RECORD)
            await self._restore(tree, commit)

    async def _replayed(self, tree: Tree, progress: _Progress, author: Author) -> _Progress:
        """Pick until the end or the next conflict; remember it and show the agent's `.git` where the replay stands."""
        while progress.remaining:
            pick, *rest = progress.remaining
            merged = await self._merged(tree, progress.done, pick)
            if merged.code:
                conflicts = await self._unmerged(tree)
                if not conflicts:
                    raise PersonNeeded(PauseReason.REBASE_CONFLICT, "Git cannot replay this commit.", commit=pick)
                progress = replace(progress, conflicts=conflicts)
                break
            done = await self._picked(tree, progress.done, pick, author)
            progress = replace(progress, done=done, remaining=tuple(rest))
        base = progress.done if progress.remaining else progress.onto
        if tree.linked:
            await self._lay_submodules(tree, progress.done)
        await self._seed(tree, base)
        tree.remember(base=base)
        tree.save(_RECORD, asdict(progress))
        return progress

    async def _merged(self, tree: Tree, done: str, pick: str) -> Output:
        """Merge one commit's change into the tree; exit code 1 leaves conflicts there."""
        before = (await self._commit_facts(pick, "%P")).split()
        base = before[0] if before else await self._empty_tree()
        await self._contents.between(base, done)
        await self._contents.between(base, pick)
        labels = {f"GITHEAD_{done}": f"{done[:12]} (new base)", f"GITHEAD_{pick}": f"{pick[:12]} (this change)"}
        merge = ("merge-recursive", base, "--", done, pick)
        outcome = await self._git(tree, *merge, environment=labels, accept=(0, 1, _FATAL))
        if outcome.code == _FATAL:
            # Ignored files where the merge wants to write; what is ignored is rebuildable.
            await asyncio.to_thread(tree_files.empty, tree.path)
            await self._git(tree, "read-tree", "--reset", "-u", done)
            outcome = await self._git(tree, *merge, environment=labels, accept=(0, 1))
        return outcome

    async def _picked(self, tree: Tree, done: str, pick: str, author: Author) -> str:
        content = (await self._git(tree, "write-tree")).text
        if content == await self._commit_facts(done, "%T"):
            return done
        return await self._replayed_commit(pick, content, done, author)

    async def _replayed_commit(self, pick: str, content: str, parent: str, author: Author) -> str:
        facts = await self._commit_facts(pick, "%an%x00%ae%x00%ad%x00%cd%x00%B")
        name, email, authored, committed, message = facts.split("\0", 4)
        identities = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": f"@{authored}",
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
            "GIT_COMMITTER_DATE": f"@{committed}",
        }
        return await self._write_commit(content, [parent], message.encode("utf-8", "surrogateescape"), identities)

    async def _unmerged(self, tree: Tree) -> tuple[str, ...]:
        listed = await self._git(tree, "ls-files", "--unmerged", "-z")
        return tuple(dict.fromkeys(line.partition("\t")[2] for line in listed.fields))

    async def _refuse_markers(self, tree: Tree, progress: _Progress) -> None:
        sides = (progress.done, progress.remaining[0])
        marked = [path for path in progress.conflicts if await self._has_new_markers(tree.path, path, sides)]
        if marked:
            raise ModelError(f"Conflict markers remain in: {', '.join(marked)}", paths=marked)

    async def _has_new_markers(self, tree: Path, path: str, sides: Sequence[str]) -> bool:
        markers = set(_MARKER.findall(await asyncio.to_thread(_content, tree, path)))
        for side in sides if markers else ():
            markers -= set(_MARKER.findall(await self.read_file(side, path) or b""))
        return bool(markers)

    async def _commit_facts(self, commit: str, wanted: str) -> str:
        shown = await self._commands.run(
            "log", "--max-count=1", "--date=raw", f"--format=tformat:{wanted}", commit, git_dir=self._git_dir
        )
        return shown.text

    async def _empty_tree(self) -> str:
        return (await self._commands.run("mktree", git_dir=self._git_dir)).text


def _load(tree: Tree) -> _Progress | None:
    record = tree.load(_RECORD)
    if record is None:
        return None
    return _Progress(**{**record, "remaining": tuple(record["remaining"]), "conflicts": tuple(record["conflicts"])})


def _content(tree: Path, path: str) -> bytes:
    """Return what a regular file of the tree holds; what is missing, or reached by a link, holds no markers."""
    file = tree / path
    inside = file.is_file() and file.resolve() == tree.resolve() / path
    return file.read_bytes() if inside else b""
