"""Trees for agents and for the pipeline's own runs, in this epoch's directory, never reused by another epoch.

Problem: a tree that nobody removes when its work ends badly stays until cleanup, and holds a repository's size of disk.
Choice: a tree lives as long as a `with`. Invariant: whatever ends the work, its tree is gone before anybody hears of it.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pipeline.stage.run import StageRun

TOKEN_BYTES = 6


@asynccontextmanager
async def empty(run: StageRun, name: str, purpose: str) -> AsyncIterator[Path]:
    """Give the place of one activation's tree for a purpose; what an unfinished try of this epoch left there is removed.

    Only a tree whose work ended well may become another one.
    """
    tree = run.context.tree(name, f"{purpose}-{run.activation[:8]}")
    repository = run.context.repositories[name]
    await repository.remove_worktree(tree)
    try:
        yield tree
        await repository.give_back(tree)
    finally:
        await repository.remove_worktree(tree)


@asynccontextmanager
async def for_agent(run: StageRun, name: str, purpose: str, commit: str) -> AsyncIterator[Path]:
    """Give a tree of `commit` with a disposable git directory, in which agents work."""
    async with empty(run, name, purpose) as tree:
        await run.context.repositories[name].add_worktree(tree, commit)
        yield tree


@asynccontextmanager
async def checked_out(run: StageRun, name: str, commit: str) -> AsyncIterator[Path]:
    """Give a clean checkout of `commit` that no agent has touched.

    Its path is another each time and says nothing of a purpose: code under test sees it, and could behave by it.
    """
    async with empty(run, name, secrets.token_hex(TOKEN_BYTES)) as tree:
        await run.context.repositories[name].checkout(tree, commit)
        yield tree
