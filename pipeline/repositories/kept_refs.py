"""Where a cache keeps commits of a change request alive, spelled once.

Problem: git collects what no ref holds, and the same path was put together in six places. Choice: one function per
reason to keep a commit. Invariants: what an epoch keeps stands under its number and is saved at the remote; what is kept
for another purpose is no work to be saved; everything below `prefix` goes when the change request ends.
"""

from collections.abc import Mapping


def prefix(cr_id: str) -> str:
    """Return the place of all kept commits of a change request; `pushed` and `remote` below it are no epochs."""
    return f"refs/changeline/keep/{cr_id}/"


def work(cr_id: str, epoch: int, commit: str) -> str:
    """Return the ref that keeps work of an epoch, which is saved at the remote."""
    return f"{prefix(cr_id)}{epoch}/{commit}"


def purpose(cr_id: str, name: str, commit: str) -> str:
    """Return the ref that keeps a commit which a change request needs, but which is no work to be saved elsewhere."""
    return f"{prefix(cr_id)}{name}/{commit}"


def pushed(cr_id: str, epoch: int | None = None) -> str:
    """Return where the envelope lies that an epoch pushed; of every epoch without one."""
    return f"{prefix(cr_id)}pushed/{'' if epoch is None else epoch}"


def fetched(cr_id: str) -> str:
    """Return where snapshots that were brought back from the remote lie."""
    return f"{prefix(cr_id)}remote/"


def of_epochs(cr_id: str, refs: Mapping[str, str]) -> list[str]:
    """Return the commits of `refs` (all below `prefix`) that are work of epochs."""
    return [commit for ref, commit in refs.items() if ref.removeprefix(prefix(cr_id))[0].isdigit()]


def shown(cr_id: str, commit: str) -> str:
    """Return the ref that keeps what people can look at after the change request ended."""
    return f"refs/changeline/shown/{cr_id}/{commit}"
