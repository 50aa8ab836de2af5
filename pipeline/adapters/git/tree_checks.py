"""Whether git may be let near a tree, and what of it may be saved: the scan's findings against commit and ignore rules.

Problem: real repositories hold links that lead out, names that collide and files of any size, and have to keep working;
an agent may add no more of them. Choice: what was found is held against the commit that the tree is compared with, from
the cache, then against git's own ignore rules. Invariant: no git command reads the tree before everything that could hang
or lead one astray was refused; what is refused is told with paths and limit, all of it at once.
"""

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pipeline.adapters.git.plain_files import content, exists, is_directory
from pipeline.adapters.git.runner import Output, decoded, encoded
from pipeline.adapters.git.tree_links import Ways
from pipeline.adapters.git.tree_scan import Fault, Scan, TreeLimits, scan, told
from pipeline.errors import ModelError, TransientError
from pipeline.repositories.paths import is_git_directory

_LINK = "120000"
_HEAD_MAX_BYTES = 4096
_SHOWN_MAX = 20
_SHOWN_PATH_MAX = 300
_GROWTH = 2
"""How often its committed size a file that was too large before may have."""


class RunInTree(Protocol):
    """Runs a git command on the cache with the tree and its private index."""

    async def __call__(
        self,
        *arguments: str,
        stdin: bytes = b"",
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        index: Path | None = None,
    ) -> Output:
        """Run it to its end; `index` is another one than the tree's."""


class TreeCheck:
    """The check of one tree against one commit: `begin` before git reads the tree, `finish` with its index in place."""

    def __init__(
        self, root: Path, limits: TreeLimits, run: RunInTree, *, passed_over: Collection[str] = (), called: str = ""
    ) -> None:
        """`passed_over` are directories that are checked by themselves; `called` comes before the paths that are told."""
        self._root = root
        self._limits = limits
        self._run = run
        self._passed_over = passed_over
        self._called = called
        self._found = Scan()
        self._committed = _Committed({}, links={}, sizes={})

    async def nested(self) -> list[str] | None:
        """Return the `.git` entries that are not below ignored directories; None for a tree that git must not read."""
        found = await asyncio.to_thread(scan, self._root, self._limits, self._passed_over)
        if found.never or Fault.RULES in found.suspects:
            return None
        return await self._repositories(found)

    def left_repositories(self, named: Collection[str]) -> list[str]:
        """Return the directories of git repositories that tests or tools made here; after `begin`.

        None of them holds files of the commit or `named` ones, and git can tell at a look that they are repositories.
        """
        holders = [
            path.rpartition("/")[0]
            for path in self._found.suspects.get(Fault.NESTED, [])
            if path.endswith("/.git") and _is_plain_repository(self._root / path)
        ]
        return [
            holder
            for holder in holders
            if not self._committed.has(holder) and not any(path.startswith(f"{holder}/") for path in named)
            if "\n" not in holder
        ]

    async def refuse_nested(self) -> None:
        """Raise `ModelError` for nested repositories that git does not ignore; after `begin`, with the index in place."""
        self._refuse({Fault.NESTED: await self._repositories(self._found)})

    async def _repositories(self, found: Scan) -> list[str]:
        holders = {path: path.rpartition("/")[0] for path in found.suspects.get(Fault.NESTED, [])}
        ignored = await self._ignored({*holders.values()} - {""})
        return [path for path, holder in holders.items() if holder not in ignored]

    async def begin(self, commit: str) -> None:
        """Look at the tree. Raises `ModelError` for what git must not meet."""
        found = self._found = await asyncio.to_thread(scan, self._root, self._limits, self._passed_over)
        leaving = await asyncio.to_thread(_leaving, found.links)
        if leaving:
            found.suspects[Fault.LINK] = leaving
        if found.suspects or found.collisions:
            self._committed = await self._read(commit)
        faults = dict(found.never)
        if rules := [path for path in found.suspects.pop(Fault.RULES, []) if not self._had_this_rule(path)]:
            faults[Fault.RULES] = rules
        self._refuse(faults)

    async def finish(self, forced: Collection[str] = ()) -> None:
        """Raise `ModelError` for what must not be saved, unless the commit has it already or git ignores it.

        `forced` are files that are saved although git ignores them.
        """
        known = self._committed
        faults = {
            fault: [path for path in paths if not self._known_as(fault, path)]
            for fault, paths in self._found.suspects.items()
        }
        groups = [group for group in self._found.collisions if not all(known.has(path) for path in group)]
        holders = {path: path.rpartition("/")[0] for path in faults.get(Fault.NESTED, [])}
        asked = {path for fault, paths in faults.items() if fault is not Fault.NESTED for path in paths}
        ignored = await self._ignored(asked | {holder for holder in holders.values() if holder} | {*_flat(groups)})
        ignored -= set(forced)
        faults = {
            fault: [path for path in paths if holders.get(path, path) not in ignored] for fault, paths in faults.items()
        }
        groups = [kept for group in groups if len(kept := [path for path in group if path not in ignored]) > 1]
        faults[Fault.COLLISION] = _flat(groups)
        if await self._too_much():
            faults[Fault.CHANGED] = [self._root.name]
        self._refuse(faults)

    def _known_as(self, fault: Fault, path: str) -> bool:
        """Whether the commit has the very thing that is wrong here."""
        match fault:
            case Fault.NESTED:
                return False
            case Fault.LINK:
                return self._same_link(path) and self._committed.ways.leaves(path)
            case Fault.SIZE:
                return self._was_large(path, self._limits.file_max_bytes)
            case _:
                return self._committed.has(path)

    def _had_this_rule(self, path: str) -> bool:
        if path in self._found.links:
            return self._same_link(path)
        if path in self._committed.entries:
            return self._was_large(path, self._limits.rule_file_max_bytes)
        return self._committed.has(path)

    def _same_link(self, path: str) -> bool:
        return self._committed.links.get(path) == self._found.links.get(path)

    def _was_large(self, path: str, limit: int) -> bool:
        size = self._committed.sizes.get(path, 0)
        return size > limit and (self._root / path).lstat().st_size <= size * _GROWTH

    async def _read(self, commit: str) -> "_Committed":
        """Return the commit's entries, the texts of its links, and the sizes of files that are too large now."""
        listed = await self._run("ls-tree", "-r", "-z", "--full-tree", commit)
        entries: dict[str, tuple[str, str]] = {}
        for line in listed.fields:
            facts, _, path = line.partition("\t")
            mode, _, blob = facts.split(" ")
            entries[path] = (mode, blob)
        suspects = self._found.suspects
        large = {path: entries[path][1] for fault in (Fault.SIZE, Fault.RULES) for path in suspects.get(fault, ())
                 if path in entries}  # fmt: skip
        links = {path: blob for path, (mode, blob) in entries.items() if mode == _LINK}
        if Fault.LINK not in suspects and not self._found.links.keys() & large.keys():
            links = {}
        return _Committed(entries, links=await self._texts(links), sizes=await self._file_sizes(large))

    async def _file_sizes(self, blobs: Mapping[str, str]) -> dict[str, int]:
        asked = "".join(f"{blob}\n" for blob in blobs.values())
        answer = await self._run("cat-file", "--batch-check=%(objectsize)", stdin=asked.encode()) if blobs else None
        return dict(zip(blobs, map(int, answer.text.split()), strict=True)) if answer else {}

    async def _texts(self, blobs: Mapping[str, str]) -> dict[str, str]:
        """Return the texts of committed links; those that are the same on disk need not be read."""
        texts = self._found.links
        known = {path: texts[path] for path, blob in blobs.items()
                 if path in texts and blob == _blob_id(encoded(texts[path]), len(blob))}  # fmt: skip
        others = {path: blob for path, blob in blobs.items() if path not in known}
        if not others:
            return known
        answer = await self._run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in others.values()).encode())
        at = 0
        for path in others:
            end = answer.stdout.index(b"\n", at) + 1
            size = int(answer.stdout[at:end].split()[2])
            known[path] = decoded(answer.stdout[end : end + size])
            at = end + size + 1
        return known

    async def _ignored(self, paths: Iterable[str]) -> set[str]:
        asked = "".join(f"./{path}\0" for path in sorted(paths))
        if not asked:
            return set()
        answer = await self._run(
            "check-ignore", "-z", "--stdin",
            stdin=encoded(asked), accept=(0, 1, 128), environment={"GIT_LITERAL_PATHSPECS": "0"},
        )  # fmt: skip
        return {path.removeprefix("./") for path in answer.fields} if answer.code == 0 else set()

    async def _too_much(self) -> bool:
        """Ask git what is new or changed, but only in a tree that is larger than a change may be."""
        limits = self._limits
        if self._found.entries <= limits.changed_max and self._found.size_bytes <= limits.changed_max_bytes:
            return False
        listed = await self._run("ls-files", "-z", "--others", "--modified", "--exclude-standard")
        sizes = await asyncio.to_thread(_sizes, self._root, set(listed.fields))
        return len(sizes) > limits.changed_max or sum(sizes) > limits.changed_max_bytes

    def _refuse(self, faults: Mapping[Fault, list[str]]) -> None:
        found = {fault: [f"{self._called}{path}" for path in paths] for fault, paths in faults.items() if paths}
        if found:
            raise refused(told(found, self._limits))


class _Committed:
    """What the commit holds: path to mode and object; texts of links and sizes as far as they were asked for."""

    def __init__(
        self, entries: Mapping[str, tuple[str, str]], *, links: Mapping[str, str], sizes: Mapping[str, int]
    ) -> None:
        self.entries = entries
        self.links = links
        self.ways = Ways(links)
        self.sizes = sizes
        self._directories = {path[:end] for path in entries for end in _slashes(path)}

    def has(self, path: str) -> bool:
        """Whether this is a file, a link or a directory there."""
        return path in self.entries or path in self._directories


def refused(found: Iterable[tuple[str, Sequence[str]]]) -> ModelError:
    """Return the error that tells an agent what is wrong with its tree: sentences, each with its paths."""
    words: list[str] = []
    every: list[str] = []
    for sentence, paths in found:
        shown = [_shown(path) for path in paths[:_SHOWN_MAX]]
        more = f" and {len(paths) - _SHOWN_MAX} more" if len(paths) > _SHOWN_MAX else ""
        words.append(f"{sentence} Found: {', '.join(shown)}{more}")
        every += paths
    return ModelError("\n".join(words), paths=[_shown(path) for path in every[:_SHOWN_MAX]], count=len(every))


@contextmanager
def told_to_the_agent() -> Iterator[None]:
    """Turn a local command that found no end into an answer about the tree that it worked on."""
    try:
        yield
    except TransientError as slow:
        if "timeout_s" not in slow.facts:
            raise
        raise ModelError(
            f"Git did not get through this tree: {slow.message} Delete what the change does not need, or let .gitignore "
            "name it.",
            **slow.facts,
        ) from slow


def _is_plain_repository(git_dir: Path) -> bool:
    """Whether git, asked what this is, would open nothing but a small file of it."""
    head = git_dir / "HEAD"
    plain = is_directory(git_dir) and not exists(git_dir / "commondir")
    return plain and (not exists(head) or content(head, _HEAD_MAX_BYTES) is not None)


def _shown(path: str) -> str:
    """Return a path as it can be printed, in one line of bearable length."""
    text = encoded(path).decode("utf-8", "backslashreplace")
    plain = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
    return plain if len(plain) <= _SHOWN_PATH_MAX else f"{plain[:_SHOWN_PATH_MAX]}…"


def _leaving(links: Mapping[str, str]) -> list[str]:
    ways = Ways(links)
    return [path for path in links if not is_git_directory(path.rpartition("/")[2]) and ways.leaves(path)]


def _slashes(path: str) -> Iterator[int]:
    end = path.find("/")
    while end != -1:
        yield end
        end = path.find("/", end + 1)


def _flat(groups: Iterable[Sequence[str]]) -> list[str]:
    return [path for group in groups for path in group]


def _sizes(root: Path, paths: Iterable[str]) -> list[int]:
    found = []
    for path in paths:
        try:
            found.append((root / path).lstat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return found


def _blob_id(content: bytes, length: int) -> str:
    """Return the name that git gives these bytes, in the hash of a repository whose names have this length."""
    algorithm = "sha1" if length == 40 else "sha256"  # noqa: PLR2004 - git's two
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
