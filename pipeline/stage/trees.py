"""Trees for agents: made from a commit in this epoch's own directory, never reused by another epoch."""

from pathlib import Path

from pipeline.stage.run import StageRun


async def fresh(run: StageRun, name: str, purpose: str, commit: str) -> Path:
    """Return a tree of `commit` at this epoch's place for the purpose; an unfinished one of this epoch is replaced."""
    tree = run.context.tree(name, purpose)
    repository = run.context.repositories[name]
    await repository.remove_worktree(tree)
    await repository.add_worktree(tree, commit)
    return tree


async def remove(run: StageRun, name: str, purpose: str) -> None:
    """Delete a tree. Idempotent."""
    await run.context.repositories[name].remove_worktree(run.context.tree(name, purpose))
