"""Reads and builds git objects in one bare cache, without any tree on disk.

Problem: commits that depend on a work tree or on the moment of their making cannot be recorded before they are pushed,
nor made again after a crash. Choice: plumbing commands on the cache and throw-away index files. Invariant: what is
built depends on the arguments alone, so the same inputs give the same SHA; revisions are full SHAs, never expressions,
so that what was answered about them is remembered.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipeline.adapters.git.answers import Answers
from pipeline.adapters.git.contents import Contents
from pipeline.adapters.git.private_directory import scratch
from pipeline.adapters.git.runner import GitCommands, decoded, encoded, held
from pipeline.errors import CallerError
from pipeline.ports import Author, ChangedFile, Clock, CommitFacts
from pipeline.repositories import ref_names

GITLINK = "160000"
_NOTHING = "0" * 40
_LISTINGS_MAX = 3
_ASKED_BY_NAME_MAX = 200
"""Of more paths than these, git is asked for all that the commit holds: a command line has an end."""
_BLOBS_AT_ONCE = 2000
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REGULAR = {"100644", "100755"}


class GitObjects:
    """The reading half of the `Repository` port, and the building of commits."""

    def __init__(
        self, git_dir: Path, *, commands: GitCommands, author: Author, clock: Clock, contents: Contents
    ) -> None:
        self._git_dir = git_dir
        self._contents = contents
        self._commands = commands
        self._author = author
        self._clock = clock
        self._private = git_dir.with_suffix(".trees")
        self._answers = Answers()
        self._listings: dict[str, Mapping[str, str]] = {}

    async def has_commit(self, commit: str) -> bool:
        """Whether the cache holds the commit object."""
        kind = await self._commands.run("cat-file", "-t", sha(commit), git_dir=self._git_dir, accept=(0, 128))
        return kind.text == "commit"

    async def commit_files(
        self, *, parent: str, files: Mapping[str, bytes | None], message: str, author: Author
    ) -> str:
        """Build a commit on `parent` with the given contents (None deletes). Keeps the mode of existing files; a link becomes a file."""
        await self._contents.of(sha(parent))
        entries = await self._entries(parent, list(files))
        lines = []
        for path, content in files.items():
            blob = _NOTHING if content is None else await self._store_blob(content)
            known = entries[path][0] if path in entries else None
            mode = "0" if content is None else known if known in _REGULAR else "100644"
            lines.append(f"{mode} {blob}\t{path}\0")
        async with self._temporary_index() as index:
            await self._commands.run("read-tree", sha(parent), git_dir=self._git_dir, index=index)
            updated = await self._commands.run(
                "update-index", "--replace", "-z", "--index-info",
                git_dir=self._git_dir, index=index, stdin=encoded("".join(lines)), accept=(0, 1, 128),
            )  # fmt: skip
            if updated.code or b"Ignoring path" in updated.stderr:
                raise CallerError("Git refuses one of these paths.", field="files", detail=updated.complaint)
            tree = (await self._commands.run("write-tree", git_dir=self._git_dir, index=index)).text
        return await self._commit(tree, [parent], message, author=author, when=self._clock.now())

    async def commit_part(self, commit: str, *, parent: str, paths: Collection[str], message: str) -> str:
        """Build a commit on `parent` that has these paths as they are in `commit`, and nothing else of it."""
        await self._contents.of(sha(parent))
        await self._contents.of(sha(commit))
        raw = await self._diff("-r", "-z", "--raw", "--no-renames", sha(parent), sha(commit))
        fields = raw.split("\0")[:-1]
        changes = ((meta.split(" "), path) for meta, path in zip(fields[::2], fields[1::2], strict=True))
        lines = [f"{meta[1].lstrip('0') or '0'} {meta[3]}\t{path}\0" for meta, path in changes if path in paths]
        if not lines:
            return parent
        # What goes comes first, so that a file can take the place of a directory and the other way round.
        orders = encoded("".join(sorted(lines, key=lambda line: not line.startswith("0 "))))
        async with self._temporary_index() as index:
            await self._commands.run("read-tree", sha(parent), git_dir=self._git_dir, index=index)
            await self._commands.run(
                "update-index", "--replace", "-z", "--index-info", git_dir=self._git_dir, index=index, stdin=orders
            )
            tree = (await self._commands.run("write-tree", git_dir=self._git_dir, index=index)).text
        return await self._commit(tree, [parent], message, author=self._author, when=await self.committed_at(commit))

    async def commit_tree_of(
        self, commit: str, *, parents: Sequence[str], message: str, author: Author, when: datetime
    ) -> str:
        """Build a commit with the tree of `commit` and other parents. Same inputs give the same SHA."""
        return await self._commit(f"{sha(commit)}^{{tree}}", parents, message, author=author, when=when)

    async def update_ref(self, ref: str, commit: str) -> None:
        """Set a ref of the cache. The lock file of a killed predecessor is removed first."""
        lock_file = self._git_dir / f"{full_ref(ref)}.lock"
        async with held(self._private / "refs.lock", wait_s=self._commands.timeout_s) as lock:
            await asyncio.to_thread(lock_file.unlink, missing_ok=True)
            await self._commands.run("update-ref", ref, sha(commit), git_dir=self._git_dir, lock=lock)

    async def drop_refs(self, prefix: str) -> None:
        """Delete the cache's refs below a prefix."""
        below = full_ref(prefix.rstrip("/")) + "/"
        async with held(self._private / "refs.lock", wait_s=self._commands.timeout_s) as lock:
            listed = await self._commands.run(
                "for-each-ref", "--format=%(refname)", below, git_dir=self._git_dir, lock=lock
            )
            orders = "".join(f"delete {ref}\n" for ref in listed.text.splitlines())
            await self._commands.run("update-ref", "--stdin", git_dir=self._git_dir, stdin=orders.encode(), lock=lock)

    async def changed_files(self, base: str, head: str) -> list[ChangedFile]:
        """List what differs between two commits, renames detected."""
        await self._contents.between(sha(base), sha(head))
        listed = await self._diff("-r", "-z", "--raw", "--numstat", sha(base), sha(head))
        return _changed_files(listed.split("\0")[:-1])

    async def diff(self, base: str, head: str, *, paths: Sequence[str] = (), context_lines: int = 3) -> str:
        """Return the unified diff. Attributes of the commits themselves cannot hide a file from it."""
        await self._contents.between(sha(base), sha(head))
        text = await self._diff("-r", "-p", f"--unified={context_lines}", sha(base), sha(head), "--", *paths)
        return encoded(text).decode("utf-8", "replace")

    async def read_file(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes at a commit; None when it does not exist or is not a regular file."""
        found = (await self._entries(commit, [path])).get(path)
        if found is None or found[0] not in _REGULAR:
            return None
        await self._contents.these([found[1]])
        return await self._told("cat-file", "blob", found[1])

    async def read_files(self, commit: str, paths: Collection[str]) -> Mapping[str, bytes]:
        """Return the bytes of many files at a commit, read at once; those that are no regular files are left out."""
        entries = await self._entries(commit, list(paths))
        blobs = {path: name for path, (mode, name) in entries.items() if mode in _REGULAR}
        wanted = sorted(set(blobs.values()))
        await self._contents.these(wanted)
        contents: dict[str, bytes] = {}
        for first in range(0, len(wanted), _BLOBS_AT_ONCE):
            orders = "".join(f"{name}\n" for name in wanted[first : first + _BLOBS_AT_ONCE]).encode()
            told = await self._commands.run("cat-file", "--batch", git_dir=self._git_dir, stdin=orders)
            contents |= await asyncio.to_thread(_blobs, told.stdout)
        return {path: contents[name] for path, name in blobs.items()}

    async def list_files(self, commit: str) -> list[str]:
        """Return all paths of a commit, sorted. Bytes that are not UTF-8 appear as surrogates, as in `os.fsdecode`."""
        return list(await self._listing(commit))

    async def log(self, base: str, head: str, *, limit: int = 50) -> list[tuple[str, str]]:
        """Return (sha, subject) of the commits in base..head, newest first. What is no UTF-8 is replaced: it is for reading."""
        wanted = ["-z", f"--max-count={limit}", "--format=tformat:%H %s", "--no-show-signature"]
        listed = await self._commands.run("log", *wanted, f"{sha(base)}..{sha(head)}", git_dir=self._git_dir)
        lines = (line.partition(" ") for line in listed.fields)
        return [(commit, _whole_text(subject)) for commit, _, subject in lines]

    async def message(self, commit: str) -> str:
        """Return a commit's whole message; what is no UTF-8 is replaced."""
        return _whole_text((await self._header(commit))[3])

    async def messages(self, head: str, *, limit: int) -> list[str]:
        """Return the whole messages of the latest commits that `head` contains, newest first, merges left out."""
        wanted = ["-z", "--no-merges", f"--max-count={limit}", "--format=tformat:%B", "--no-show-signature"]
        listed = await self._commands.run("log", *wanted, sha(head), git_dir=self._git_dir)
        return [_whole_text(one) for one in listed.fields]

    async def commit_facts(self, commit: str) -> CommitFacts:
        """Return a commit's tree and parents."""
        tree, parents, *_ = await self._header(commit)
        return CommitFacts(sha=commit, tree=tree, parents=tuple(parents.split()))

    async def committed_at(self, commit: str) -> datetime:
        """Return the committer's time."""
        return datetime.fromtimestamp(int((await self._header(commit))[2]), UTC)

    async def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `ancestor` is reachable from `descendant` (equal counts)."""
        pair = (sha(ancestor), sha(descendant))
        answer = await self._commands.run("merge-base", "--is-ancestor", *pair, git_dir=self._git_dir, accept=(0, 1))
        return answer.code == 0

    async def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor; None for unrelated histories."""
        found = await self._commands.run("merge-base", sha(one), sha(other), git_dir=self._git_dir, accept=(0, 1))
        return found.text or None

    async def _commit(  # the one place where commits are made
        self, tree: str, parents: Sequence[str], message: str, *, author: Author, when: datetime
    ) -> str:
        moment = f"@{int(when.timestamp())} +0000"
        return await self._write_commit(
            tree,
            parents,
            message.encode("utf-8", "replace").replace(b"\0", b""),
            {**_identity("AUTHOR", author, moment), **_identity("COMMITTER", author, moment)},
        )

    async def _write_commit(
        self, tree: str, parents: Sequence[str], message: bytes, identities: Mapping[str, str]
    ) -> str:
        options = [option for parent in parents for option in ("-p", sha(parent))]
        made = await self._commands.run(
            "commit-tree", tree, *options, "-F", "-", git_dir=self._git_dir, stdin=message, environment=identities
        )
        return made.text

    async def _diff(self, *arguments: str) -> str:
        safe = ["--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--full-index", "--src-prefix=a/"]
        return decoded(await self._told("diff-tree", *safe, "--dst-prefix=b/", *arguments))

    async def _header(self, commit: str) -> list[str]:
        """Return tree, parents, committer's time and message."""
        shown = await self._told("log", "-1", "--format=%T%n%P%n%ct%n%B", "--no-show-signature", sha(commit))
        return decoded(shown).removesuffix("\n").split("\n", 3)

    async def _entries(self, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return mode and object of those paths that the commit has; directories may be among them."""
        if len(paths) > _ASKED_BY_NAME_MAX or self._answers.to(_whole(commit)) is not None:
            whole = await self._listing(commit)
            found = {path: whole[path] for path in paths if path in whole}
        else:
            wanted, listed = set(paths), await self._told("ls-tree", "-z", sha(commit), "--", *paths)
            found = {path: entry for entry, path in _split(listed) if path in wanted}
        return {path: (entry.split(" ")[0], entry.split(" ")[2]) for path, entry in found.items()}

    async def _listing(self, commit: str) -> Mapping[str, str]:
        """Return all paths of a commit with what git says of them, sorted; of the last few that were asked about, read once."""
        if (known := self._listings.get(commit)) is not None:
            return known
        listed = await self._told(*_whole(commit))
        found = await asyncio.to_thread(lambda: dict(sorted((path, entry) for entry, path in _split(listed))))
        if self._answers.to(_whole(commit)) is not None:
            self._listings[commit] = found
            for oldest in list(self._listings)[:-_LISTINGS_MAX]:
                del self._listings[oldest]
        return found

    async def _told(self, *question: str) -> bytes:
        """Ask git what it answers the same for ever, because every object is named by its SHA."""
        if (known := self._answers.to(question)) is not None:
            return known
        answer = (await self._commands.run(*question, git_dir=self._git_dir)).stdout
        self._answers.keep(question, answer)
        return answer

    async def _store_blob(self, content: bytes) -> str:
        stored = await self._commands.run("hash-object", "-w", "--stdin", git_dir=self._git_dir, stdin=content)
        return stored.text

    @asynccontextmanager
    async def _temporary_index(self) -> AsyncIterator[Path]:
        async with scratch(self._private, "index") as directory:
            yield directory / "index"


def sha(commit: str) -> str:
    """Return `commit` if it is a full SHA; options and expressions are refused with `CallerError`."""
    if not _SHA.fullmatch(commit):
        raise CallerError("A commit is named by its full SHA.", field="commit", remedy="Resolve the name first.")
    return commit


def _whole(commit: str) -> tuple[str, ...]:
    """Return the question for everything that a commit holds."""
    return ("ls-tree", "-r", "-z", sha(commit))


def _split(listed: bytes) -> Iterator[tuple[str, str]]:
    """Yield what `ls-tree -z` says of each path, and the path."""
    for line in decoded(listed).split("\0")[:-1]:
        entry, _, path = line.partition("\t")
        yield entry, path


def _blobs(told: bytes) -> dict[str, bytes]:
    """Return name and content of each object that `cat-file --batch` printed."""
    found, at = dict[str, bytes](), 0
    while at < len(told):
        end = told.index(b"\n", at)
        name, _, size = told[at:end].split(b" ")
        at = end + 1 + int(size) + 1
        found[name.decode()] = told[end + 1 : at - 1]
    return found


def _whole_text(text: str) -> str:
    return encoded(text).decode("utf-8", "replace")


def is_sha(text: str) -> bool:
    """Whether this is a full SHA-1 or SHA-256 name."""
    return bool(_SHA.fullmatch(text))


def full_ref(ref: str) -> str:
    """Return `ref` if it is a well-formed full ref name; anything else is refused with `CallerError`."""
    if not ref_names.is_ref(ref):
        raise CallerError(f"{ref!r} is not a full ref name.", field="ref", remedy="Write refs/heads/<branch>.")
    return ref


def _identity(kind: str, author: Author, moment: str) -> dict[str, str]:
    return {f"GIT_{kind}_NAME": author.name, f"GIT_{kind}_EMAIL": author.email, f"GIT_{kind}_DATE": moment}


def _changed_files(fields: list[str]) -> list[ChangedFile]:
    """Join the two halves of `--raw --numstat -z`, which list the same files in the same order."""
    changes: list[tuple[str, str, str, str | None]] = []
    rest = iter(fields)
    counts: dict[str, tuple[str, str]] = {}
    for field in rest:
        if field.startswith(":"):
            old_mode, new_mode, _, _, status = field[1:].split(" ")
            first = next(rest)
            renamed = status[0] in "RC"
            path, old_path = (next(rest), first) if renamed else (first, None)
            changes.append((path, status[0], old_mode if status[0] == "D" else new_mode, old_path))
        else:
            added, removed, path = field.split("\t", 2)
            if not path:
                next(rest)
                path = next(rest)
            counts[path] = (added, removed)
    return [
        ChangedFile(
            path=path,
            status=status,
            added=_lines(counts[path][0]),
            removed=_lines(counts[path][1]),
            binary=counts[path][0] == "-",
            old_path=old_path,
            mode=mode,
        )
        for path, status, mode, old_path in changes
    ]


def _lines(count: str) -> int:
    return 0 if count == "-" else int(count)
