"""Why a change cannot land in a repository of this machine, and in whose words.

Problem: a checkout can be dirty, gone, in the middle of something, or such that git would never come back from it. Choice:
each of these is looked for before anything is written, and worded here with the files and the remedy. Invariant: a refusal
has changed nothing.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.adapters.git.local_repository import Checkout, LocalRepository
from pipeline.adapters.git.runner import Output
from pipeline.change_request import PauseReason
from pipeline.errors import CallerError, Conflict, PersonNeeded
from pipeline.machine import tree_walk
from pipeline.repositories.ref_names import HEADS, in_the_way, shown

_SHOWN_MAX = 20
_RULES = frozenset({".gitignore", ".gitattributes"})
_RULES_MAX_BYTES = 10 * 1024**2


def refuse_odd_rules(tree: Path) -> None:
    """Raise `CallerError` where git would wait for ever, or read a giant, for the rules of a checkout."""
    try:
        for directory in tree_walk.directories(tree):
            directory.inner = [name for name in directory.inner if name != ".git"]
            for entry in directory.entries:
                if entry.name in _RULES and _is_odd(entry.stat(follow_symlinks=False)):
                    raise CallerError(
                        f"{directory.path(entry.name)} in {tree} is not a small regular file, and git would read it.",
                        field="remote", remedy="Remove it.",
                    )  # fmt: skip
    except OSError:  # what this account cannot enter, or what changes meanwhile, git passes over as well
        return


def _is_odd(facts: os.stat_result) -> bool:
    """A link is not: git itself follows none here."""
    regular = stat.S_ISREG(facts.st_mode)
    return (regular and facts.st_size > _RULES_MAX_BYTES) or not (regular or stat.S_ISLNK(facts.st_mode))


def branch_of(checkout: Checkout) -> str:
    """Return the short name of the branch that is checked out; empty when there is none."""
    return (checkout.branch or "").removeprefix("refs/heads/")


def held_up(checkout: Checkout, files: Sequence[str], why: str, remedy: str) -> PersonNeeded:
    """Return the pause of a change that cannot land because of a checkout; the first files are named."""
    return PersonNeeded(
        PauseReason.TARGET_CHECKOUT_DIRTY,
        f"{why} {remedy}",
        path=str(checkout.path),
        ref=checkout.branch or checkout.rebased,
        remedy=remedy,
        files=list(files[:_SHOWN_MAX]),
        count=len(files),
    )


def push_refusal(local: LocalRepository) -> PersonNeeded | None:
    """Return why nothing at all may be pushed into a repository; None where a push of some branch may land."""
    if not local.ours:
        remedy = "Run Changeline as that user, or use a repository that this account owns."
        why = "The repository belongs to another user, who could not change what this account writes into it."
    elif local.guards:
        remedy = (
            "Name the repository by an address over which git serves it (ssh://… or https://…), so that the hooks run "
            "there; or take them away where they need not judge what Changeline brings. Then resume."
        )
        why = (
            f"{local.path} guards its branches by hooks ({', '.join(local.guards)}). Changeline runs no program of a "
            "repository outside a sandbox, so it cannot know what they allow, and pushes nothing past them."
        )
    else:
        return None
    return PersonNeeded(PauseReason.DELIVERY_FAILED, f"{why} {remedy}", remedy=remedy, remote=str(local.path))


def refuse_checked_out(checkouts: Sequence[Checkout], ref: str) -> None:
    """Raise `PersonNeeded` for a branch that is to be deleted while it is checked out."""
    if checkouts:
        raise PersonNeeded(
            PauseReason.DELIVERY_FAILED,
            f"{ref} is checked out in {checkouts[0].path}, so it cannot be deleted. Check out another branch there.",
            ref=ref, path=str(checkouts[0].path), remedy="Check out another branch there, then try again.",
        )  # fmt: skip


def refuse_out_of_reach(checkouts: Sequence[Checkout], ref: str) -> None:
    """Raise `PersonNeeded` where a checkout of the branch cannot move along, and would undo the move later."""
    short = ref.removeprefix("refs/heads/")
    for checkout in checkouts:
        if checkout.rebased == ref:
            raise held_up(
                checkout, [], f"{short} is in the middle of a rebase in {checkout.path}.",
                "Finish the rebase there or abort it, then resume.",
            )  # fmt: skip
        if checkout.branch == ref and not checkout.present:
            raise held_up(
                checkout, [], f"{short} is checked out in {checkout.path}, which is not there.",
                "Run `git worktree prune` in the repository if it is gone for good, `git worktree repair` if it was moved, "
                "then resume.",
            )  # fmt: skip


def readable(path: str) -> str:
    """Return a path of git's as text that can be shown."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def moved_on(ref: str) -> Conflict:
    """Return the conflict of a ref that is not where it was expected."""
    return Conflict("The remote branch moved.", field="expected", remedy="Fetch, rebase and test again.", ref=ref)


def refuse_collision(path: Path, ref: str, among: Iterable[str]) -> None:
    """Raise `PersonNeeded` where a ref of another name takes the place that `ref` needs."""
    other = in_the_way(ref, among)
    if other is not None:
        raise collision(str(path), ref, other)


def collision(remote: str, ref: str, other: str) -> PersonNeeded:
    """Return the pause for a ref that cannot be made beside another one, which is named."""
    kind, name = ("branch", shown(other.removeprefix(HEADS))) if other.startswith(HEADS) else ("ref", shown(other))
    remedy = f"Rename or delete the {kind} `{name}` there, then resume."
    return PersonNeeded(
        PauseReason.DELIVERY_FAILED,
        f"The {kind} `{name}` is in the way: git cannot keep `{shown(ref.removeprefix(HEADS))}` beside it. {remedy}",
        remote=remote, ref=ref, remedy=remedy, in_the_way=name,
    )  # fmt: skip


def unwritten(path: Path, ref: str, output: Output) -> PersonNeeded:
    """Return the pause for a ref or an object that git could not write."""
    remedy = "Check the directory's permissions, then resume."
    return PersonNeeded(
        PauseReason.DELIVERY_FAILED, f"{ref} could not be moved in {path}: git could not write it. {remedy}",
        remote=str(path), ref=ref, remedy=remedy, detail=output.complaint,
    )  # fmt: skip
