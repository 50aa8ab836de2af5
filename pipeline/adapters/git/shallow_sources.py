"""The history that a shallow clone of this machine lacks, from where it was cloned from.

Problem: build machines and assistants clone with a depth, and a change needs the commits below. Git would mend the clone itself,
by whatever its configuration names. Choice: the clone stays as it is; the commits at which it is cut are fetched into the cache, with all
that they lead to, from the address that its configuration names as its origin. That address is judged as a submodule's is: nobody
answers for it but for what lies beside the clone. Invariant: the cache is never shallow itself.
"""

from pathlib import Path

from pipeline.adapters.git.local_repository import LocalRepository, shallow
from pipeline.adapters.git.network import Remote
from pipeline.adapters.git.runner import GitCommands, Output
from pipeline.errors import CallerError

_BELOW = "refs/changeline/below/"


async def origin(remote: Remote, local: LocalRepository) -> Remote:
    """Return where a shallow clone was cloned from. Raises `CallerError` where it does not say, or may not be reached."""
    if not local.cloned_from:
        raise shallow("It names no origin to fetch the rest from.")
    try:
        there = await remote.beside(local.cloned_from)
    except CallerError as odd:
        raise shallow(f"The origin that it names cannot be used: {odd.message}") from odd
    if (closed := await there.why_closed()) is not None:
        raise shallow(f"Its origin may not be reached: {closed}")
    return there


async def brought_below(
    remote: Remote, local: LocalRepository, *, git_dir: Path, commands: GitCommands, lock: int
) -> tuple[Remote, Output] | None:
    """Fetch what leads to the commits at which a clone is cut, as far as the cache lacks it; `lock` is that of fetches.

    Returns whom was asked and how that went; None where nothing had to be.
    """
    listed = await commands.run("for-each-ref", "--format=%(refname)", _BELOW, git_dir=git_dir, lock=lock)
    known = {name.removeprefix(_BELOW) for name in listed.text.splitlines()}
    wanted = [f"{commit}:{_BELOW}{commit}" for commit in local.cut if commit not in known]
    if not wanted:
        return None
    there = await origin(remote, local)
    if (near := await there.local()) is not None:
        return there, await near.fetch(git_dir, wanted, lock=lock)
    return there, await there.run(
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", refs=wanted, git_dir=git_dir, lock=lock
    )
