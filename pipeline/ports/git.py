"""Repositories of git and the place where their target branches are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pipeline.errors import Forbidden, PersonNeeded
from pipeline.ports.proof import CommitFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """One path of a diff. `status` is git's letter: A added, M modified, D deleted, R renamed, T type changed."""

    path: str
    status: str
    added: int
    """Lines; 0 for binary files."""
    removed: int
    binary: bool = False
    old_path: str | None = None
    mode: str = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebaseResult:
    """`head` is None when conflicts remain; then `conflicts` lists the paths, in git's order."""

    head: str | None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The configured identity of commits."""

    name: str
    email: str
    signs_off: bool = False
    """Whether commits of the change carry a `Signed-off-by` line of this identity."""

    @property
    def sign_off(self) -> str:
        """The line that signs a commit off, with its end; empty where this identity does not."""
        return f"Signed-off-by: {self.name} <{self.email}>\n" if self.signs_off else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentSubmodule:
    """A submodule whose directory is empty in every tree. `why` says what is the matter and what to do, in sentences."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Paths of a commit of which a tree of it has not what a person's clone may have."""

    submodules: tuple[AbsentSubmodule, ...] = ()
    pointers: tuple[str, ...] = ()
    """Files in Git LFS: a tree holds their pointers."""


class History(StrEnum):
    """What a cache holds of its remote's history."""

    WHOLE = "whole"
    PARTIAL = "partial"
    """Every commit, but of the files only versions that were needed: the history is long."""
    REFUSED = "refused"
    """It is long, and its server serves it as a whole only."""


class Repository(Protocol):
    """One bare cache of one remote, and the disposable trees made from it. All methods run git off the event loop.

    Commits are named by full SHA. No method ever discovers git from a tree, runs a hook, a filter, an fsmonitor or reads
    user or system configuration. Raises `TransientError` when the remote does not answer.
    """

    name: str

    async def fetch(self) -> None:
        """Bring the cache up to date with the remote's branches. Idempotent."""

    async def branch_head(self, branch: str) -> str | None:
        """Return the commit of a remote branch as of the last fetch; None when there is no such branch."""

    async def branch_in_the_way(self, branch: str) -> str | None:
        """Return the remote's branch, as of the last fetch, beside which git cannot keep one of this name."""

    async def history(self) -> History:
        """Return what the cache holds of the remote's history, as of the last fetch."""

    async def push_refusal(self) -> PersonNeeded | None:
        """Return why the remote takes no push at all, as far as that can be known without one; None for no known reason."""

    async def remote_ref(self, ref: str) -> str | None:
        """Ask the remote itself for a ref (full name) right now; None when it does not exist."""

    async def has_commit(self, commit: str) -> bool:
        """Whether the cache holds the commit object."""

    async def add_worktree(self, path: Path, commit: str) -> None:
        """Create `path` as a plain tree of `commit` with a disposable `.git` of its own inside (data, never trusted)."""

    async def remove_worktree(self, path: Path) -> None:
        """Delete a tree made by `add_worktree` or `checkout`, and its private index. Idempotent."""

    async def give_back(self, path: Path) -> None:
        """Be done with a tree made by `add_worktree` or `checkout`, in which nothing runs any more. Idempotent.

        The place is free afterwards. What was there may be kept aside, so that a later tree is ready sooner; a tree that
        an agent had never becomes a `checkout`.
        """

    async def drop_spares(self) -> None:
        """Delete the trees that are kept aside."""

    async def restore_worktree(self, path: Path, commit: str) -> None:
        """Make tracked and untracked (not ignored) files equal `commit` again."""

    async def snapshot(
        self, path: Path, *, parent: str, message: str, declared: Collection[str] = (), edited: Collection[str] = ()
    ) -> str:
        """Commit all non-ignored files of a tree with a private index; return `parent` itself when nothing changed.

        A file that the commit holds in a form that git would convert anew stays as it is unless it was changed. Ignored
        ones of `declared` and `edited` count where the commit has files beside them that were added by force. Raises
        `ModelError` when a nested `.git` directory or a bare gitlink is found, and for other `declared` files that git
        ignores.
        """

    async def commit_part(self, commit: str, *, parent: str, paths: Collection[str], message: str) -> str:
        """Build a commit on `parent` that has these paths as they are in `commit`, and nothing else of it.

        Dated as `commit`, so that the same inputs give the same SHA; `parent` itself when that changes nothing.
        """

    async def checkout(self, path: Path, commit: str) -> None:
        """Write the files of `commit` into an empty directory: the clean checkout of witnesses.

        Its `.git` is disposable, and answers as a clone's does: files, tags that the commit contains, status, log.
        """

    async def commit_files(
        self, *, parent: str, files: Mapping[str, bytes | None], message: str, author: Author
    ) -> str:
        """Build a commit on `parent` with the given contents (None deletes), without any tree on disk."""

    async def commit_tree_of(
        self, commit: str, *, parents: Sequence[str], message: str, author: Author, when: datetime
    ) -> str:
        """Build a commit with the tree of `commit` and other parents. Same inputs give the same SHA."""

    async def update_ref(self, ref: str, commit: str) -> None:
        """Set a ref of the cache, so that the commit survives git's garbage collection."""

    async def drop_refs(self, prefix: str) -> None:
        """Delete the cache's refs below a prefix (full, ending in a slash). Idempotent."""

    async def refs(self, prefix: str, *more: str) -> Mapping[str, str]:
        """Return the cache's refs below prefixes (full, ending in a slash): name to commit."""

    def close(self) -> None:
        """Use the cache no more, so that others may prune it. Idempotent."""

    async def prune(self) -> str | None:
        """Delete what no ref of the cache keeps, if nobody else has it open; returns why not, None when it was done.

        The last call on this object: nothing may be written or read by it any more. Bounded, and waits for nobody.
        """

    async def remote_refs(self, prefixes: Sequence[str]) -> Mapping[str, str]:
        """Ask the remote for its refs below these prefixes right now: name to commit."""

    async def fetch_refs(self, names: Sequence[str], *, into: str) -> None:
        """Bring refs of the remote (full names) into the cache, below `into`. Idempotent."""

    async def unpublished(self, commit: str, *, known: Sequence[str]) -> list[str]:
        """Return what `commit` adds to `known` and to the remote's branches as of the last fetch, oldest first."""

    async def added_sizes(self, commit: str) -> Mapping[str, int]:
        """Return the bytes of each file that a commit adds or changes against its first parent."""

    async def absent(self, commit: str) -> Absent:
        """Return what trees of `commit` lack: submodules that cannot be fetched, and contents that lie in Git LFS.

        Fetches the submodules that are not here yet.
        """

    async def ignored_paths(self, commit: str, paths: Sequence[str]) -> list[str]:
        """Return which of `paths` the ignore rules of `commit` exclude."""

    async def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """List what differs between two commits, renames detected."""

    async def diff(self, base: str, head: str, *, paths: Sequence[str] = (), context_lines: int = 3) -> str:
        """Return the unified diff between two commits."""

    async def read_file(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes at a commit; None when it does not exist or is not a regular file."""

    async def read_files(self, commit: str, paths: Collection[str]) -> Mapping[str, bytes]:
        """Return the bytes of many files at a commit, read at once; those that are no regular files are left out."""

    async def list_files(self, commit: str) -> list[str]:
        """Return all paths of a commit, sorted."""

    async def message(self, commit: str) -> str:
        """Return a commit's whole message."""

    async def messages(self, head: str, *, limit: int) -> list[str]:
        """Return the whole messages of the latest commits that `head` contains, newest first, merges left out."""

    async def commit_facts(self, commit: str) -> "CommitFacts":
        """Return a commit's tree and parents."""

    async def committed_at(self, commit: str) -> datetime:
        """Return when a commit was made, as it says itself."""

    async def log(self, base: str, head: str, *, limit: int = 50) -> list[tuple[str, str]]:
        """Return (sha, subject) of the commits in base..head, newest first."""

    async def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant` (equal counts)."""

    async def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor."""

    async def rebase(self, *, commits_from: str, head: str, onto: str, worktree: Path, author: Author) -> RebaseResult:
        """Replay `commits_from..head` onto `onto`. With conflicts, `worktree` holds the files with conflict markers."""

    async def continue_rebase(self, *, worktree: Path, author: Author) -> RebaseResult:
        """Go on after the conflicts in `worktree` were resolved; refuses files that still hold markers."""

    async def push(self, *, commit: str | None, ref: str, expected: str | None) -> None:
        """Move a remote ref by compare-and-swap from `expected` (None: must not exist) to `commit` (None deletes).

        Idempotent: a ref that already is at `commit` is success. Raises `Conflict` when the remote's value is neither,
        `PersonNeeded(target_checkout_dirty)` when the ref is checked out in a dirty work tree of a local repository,
        `TransientError` when the remote is away.
        """


class NotPublic(Forbidden):
    """A look at a remote would lead to what is not public: a private host, or a path of this machine.

    The answer is the same whether something is there or not.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """What a look at a remote found, before it is registered. `warnings` are sentences for a person."""

    remote: str
    base_branch: str
    """The branch asked for, or the remote's default branch."""
    base_commit: str
    default_branch: str | None
    """Where the remote's HEAD points; None when it is detached or points to a branch without commits."""
    branches: tuple[str, ...]
    warnings: tuple[str, ...] = ()
