"""The private directory beside a cache: throw-away directories in it, and what killed processes left there.

Problem: whoever is killed with a throw-away index, or between making a tree's directory and recording its tree, leaves a
directory that nobody looks for again. Choice: each is made and removed under a lock of its own name, and what nobody holds
and no record explains is swept whenever a cache is opened. Invariant: a directory in use is never touched, because its user
holds its lock; a tree that is not worked on right now has its record.
"""

import asyncio
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.adapters.git.runner import held
from pipeline.errors import TransientError

RECORD = "tree.json"
_TREE_OR_SCRATCH = re.compile(r"[0-9a-f]{32}|(index|rules)-[0-9a-f]{16}")


@asynccontextmanager
async def scratch(private: Path, purpose: str) -> AsyncIterator[Path]:
    """Make an empty directory for this block alone; `purpose` is `index` or `rules`."""
    directory = private / f"{purpose}-{secrets.token_hex(8)}"
    lock = directory.with_suffix(".lock")
    async with held(lock, wait_s=1):
        try:
            await asyncio.to_thread(directory.mkdir, mode=0o700)
            yield directory
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
            lock.unlink(missing_ok=True)


async def sweep(private: Path) -> int:
    """Remove leftovers; returns how many there were. Waits for nobody. Idempotent."""
    swept = 0
    for name in await asyncio.to_thread(_unexplained, private):
        directory = private / name
        try:
            async with held(directory.with_suffix(".lock"), wait_s=0):
                if not (directory / RECORD).exists():
                    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
                    directory.with_suffix(".lock").unlink(missing_ok=True)
                    swept += 1
        except TransientError:
            continue
    return swept


def _unexplained(private: Path) -> list[str]:
    names = {entry.name.removesuffix(".lock") for entry in private.iterdir()}
    return sorted(name for name in names if _TREE_OR_SCRATCH.fullmatch(name) and not (private / name / RECORD).exists())
