"""What a cache knows about commits that have not left this machine, and how they come back from a remote.

Problem: a snapshot drags its whole history along, so what is about to leave has to be named commit by commit. Choice:
plumbing on the cache: commits that nobody else has, the sizes of what each adds, and the ignore rules of a commit that an
agent has not written. Invariant: nothing here moves a ref of the remote.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pipeline.adapters.git.lfs_files import POINTER_MAX_BYTES, pointers_among
from pipeline.adapters.git.objects import GITLINK, full_ref, sha
from pipeline.adapters.git.private_directory import scratch
from pipeline.adapters.git.rebase import GitRebases
from pipeline.adapters.git.runner import encoded
from pipeline.ports import Absent

_IGNORE_FILE = ".gitignore"
_ALL_ZERO = "0"
_ATTRIBUTES = ".gitattributes"
_ATTRIBUTES_MAX = 200
_LFS_RULE = b"filter=lfs"
_POINTERS_MAX = 20_000
"""Small files that are looked into, in a repository that uses LFS at all."""


class GitSnapshots(GitRebases):
    """The part of the `Repository` port by which snapshots are judged before they leave."""

    async def refs(self, prefix: str, *more: str) -> Mapping[str, str]:
        """Return the cache's refs below prefixes (full, ending in a slash): name to commit."""
        below = [full_ref(one.rstrip("/")) for one in (prefix, *more)]
        listed = await self._commands.run(
            "for-each-ref", "--format=%(objectname) %(refname)", *below, git_dir=self._git_dir
        )
        return {name: commit for commit, _, name in (line.partition(" ") for line in listed.text.splitlines())}

    async def unpublished(self, commit: str, *, known: Sequence[str]) -> list[str]:
        """Return what `commit` adds to `known` and to the remote's branches as of the last fetch, oldest first."""
        excluded = [f"^{sha(one)}" for one in known]
        listed = await self._commands.run(
            "rev-list", "--topo-order", "--reverse", sha(commit), *excluded, "--not", "--remotes", git_dir=self._git_dir
        )
        return listed.text.split()

    async def added_sizes(self, commit: str) -> Mapping[str, int]:
        """Return the bytes of each file that a commit adds or changes against its first parent."""
        facts = await self.commit_facts(commit)
        compared = [facts.parents[0], commit] if facts.parents else ["--root", commit]
        raw = await self._commands.run(
            "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-commit-id", "--full-index", *compared,
            git_dir=self._git_dir,
        )  # fmt: skip
        pairs = zip(raw.fields[::2], raw.fields[1::2], strict=True)
        metas = ((path, meta.split(" ")) for meta, path in pairs)
        blobs = [(path, meta[3]) for path, meta in metas if meta[3].strip(_ALL_ZERO) and meta[1] != GITLINK]
        await self._contents.these(blob for _, blob in blobs)
        asked = "".join(f"{blob}\n" for _, blob in blobs)
        told = await self._commands.run(
            "cat-file", "--batch-check=%(objectsize)", git_dir=self._git_dir, stdin=asked.encode()
        )
        return {path: int(size) for (path, _), size in zip(blobs, told.text.split(), strict=True)}

    async def absent(self, commit: str) -> Absent:
        """Return what trees of `commit` lack: submodules that cannot be fetched, and contents that lie in Git LFS."""
        await self._contents.of(sha(commit))
        listed = await self._commands.run(
            "ls-tree", "-r", "-l", "-z", "--full-tree", sha(commit), git_dir=self._git_dir
        )
        split = (line.partition("\t") for line in listed.fields)
        entries = [(path, *meta.split()) for meta, _, path in split]
        submodules = (await self._submodules.of(commit)).absent
        rules = [path for path, *_ in entries if path.rpartition("/")[2] == _ATTRIBUTES]
        texts = [await self.read_file(commit, path) or b"" for path in rules[:_ATTRIBUTES_MAX]]
        if not any(_LFS_RULE in text for text in texts):
            return Absent(submodules=submodules)
        small = [
            (path, blob) for path, mode, _, blob, size in entries if mode != GITLINK and int(size) <= POINTER_MAX_BYTES
        ]
        listed_first = small[:_POINTERS_MAX]
        found = await pointers_among(
            partial(self._commands.run, git_dir=self._git_dir), {blob for _, blob in listed_first}
        )
        return Absent(submodules=submodules, pointers=tuple(path for path, blob in listed_first if blob in found))

    async def ignored_paths(self, commit: str, paths: Sequence[str]) -> list[str]:
        """Return which of `paths` the ignore rules of `commit` exclude, whatever later commits made of those rules."""
        rules = [path for path in await self.list_files(commit) if path.rpartition("/")[2] == _IGNORE_FILE]
        contents = {path: await self.read_file(commit, path) for path in rules}
        if not paths or not contents:
            return []
        async with scratch(self._private, "rules") as directory:
            tree = directory / "tree"
            await asyncio.to_thread(_write, tree, contents)
            answer = await self._commands.run(
                "check-ignore", "--no-index", "-z", "--stdin",
                git_dir=self._git_dir, work_tree=tree, index=directory / "index",
                stdin=encoded("".join(f"./{path}\0" for path in paths)), accept=(0, 1),
                environment={"GIT_LITERAL_PATHSPECS": "0"},
            )  # fmt: skip
        return [path.removeprefix("./") for path in answer.fields]


def _write(tree: Path, contents: Mapping[str, bytes | None]) -> None:
    tree.mkdir()
    for path, content in contents.items():
        if content is not None:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
