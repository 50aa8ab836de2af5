"""Who uses a cache, and taking out of it what nothing keeps once nobody does.

Problem: an agent that wrote and deleted a gigabyte leaves it in the cache for ever, and an object that no ref keeps yet is
not garbage to the process that has just written it. Choice: whoever opens a cache holds a share of one lock for as long;
whoever is done with it for good gives up the share, and prunes only if there is no other, without waiting. The system gives
back the share of a process that was killed; what such a process left running holds the locks of fetches and refs, which are
asked for as well. Invariant: nothing is deleted while any other process or object has the cache open.
"""

import asyncio
import fcntl
import os
import shutil
import weakref
from contextlib import AsyncExitStack
from pathlib import Path

from pipeline.adapters.git.runner import GitCommands, held
from pipeline.adapters.git.seeds import MARKED, SEEDS
from pipeline.errors import TransientError

PRUNE_MAX_S = 30.0
"""Longest prune: whoever opens the cache meanwhile waits for it."""
PACKS_MAX = 40
"""So many small packs of a partial cache become one."""
_SMALL_BYTES = 64 * 1024**2
_POLL_S = 0.05
_LOCK = "use.lock"


class CacheUse:
    """One share in the use of a cache. It ends with `give_up`, with the object, or with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._end = weakref.finalize(self, os.close, descriptor)

    def give_up(self) -> None:
        """End the share. Idempotent."""
        self._end()

    def alone(self) -> bool:
        """Turn the share into the only one, if there is no other; else it is given up. Waits for nobody."""
        if not self._end.alive:
            return False
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.give_up()
            return False
        return True


async def use(private: Path, *, wait_s: float) -> CacheUse:
    """Take a share in the use of the cache with this private directory; waits while somebody prunes it.

    Raises `TransientError` when that takes longer than `wait_s`.
    """
    descriptor = os.open(private / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    share = CacheUse(descriptor)
    try:
        async with asyncio.timeout(wait_s):
            while not _shared(descriptor):  # noqa: ASYNC110 - other processes set no asyncio.Event
                await asyncio.sleep(_POLL_S)
    except BaseException as error:
        share.give_up()
        if isinstance(error, TimeoutError):
            raise TransientError("Another process keeps pruning this cache.", lock=_LOCK) from error
        raise
    return share


async def prune(git_dir: Path, private: Path, commands: GitCommands, share: CacheUse) -> str | None:
    """Delete all loose objects that no ref keeps. Gives the share up in any case: nothing may be written by it any more.

    Returns why it was not done or not finished, None when it was; what stays is pruned another time.
    """
    try:
        if not share.alone():
            return "the cache is in use"
        async with AsyncExitStack() as stack:
            lock = await stack.enter_async_context(held(private / "fetch.lock", wait_s=0))
            await stack.enter_async_context(held(private / "refs.lock", wait_s=0))
            async with asyncio.timeout(PRUNE_MAX_S):
                await asyncio.to_thread(_remove_seeds, git_dir, private)
                await commands.run("prune", "--expire=now", git_dir=git_dir, lock=lock)
                await _join_packs(git_dir, commands, lock)
    except TimeoutError:
        return f"it takes longer than {PRUNE_MAX_S:g} s"
    except TransientError as busy:
        return busy.message
    finally:
        share.give_up()
    return None


async def _join_packs(git_dir: Path, commands: GitCommands, lock: int) -> None:
    """Make one pack of the small ones that a partial cache got, one for each time something was missing."""
    place = git_dir / "objects" / "pack"
    small = await asyncio.to_thread(_small_packs, place)
    if len(small) < PACKS_MAX:
        return
    names: set[str] = set()
    for pack in small:
        index = await asyncio.to_thread(pack.with_suffix(".idx").read_bytes)
        listed = await commands.run("show-index", git_dir=git_dir, stdin=index)
        names |= {line.split(" ")[1] for line in listed.text.splitlines()}
    joined = await commands.run(
        "pack-objects", "--quiet", "--delta-base-offset", "--window=0", str(place / "pack"),
        git_dir=git_dir, stdin="".join(f"{name}\n" for name in sorted(names)).encode(), lock=lock,
    )  # fmt: skip
    await asyncio.to_thread(_replace_packs, small, place / f"pack-{joined.text}.pack")


def _small_packs(place: Path) -> list[Path]:
    marked = (mark.with_suffix(".pack") for mark in place.glob(f"*{MARKED}"))
    return [pack for pack in marked if pack.exists() and pack.stat().st_size < _SMALL_BYTES]


def _replace_packs(packs: list[Path], by: Path) -> None:
    by.with_suffix(MARKED).touch()
    for pack in packs:
        for suffix in (".idx", ".rev", ".pack", MARKED) if pack != by else ():
            pack.with_suffix(suffix).unlink(missing_ok=True)


def _remove_seeds(git_dir: Path, private: Path) -> None:
    """Remove the seeds of the cache and of its submodules' caches, which are used through this one alone."""
    inner = (one for one in git_dir.with_suffix(".modules").rglob("*.trees"))
    for one in (private, *inner):
        shutil.rmtree(one / SEEDS, ignore_errors=True)


def _shared(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
