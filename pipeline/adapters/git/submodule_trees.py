"""Submodules in a tree: their files laid where the commit records them, looked at before a snapshot, never part of one.

Problem: git reads the `.git` of a submodule's directory, which an agent can write, when it looks at the tree around it.
Choice: a submodule's files are written from its own cache with an index of ours beside the tree's; its `.git` is a file of
one line, written by hand, that points into the tree's disposable git directory, and is taken away whenever git of ours
looks at the tree. What was changed in there is told to the agent, because it belongs to another repository. Invariants: no
git of ours meets a `.git` in a submodule; no link is followed on the way to one; what cannot be told from ours is refused.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.adapters.git import tree_files
from pipeline.adapters.git.plain_files import content, exists, is_directory
from pipeline.adapters.git.runner import GitCommands, Output, encoded
from pipeline.adapters.git.seeds import Seeds
from pipeline.adapters.git.submodules import Submodule
from pipeline.adapters.git.tree_checks import TreeCheck, refused
from pipeline.adapters.git.tree_scan import Fault, TreeLimits
from pipeline.errors import InvariantBroken
from pipeline.ports import Json

SETTINGS = "[submodule]\n\tactive = .\n"
"""Of the git directory of a tree that has submodules: what of them is there counts as wanted."""
_POINTER_MAX_BYTES = 4096
_FOREIGN = (
    "These files belong to a submodule, which is another repository, so they can be no part of this change. Put them back "
    "(`git checkout -- .` in its directory does) and make the change without them."
)


@dataclass(frozen=True, slots=True)
class SubmoduleTrees:
    """The submodules of one tree, whose lock the caller holds. `state` is the tree's private directory."""

    root: Path
    state: Path
    commands: GitCommands
    lock: int

    async def lay(self, submodules: Sequence[Submodule], settings: Mapping[str, str]) -> None:
        """Write their files, parents first. Their places must be vacant."""
        for one in submodules:
            await asyncio.to_thread(_make_room, self.root, one.path)
            await asyncio.to_thread(self._index(one).unlink, missing_ok=True)
            await self._git(one, "read-tree", "--reset", "-u", one.commit, configuration=settings)

    async def plant(self, submodules: Sequence[Submodule]) -> None:
        """Give each a git directory of its own below the tree's, which is there already."""
        for one in submodules:
            if not await asyncio.to_thread(_leads_to, self.root, one.path):
                continue
            inner = self.root / ".git" / "modules" / _key(one.path)
            index = self.state / "index.seed"
            await asyncio.to_thread(shutil.copyfile, self._index(one), index)
            seeds = Seeds(one.git_dir, one.git_dir.with_suffix(".trees"), self.commands)
            await seeds.plant(inner, one.commit, index=index, settings=_settings(one.path))
        await self.put_back(submodules)

    async def remove(self, submodules: Sequence[Submodule]) -> None:
        """Delete their files, whatever became of them, without following a link."""
        for one in submodules:
            if await asyncio.to_thread(_leads_to, self.root, one.path.rpartition("/")[0]):
                await asyncio.to_thread(tree_files.delete, self.root / one.path)

    async def set_aside(self, submodules: Sequence[Submodule]) -> None:
        """Take their `.git` away. Raises `ModelError` where something else is in its place."""
        strays = await asyncio.to_thread(
            lambda: [path for one in submodules for path in _set_aside(self.root, one.path)]
        )
        if strays:
            raise refused([(Fault.NESTED.value, strays)])

    async def put_back(self, submodules: Sequence[Submodule]) -> None:
        """Write their `.git` again where it is missing."""
        for one in submodules:
            await asyncio.to_thread(_put_back, self.root, one.path)

    async def refuse_changes(
        self, submodules: Sequence[Submodule], linked: Iterable[str], named: Collection[str]
    ) -> None:
        """Raise `ModelError` for changed files of submodules, and for new ones of them that are `named`.

        `linked` are all the places of submodules, `.git` of every one that is here is set aside.
        """
        here = [one.path for one in submodules]
        blamed = [path for place in set(linked) - set(here) for path in named if _below(place, path) is not None]
        blamed = [path for path in blamed if await asyncio.to_thread(exists, self.root / path)]
        for one in submodules:
            if not await asyncio.to_thread(_leads_to, self.root, one.path):
                blamed += [one.path] if await asyncio.to_thread(exists, self.root / one.path) else []
                continue
            blamed += [f"{one.path}/{path}" for path in await self._changed(one, here, named)]
        if blamed:
            raise refused([(_FOREIGN, sorted(set(blamed)))])

    async def _changed(self, one: Submodule, here: Iterable[str], named: Collection[str]) -> list[str]:
        inner = [path for place in here if (path := _below(one.path, place)) is not None]
        run = partial(self._git, one)
        check = TreeCheck(self.root / one.path, TreeLimits(), run, passed_over=inner, called=f"{one.path}/")
        await check.begin(one.commit)
        await check.refuse_nested()
        changed = await run("ls-files", "-z", "--modified", "--deleted")
        mine = [path for each in named if (path := _below(one.path, each)) is not None]
        mine = [path for path in mine if not any(_below(place, path) is not None for place in inner)]
        new = await run("ls-files", "-z", "--others", "--", *mine) if mine else None
        return [*changed.fields, *(new.fields if new else ())]

    async def _git(
        self,
        one: Submodule,
        *arguments: str,
        stdin: bytes = b"",
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        index: Path | None = None,
        configuration: Mapping[str, str] | None = None,
    ) -> Output:
        return await self.commands.run(
            *arguments, git_dir=one.git_dir, work_tree=self.root / one.path, index=index or self._index(one),
            lock=self.lock, stdin=stdin, accept=accept, environment=environment, configuration=configuration,
        )  # fmt: skip

    def _index(self, one: Submodule) -> Path:
        return self.state / f"submodule-{_key(one.path)}"


def as_record(submodules: Sequence[Submodule]) -> Json:
    """Return what a tree remembers of them."""
    return {one.path: [one.commit, str(one.git_dir)] for one in submodules}


def of_record(record: Json) -> list[Submodule]:
    """Undo `as_record`."""
    return [Submodule(path=path, commit=commit, git_dir=Path(at)) for path, (commit, at) in record.items()]


def _below(place: str, path: str) -> str | None:
    """Return a path as seen from a directory above it; None when it is not below that."""
    return path[len(place) + 1 :] if path.startswith(f"{place}/") else None


def _key(path: str) -> str:
    return hashlib.sha256(encoded(path)).hexdigest()[:16]


def _pointer(path: str) -> bytes:
    return f"gitdir: {'../' * (path.count('/') + 1)}.git/modules/{_key(path)}\n".encode()


def _settings(path: str) -> str:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'[core]\n\tworktree = "../../../{quoted}"\n{SETTINGS}'


def _leads_to(root: Path, path: str) -> bool:
    """Whether a directory is there, and no link on the way to it."""
    here = root
    for part in path.split("/") if path else ():
        here /= part
        if not is_directory(here):
            return False
    return True


def _make_room(root: Path, path: str) -> None:
    here = root
    for part in path.split("/"):
        here /= part
        if not exists(here):
            here.mkdir()
        elif not is_directory(here):
            raise InvariantBroken("Something else is where a submodule belongs.", path=path)
    if any(here.iterdir()):
        raise InvariantBroken("There are files where a submodule belongs.", path=path)


def _set_aside(root: Path, path: str) -> list[str]:
    pointer = root / path / ".git"
    if not _leads_to(root, path) or not exists(pointer):
        return []
    try:
        if content(pointer, _POINTER_MAX_BYTES) == _pointer(path):
            pointer.unlink()
            return []
    except OSError:
        pass
    return [f"{path}/.git"]


def _put_back(root: Path, path: str) -> None:
    pointer = root / path / ".git"
    if _leads_to(root, path) and not exists(pointer):
        with pointer.open("xb") as made:
            made.write(_pointer(path))
