"""Files in Git LFS: known by what the commit holds of them, and neither changed nor added by a snapshot.

Problem: a commit holds pointers, and the contents lie with a server that we do not ask; whoever edits such a file, or a
test that writes it, would replace the pointer by something that no clone can use. Choice: what an agent named is refused
with the way on, what merely happened to such a file is left out of the snapshot. Invariant: a snapshot never changes a
pointer, nor adds a file that git's attributes give to LFS; deleting and renaming one is an ordinary change.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.adapters.git.runner import encoded
from pipeline.adapters.git.tree_checks import RunInTree, refused

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
POINTER_MAX_BYTES = 1_024
_FILTER = "lfs"
_REGULAR = frozenset({"100644", "100755"})
_NOT_HERE = (
    "Git LFS keeps the contents of these files elsewhere, so here they can be neither changed nor added. Put them back "
    "(`git checkout -- FILE`, or delete new ones) and make the change without them; the rest is for a person with Git LFS."
)


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    old_mode: str
    old: str
    new: str
    status: str


async def put_back_pointers(run: RunInTree, raw: Sequence[str], named: Collection[str]) -> bool:
    """Unstage what was done to files in LFS; returns whether there was any. Raises `ModelError` for those that are `named`.

    `raw` is what `diff-index --cached --raw -z --no-renames` says.
    """
    changes = [
        _Change(path, meta.split(" ")[0].removeprefix(":"), *meta.split(" ")[2:])
        for meta, path in zip(raw[::2], raw[1::2], strict=True)
    ]
    touched = [*await _changed_pointers(run, changes), *await _added(run, changes)]
    if blamed := sorted(one.path for one in touched if one.path in named):
        raise refused([(_NOT_HERE, blamed)])
    lines = "".join(f"{one.old_mode if one.status != 'A' else '0'} {one.old}\t{one.path}\0" for one in touched)
    if lines:
        await run("update-index", "-z", "--index-info", stdin=encoded(lines))
    return bool(lines)


async def pointers_among(run: RunInTree, blobs: Collection[str]) -> set[str]:
    """Return which of these blobs are pointers."""
    if not blobs:
        return set()
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    sizes = (await run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)).text.splitlines()
    small = [name for name, size in (line.split() for line in sizes) if int(size) <= POINTER_MAX_BYTES]
    if not small:
        return set()
    told = (await run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in small).encode())).stdout
    found, at = set(), 0
    for blob in small:
        start = told.index(b"\n", at) + 1
        if told.startswith(POINTER, start):
            found.add(blob)
        at = start + int(told[at:start].split()[2]) + 1
    return found


async def _changed_pointers(run: RunInTree, changes: Sequence[_Change]) -> list[_Change]:
    changed = [one for one in changes if one.status in {"M", "T"} and one.old_mode in _REGULAR and one.old != one.new]
    pointers = await pointers_among(run, {one.old for one in changed})
    return [one for one in changed if one.old in pointers]


async def _added(run: RunInTree, changes: Sequence[_Change]) -> list[_Change]:
    """Return new files that attributes give to LFS, but for pointers that were somewhere else before."""
    moved = {one.old for one in changes if one.status == "D"}
    added = [one for one in changes if one.status == "A" and one.new not in moved]
    if not added:
        return []
    asked = encoded("".join(f"{one.path}\0" for one in added))
    told = (await run("check-attr", "--cached", "-z", "--stdin", "filter", stdin=asked)).fields
    kept = {path for path, value in zip(told[::3], told[2::3], strict=True) if value == _FILTER}
    return [one for one in added if one.path in kept]
