"""What moved under a change, and what its rebase made of it: kept for whoever approves, or has approved, the release.

A base branch that moved is dealt with by itself, so nothing would show it but a new commit id. Each move is kept once,
under the commits it led from and to.
"""

from pydantic import TypeAdapter

from pipeline.coding.rebasing import Rebased
from pipeline.gates.content import MovedBase, OthersCommit
from pipeline.stage.artifacts import Artifact
from pipeline.stage.run import StageRun

COMMITS_MAX = 50
"""Commits of others that are named; the rest is counted."""


MOVES = Artifact("rebases", TypeAdapter(list[MovedBase]))


def name_of(repository: str) -> str:
    """Return the artifact's name."""
    return f"{repository}.json"


async def save_move(run: StageRun, onto: str, replayed: Rebased, *, proven: bool) -> str:
    """Keep one move; returns it in a few words. Idempotent."""
    before, head_before = run.here.base, run.here.head
    commits = await run.context.repositories[run.name].log(before, onto, limit=COMMITS_MAX + 1)
    move = MovedBase(
        attempt=run.context.attempt, base_branch=run.target.base_branch, base_before=before, base=onto,
        head_before=head_before, head=replayed.head, clean=replayed.clean, proven=proven,
        commits=tuple(OthersCommit(commit=commit, subject=subject[:200]) for commit, subject in commits[:COMMITS_MAX]),
        more_commits=len(commits) > COMMITS_MAX,
    )  # fmt: skip
    known = [one for one in await _all(run, run.name) if (one.base_before, one.head_before) != (before, head_before)]
    await MOVES.save(run.context.artifacts, name_of(run.name), [*known, move])
    return f"{run.target.base_branch} moved from {before[:10]} to {onto[:10]}, the head is {replayed.head[:10]} now"


async def load_moves(run: StageRun, repository: str) -> list[MovedBase]:
    """Return the moves under this attempt, oldest first."""
    return [one for one in await _all(run, repository) if one.attempt == run.context.attempt]


async def _all(run: StageRun, repository: str) -> list[MovedBase]:
    return await MOVES.load(run.context.artifacts, name_of(repository)) or []
