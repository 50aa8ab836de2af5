"""Disposable git directories for trees, copied from seeds that are made once for each commit.

Problem: tests and tools ask git which files there are, which tag is near and what changed, so every tree needs a `.git`;
fetching one for each tree takes longer than writing the files. Choice: beside the cache lies one seed for each commit, with
packs of what the commit reaches and a list of refs; a later commit's seed is an earlier one's and a small pack. A tree
gets a copy, written by hand, and an index that knows the files as they were just written. Invariants: a copy shares no
file with its seed or with the cache, so nothing that is done to it is ever seen here; no command of ours runs in a copy;
a seed is complete or absent, but for older versions of files that a partial cache lacks.
"""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.adapters.git.contents import history_of
from pipeline.adapters.git.objects import sha
from pipeline.adapters.git.runner import GitCommands, held
from pipeline.ports import History

SEEDS = "seeds"
HISTORY_MAX_BYTES = 256 * 1024**2
"""A cache with more has seeds of a single commit: git log ends there, and describe finds tags of that commit only."""
_SEEDS_MAX = 8
_TAGS_MAX = 2_000
_IN_USE_S = 900.0
"""A seed may still be copied from so long after somebody asked for it."""
_LOOKED_AT_MAX = 4
_NEW = "new-"
_HEAD = "ref: refs/heads/work\n"
_CONFIGURATION = (
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tcheckStat = minimal\n\ttrustctime = false\n"
    "[user]\n\tname = agent\n\temail = agent@localhost\n[gc]\n\tauto = 0\n[commit]\n\tgpgSign = false\n"
)
_NOT_HERE = "older"
_PROMISE = (
    f'[remote "{_NOT_HERE}"]\n\tpromisor = true\n\tpartialCloneFilter = blob:none\n'
    "\turl = /older-versions-of-files-are-not-in-this-tree\n"
)
"""Makes git say what is the matter where it is asked for the older version of a file, and take the rest for whole."""
MARKED = ".promisor"
"""Ends the name of a file beside a pack that refers to what may be missing."""
_NO_SYNC = {"core.fsync": "none"}
_CHUNK = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of one cache."""

    git_dir: Path
    private: Path
    commands: GitCommands
    history_max_bytes: int = HISTORY_MAX_BYTES

    async def plant(self, inner: Path, commit: str, *, index: Path, settings: str = "") -> None:
        """Write `inner` as the git directory of a tree that is at `commit`; `index` is moved into it.

        `settings` is what its configuration says besides, in git's own form.
        """
        seed = await self._seed(sha(commit))
        if await asyncio.to_thread(_is_partial, seed):
            settings = f"{settings}{_PROMISE}"
        await asyncio.to_thread(_copy, seed, inner, index, settings)

    async def _seed(self, commit: str) -> Path:
        place = self.private / SEEDS
        async with held(self.private / f"{SEEDS}.lock", wait_s=self.commands.timeout_s) as lock:
            await asyncio.to_thread(place.mkdir, exist_ok=True, mode=0o700)
            seed = place / commit
            if not await asyncio.to_thread(seed.exists):
                fresh = place / f"{_NEW}{secrets.token_hex(8)}"
                try:
                    await self._make(fresh, commit, lock)
                    await asyncio.to_thread(fresh.rename, seed)
                finally:
                    await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)
            await asyncio.to_thread(os.utime, seed)
            await asyncio.to_thread(_evict, place)
        return seed

    async def _make(self, fresh: Path, commit: str, lock: int) -> None:
        packs = fresh / "objects" / "pack"
        await asyncio.to_thread(packs.mkdir, parents=True)
        earlier = await self._earlier(commit, lock)
        tags = await self._tags(commit, lock)
        wanted = [commit, *(value for value, _ in tags.values())]
        named = await asyncio.to_thread(history_of, self.private) is not History.WHOLE
        if earlier is not None:
            await asyncio.to_thread(_link_all, earlier, fresh)
            wanted += [f"^{earlier.name}"]
        elif await self._is_large(lock):
            tags = {ref: found for ref, found in tags.items() if commit in found}
            wanted = [f"--shallow {commit}", commit, *(value for value, _ in tags.values())]
            await asyncio.to_thread((fresh / "shallow").write_text, f"{commit}\n")
            named = False
        if named:
            tips = [f"{commit}^{{tree}}", *([] if earlier is None else [f"^{earlier.name}^{{tree}}"])]
            wanted = sorted({*await self._here(wanted, lock), *await self._here(tips, lock)})
        await self.commands.run(
            "pack-objects", *(() if named else ("--revs",)), "--quiet", "--delta-base-offset", "--window=0",
            str(packs / "pack"), git_dir=self.git_dir, stdin="".join(f"{line}\n" for line in wanted).encode(),
            lock=lock, configuration=_NO_SYNC,
        )  # fmt: skip
        if named:
            await asyncio.to_thread(_mark_partial, packs)
        await asyncio.to_thread((fresh / "packed-refs").write_text, _packed(commit, tags))

    async def _here(self, revisions: Sequence[str], lock: int) -> list[str]:
        """Return the objects that revisions lead to, as far as the cache holds them."""
        listed = await self.commands.run(
            "rev-list", "--objects", "--no-object-names", "--missing=allow-any", "--stdin",
            git_dir=self.git_dir, stdin="".join(f"{one}\n" for one in revisions).encode(), lock=lock,
        )  # fmt: skip
        return listed.text.splitlines()

    async def _earlier(self, commit: str, lock: int) -> Path | None:
        """Return the newest seed of an ancestor, as far as a few looks find one."""
        for seed in (await asyncio.to_thread(_by_age, self.private / SEEDS))[:_LOOKED_AT_MAX]:
            asked = ("merge-base", "--is-ancestor", seed.name, commit)
            if (await self.commands.run(*asked, git_dir=self.git_dir, accept=(0, 1, 128), lock=lock)).code == 0:
                return seed
        return None

    async def _tags(self, commit: str, lock: int) -> dict[str, tuple[str, str]]:
        """Return the newest tags that the commit contains: ref to object and the commit it leads to."""
        listed = await self.commands.run(
            "for-each-ref", f"--count={_TAGS_MAX}", "--sort=-creatordate", f"--merged={commit}",
            "--format=%(objectname) %(*objectname) %(refname)", "refs/tags/", git_dir=self.git_dir, lock=lock,
        )  # fmt: skip
        found = (line.split(" ", 2) for line in listed.text.split("\n") if line)
        return {ref: (value, peeled or value) for value, peeled, ref in found}

    async def _is_large(self, lock: int) -> bool:
        told = (await self.commands.run("count-objects", "-v", git_dir=self.git_dir, lock=lock)).text
        sizes = dict(line.split(": ", 1) for line in told.splitlines())
        return (int(sizes["size-pack"]) + int(sizes["size"])) * 1024 > self.history_max_bytes


def _packed(commit: str, tags: Mapping[str, tuple[str, str]]) -> str:
    lines = {"refs/heads/work": f"{commit} refs/heads/work\n"}
    for ref, (value, peeled) in tags.items():
        lines[ref] = f"{value} {ref}\n" + (f"^{peeled}\n" if peeled != value else "")
    return "# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines[ref] for ref in sorted(lines))


def _link_all(earlier: Path, fresh: Path) -> None:
    """Take over an earlier seed's packs; seeds are never written again, so they may share files among themselves."""
    for pack in (earlier / "objects" / "pack").iterdir():
        os.link(pack, fresh / "objects" / "pack" / pack.name)
    if (earlier / "shallow").exists():
        os.link(earlier / "shallow", fresh / "shallow")


def _mark_partial(packs: Path) -> None:
    """Say of every pack that what it refers to may be missing."""
    for pack in packs.glob("*.pack"):
        pack.with_suffix(MARKED).touch()


def _is_partial(seed: Path) -> bool:
    return any(one.suffix == MARKED for one in (seed / "objects" / "pack").iterdir())


def _copy(seed: Path, inner: Path, index: Path, settings: str) -> None:
    for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info"):
        (inner / name).mkdir(parents=True)
    for file in _files(seed):
        _copy_file(file, inner / file.relative_to(seed))
    (inner / "config").write_text(f"{_CONFIGURATION}{settings}", encoding="utf-8", errors="surrogateescape")
    shutil.move(index, inner / "index")
    (inner / "HEAD").write_text(_HEAD, encoding="ascii")


def _files(seed: Path) -> Iterator[Path]:
    yield from (seed / "objects" / "pack").iterdir()
    yield from (file for file in seed.iterdir() if file.is_file())


def _copy_file(file: Path, to: Path) -> None:
    """Copy bytes, by the file system's own sharing of blocks where it has that; never by a link."""
    with file.open("rb") as source, to.open("xb") as target:
        try:
            while os.copy_file_range(source.fileno(), target.fileno(), _CHUNK):
                pass
        except OSError:
            source.seek(0)
            target.seek(0)
            shutil.copyfileobj(source, target, 1024**2)


def _by_age(place: Path) -> list[Path]:
    seeds = [seed for seed in place.iterdir() if not seed.name.startswith(_NEW)]
    return sorted(seeds, key=lambda seed: seed.stat().st_mtime, reverse=True)


def _evict(place: Path) -> None:
    """Remove the seeds that nobody asked for in a while, all but the newest; and what a killed process left."""
    before = time.time() - _IN_USE_S
    old = [seed for seed in _by_age(place)[_SEEDS_MAX:] if seed.stat().st_mtime < before]
    left = [one for one in place.glob(f"{_NEW}*") if one.stat().st_mtime < before]
    for one in (*old, *left):
        shutil.rmtree(one, ignore_errors=True)
