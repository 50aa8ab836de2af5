"""Long histories: fetched without the older versions of files, which are brought when something is about to read them.

Problem: how long a history is shows only while it is fetched, and a history of gigabytes holds little that a change request
reads. Choice: the first fetch over a network is cut at a size; beyond it git's partial clone is used, if the server offers it
(`--filter=blob:none`), and contents are asked for by name, everything that is missing at once.
Invariants: a cache is marked before it lacks anything; only the fetches made here are told that a remote promised
objects, so no other command ever fetches; from a server that offers neither, or no longer, comes the whole history.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.git import contents, failures, remotes
from pipeline.adapters.git.network import Remote, Way
from pipeline.adapters.git.objects import GITLINK
from pipeline.adapters.git.runner import GitCommands, Output, held
from pipeline.change_request import PauseReason
from pipeline.errors import ChangelineError, PersonNeeded
from pipeline.ports import History

Fetch = Callable[[Way], Awaitable[Output]]

_FILTERED = Way(options=("--filter=blob:none",), promised=True)
_BY_NAME = Way(options=("--filter=blob:none",), promised=True, by_name=True)
_ANEW = Way(options=("--refetch",))
_NO_FILTER = "filtering not recognized by server"
_NO_NAMES = re.compile(r"does not allow request for unadvertised object")
_GONE = re.compile(r"not our ref")
_AT_ONCE_MAX = 15_000
"""Names in one request: below the size from which git sends it in pieces, which not every server takes."""
_COMPLETE_MAX = 1_000
_NO_BLOB = frozenset({"000000", GITLINK})


@dataclass(slots=True, kw_only=True)
class PartialHistory:
    """What one cache holds of its remote's history, and how it gets more."""

    git_dir: Path
    private: Path
    commands: GitCommands
    remote: Remote
    _complete: set[str] = field(default_factory=set)

    async def state(self) -> History:
        """Return what the cache holds."""
        return await asyncio.to_thread(contents.history_of, self.private)

    async def fetched(self, fetch: Fetch, *, branches: bool, lock: int) -> Output:
        """Fetch refs in the way that suits this history; `branches` tells that it is all of them, `lock` is that of fetches."""
        history = await self.state()
        if history is History.PARTIAL:
            output = await fetch(_FILTERED)
            if not _is_whole(output):
                return output
            return await (self._as_a_whole(fetch) if branches else fetch(_ANEW))
        if history is History.REFUSED or not await self._is_new():
            return await fetch(Way())
        if limit := self.remote.whole_history_max_bytes:
            output = await fetch(Way(file_max_bytes=limit))
            if not output.code or not await asyncio.to_thread(_was_cut, self.git_dir, limit):
                return output
        return await self._first(fetch, lock)

    async def of(self, commit: str) -> None:
        """Make sure of every file of a commit."""
        if commit in self._complete or await self.state() is History.WHOLE:
            return
        await self._bring(await self._missing(f"{commit}^{{tree}}", "--no-walk"))
        if len(self._complete) >= _COMPLETE_MAX:
            self._complete.clear()
        self._complete.add(commit)

    async def between(self, one: str, other: str) -> None:
        """Make sure of both sides of every file in which two commits (or trees) differ."""
        if await self.state() is History.WHOLE:
            return
        asked = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-commit-id", "--full-index", one, other)
        listed = await self.commands.run(*asked, git_dir=self.git_dir)
        sides = (meta.removeprefix(":").split(" ") for meta in listed.fields[::2])
        both = ((mode, blob) for old, new, was, becomes, _ in sides for mode, blob in ((old, was), (new, becomes)))
        await self.these(blob for mode, blob in both if mode not in _NO_BLOB)

    async def these(self, blobs: Iterable[str]) -> None:
        """Make sure of these contents."""
        if await self.state() is not History.WHOLE:
            kinds = await self._kinds(sorted(set(blobs)))
            await self._bring([name for name, kind in kinds.items() if kind == "missing"])

    async def leaving(self, commit: str, *, to: Iterable[str]) -> None:
        """Make sure of everything that a remote with these commits has to be sent with this one."""
        if await self.state() is History.WHOLE:
            return
        known = [f"^{name}" for name, kind in (await self._kinds(sorted(set(to)))).items() if kind == "commit"]
        await self._bring(await self._missing("\n".join([commit, *known])))

    async def _kinds(self, names: list[str]) -> dict[str, str]:
        asked = "".join(f"{name}\n" for name in names).encode()
        told = await self.commands.run(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", git_dir=self.git_dir, stdin=asked
        )
        return {name: kind for name, _, kind in (line.partition(" ") for line in told.text.splitlines())}

    async def _missing(self, revisions: str, *options: str) -> list[str]:
        """Return what of these revisions is not here; of commits, with all that they lead to."""
        listed = await self.commands.run(
            "rev-list", "--objects", "--no-object-names", "--missing=print", *options, "--stdin",
            git_dir=self.git_dir, stdin=f"{revisions}\n".encode(),
        )  # fmt: skip
        return [line.removeprefix("?") for line in listed.text.splitlines() if line.startswith("?")]

    async def _bring(self, missing: list[str]) -> None:
        for first in range(0, len(missing), _AT_ONCE_MAX):
            async with held(self.private / "fetch.lock", wait_s=self.commands.transfer_timeout_s) as lock:
                output = await self._by_name(missing[first : first + _AT_ONCE_MAX], lock)
            if output.code:
                raise self._not_brought(output)

    async def _by_name(self, names: list[str], lock: int) -> Output:
        return await self.remote.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--stdin", way=_BY_NAME,
            git_dir=self.git_dir, lock=lock, stdin="".join(f"{name}\n" for name in names).encode(),
        )  # fmt: skip

    def _not_brought(self, output: Output) -> ChangelineError:
        if not _GONE.search(output.complaint):
            return remotes.reading_failure(self.remote.text, output)
        failures.log(self.remote.text, output)
        remedy = "Submit the change request again, on what the remote has now."
        return PersonNeeded(
            PauseReason.REMOTE_UNREACHABLE,
            "The git remote no longer has files of a commit that this work is based on: its history was rewritten. " + remedy,
            remedy=remedy, remote=self.remote.text,
        )  # fmt: skip

    async def _first(self, fetch: Fetch, lock: int) -> Output:
        """Fetch a long history without contents, and try whether they can be had afterwards."""
        await self._remember(History.PARTIAL)
        output = await fetch(_FILTERED)
        if _is_whole(output):
            if not output.code:
                await self._remember(History.REFUSED)
            return output
        if output.code:
            return output
        one = (await self._missing("", "--all", "--max-count=1"))[:1]
        tried = await self._by_name(one, lock) if one else output
        return await self._as_a_whole(fetch) if tried.code and _NO_NAMES.search(failures.own_words(tried)) else output

    async def _as_a_whole(self, fetch: Fetch) -> Output:
        output = await fetch(_ANEW)
        if not output.code:
            await self._remember(History.REFUSED)
        return output

    async def _is_new(self) -> bool:
        return not (await self.commands.run("for-each-ref", "--count=1", git_dir=self.git_dir)).stdout

    async def _remember(self, history: History) -> None:
        await asyncio.to_thread(contents.remember, self.private, history)


def _is_whole(output: Output) -> bool:
    return _NO_FILTER in failures.own_words(output)


def _was_cut(git_dir: Path, limit: int) -> bool:
    """Whether a fetch ended at the limit; removes what it left. The caller holds the lock of fetches of a new cache."""
    left = [(pack, pack.stat().st_size) for pack in (git_dir / "objects" / "pack").glob("tmp_pack_*")]
    for pack, _ in left:
        pack.unlink()
    return any(size >= limit for _, size in left)
