"""Submodules: found in a commit, fetched into caches of their own below their parent's.

Problem: a clone has the files of submodules, and `.gitmodules` names where they come from, which whoever writes a tree can
change. Choice: a submodule is one more repository with a cache of its own; its address is read from what the remote's own
branches hold, never from a commit that was made here, and is judged like any other. Which tree gets what is decided by
the commits alone. Invariants: nothing is fetched because an agent wrote something; what could not be fetched is told with
its reason, and stays so until this object ends, so that all trees of one piece of work are alike.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipeline.adapters.git.contents import Contents
from pipeline.adapters.git.network import Remote
from pipeline.adapters.git.objects import GITLINK
from pipeline.adapters.git.runner import GitCommands, decoded
from pipeline.errors import CallerError, ChangelineError
from pipeline.ports import AbsentSubmodule
from pipeline.repositories.paths import repository_path
from pipeline.repositories.submodules import addresses_by_path

DEPTH_MAX = 4
_COUNT_MAX = 100
_FILE = ".gitmodules"
_FILE_MAX_BYTES = 1024**2
_KNOWN_MAX = 200
_LINKED = re.compile(rb"(?:^|\0)" + GITLINK.encode() + rb" commit ([0-9a-f]+)\t([^\0]+)")
_BLOB = re.compile(r"\A[0-7]+ blob ([0-9a-f]+)\t")
_OURS = "refs/remotes/origin/changeline/*"

_NO_ENTRY = "the repository says nowhere where it comes from. Add it to .gitmodules on the base branch."
_TOO_DEEP = f"submodules are nested more than {DEPTH_MAX} deep."
_TOO_MANY = f"there are more than {_COUNT_MAX} submodules."


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """One whose files are here."""

    path: str
    """From the top of the tree."""
    commit: str
    git_dir: Path
    """Its cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one commit says. `linked` are the paths of all its own submodules, those below others are not among them."""

    linked: tuple[str, ...] = ()
    present: tuple[Submodule, ...] = ()
    """Parents first."""
    absent: tuple[AbsentSubmodule, ...] = ()


class SubmoduleCache(Protocol):
    """What is asked of a submodule's own repository."""

    async def brought(self, commit: str) -> Path:
        """Make sure that it holds the commit, and return its git directory."""

    async def submodules_of(self, commit: str) -> Found:
        """Return its own submodules, as of a commit."""

    def close(self) -> None:
        """Use it no more."""


OpenCache = Callable[[Remote, Path, int], Awaitable[SubmoduleCache]]
"""(how to get there, directory of caches, how deep more may be nested) to the cache."""


@dataclass(slots=True, kw_only=True)
class Submodules:
    """The submodules of one repository."""

    remote: Remote
    git_dir: Path
    commands: GitCommands
    open_cache: OpenCache
    contents: Contents
    depth_left: int = DEPTH_MAX
    _links: dict[str, dict[str, str]] = field(default_factory=dict)
    _brought: dict[tuple[str, str], Found] = field(default_factory=dict)
    _caches: dict[str, SubmoduleCache] = field(default_factory=dict)
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)

    def close(self) -> None:
        """Use the caches no more."""
        for cache in self._caches.values():
            cache.close()
        self._caches.clear()

    async def of(self, commit: str) -> Found:
        """Return the submodules of a commit, fetching what is not here yet."""
        links = await self._linked(commit)
        if not links:
            return Found()
        async with self._one_by_one:
            if missing := [link for link in links.items() if link not in self._brought]:
                addresses = await self._addresses(commit)
                for path, linked in missing:
                    self._brought[path, linked] = await self._bring(path, linked, addresses.get(path))
        found = [self._brought[link] for link in links.items()]
        return Found(
            linked=tuple(links),
            present=tuple(one for each in found for one in each.present),
            absent=tuple(one for each in found for one in each.absent),
        )

    async def _linked(self, commit: str) -> dict[str, str]:
        """Return path to recorded commit."""
        if commit not in self._links:
            listed = await self.commands.run("ls-tree", "-r", "-z", "--full-tree", commit, git_dir=self.git_dir)
            links = {decoded(path): linked.decode() for linked, path in _LINKED.findall(listed.stdout)}
            if len(self._links) >= _KNOWN_MAX:
                self._links.clear()
            self._links[commit] = links
        return self._links[commit]

    async def _bring(self, path: str, linked: str, written: str | None) -> Found:
        why = self._out_of_bounds(path)
        if written is None or why is not None:
            return _absent(path, why or _NO_ENTRY)
        try:
            to = await self.remote.beside(written)
            if (why := await to.why_closed()) is not None:
                return _absent(path, why)
            cache = self._caches.get(to.text)
            if cache is None:
                below = self.git_dir.with_suffix(".modules")
                cache = self._caches[to.text] = await self.open_cache(to, below, self.depth_left - 1)
            git_dir = await cache.brought(linked)
            inner = await cache.submodules_of(linked)
        except ChangelineError as failed:
            remedy = failed.remedy if isinstance(failed, CallerError) and failed.remedy else ""
            return _absent(path, f"{failed.message} {remedy}".strip())
        here = Submodule(path=path, commit=linked, git_dir=git_dir)
        return Found(
            present=(here, *(replace(one, path=f"{path}/{one.path}") for one in inner.present)),
            absent=tuple(replace(one, path=f"{path}/{one.path}") for one in inner.absent),
        )

    def _out_of_bounds(self, path: str) -> str | None:
        try:
            repository_path(path)
        except ValueError as odd:
            return f"its path {odd}."
        if self.depth_left <= 0:
            return _TOO_DEEP
        return _TOO_MANY if len(self._brought) >= _COUNT_MAX else None

    async def _addresses(self, commit: str) -> Mapping[str, str]:
        """Return what `.gitmodules` says at the newest commit of this history that one of the remote's branches has."""
        theirs = await self._theirs(commit)
        if theirs is None:
            return {}
        asked = ("-z", "--full-tree", theirs, "--", _FILE)
        named = await self.commands.run("ls-tree", *asked, git_dir=self.git_dir)
        await self.contents.these(_BLOB.findall(named.text))
        listed = await self.commands.run("ls-tree", "-l", *asked, git_dir=self.git_dir)
        mode, kind, blob, size = listed.text.partition("\t")[0].split() or ["", "", "", "0"]
        if kind != "blob" or not mode.startswith("100") or int(size) > _FILE_MAX_BYTES:
            return {}
        text = await self.commands.run("cat-file", "blob", blob, git_dir=self.git_dir)
        said = await self.commands.run(
            "config", "--file", "-", "--no-includes", "--null", "--list", stdin=text.stdout, accept=(0, 128)
        )
        if said.code:
            return {}
        pairs = (entry.partition("\n") for entry in said.fields)
        return addresses_by_path({key: value for key, _, value in pairs})

    async def _theirs(self, commit: str) -> str | None:
        walked = await self.commands.run(
            "rev-list", "--first-parent", "--boundary", commit, "--not", f"--exclude={_OURS}",
            "--glob=refs/remotes/origin/*", git_dir=self.git_dir,
        )  # fmt: skip
        lines: Sequence[str] = walked.text.splitlines()
        edges = [line.removeprefix("-") for line in lines if line.startswith("-")]
        return (edges[0] if edges else None) if lines else commit


def _absent(path: str, why: str) -> Found:
    return Found(absent=(AbsentSubmodule(path=path, why=why[0].lower() + why[1:] if why[1:2].islower() else why),))
