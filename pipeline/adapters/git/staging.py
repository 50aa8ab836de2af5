"""What of a tree is staged: files that somebody touched, and ignored ones only where the repository has such files.

Problem: `git add --all` converts the line endings of files that nobody touched where the commit holds them unconverted,
and passes over a new file that git ignores without a word, also in a folder whose files were all added by force. Choice:
what is staged as modified is held against the commit's own form on disk and put back if it is that; named files are
added in spite of the rules where files beside them were, and told otherwise. Invariant: no program of an attribute runs
here (no filter is configured), and no link is followed.
"""

import asyncio
import re
import stat
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pipeline.adapters.git.private_directory import scratch
from pipeline.adapters.git.runner import encoded
from pipeline.adapters.git.tree_checks import RunInTree, refused

_REGULAR = frozenset({"100644", "100755"})
_RULES = ".gitattributes"
_SPECIAL = re.compile(r"[\\*?\[\]!# ]")
_IGNORED = (
    "Git ignores these files, so they would be no part of the change. Write them elsewhere, change the ignore rule if the "
    "change needs that, or leave them out of what you hand in."
)


async def ignored_but_named(run: RunInTree, *, declared: Collection[str], edited: Collection[str]) -> list[str]:
    """Return which of these new files are added in spite of the ignore rules: those beside files that were, before.

    Expects the index to hold the commit. Raises `ModelError` for other `declared` files that git ignores.
    """
    named = sorted({*declared, *edited})
    if not named:
        return []
    listed = await run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *named, accept=(0, 128))
    ignored = [path for path in listed.fields if path in set(named)]
    if not ignored:
        return []
    beside = await _beside_forced(run, ignored)
    if lost := [path for path in ignored if path not in beside and path in declared]:
        raise refused([(_IGNORED, lost)])
    return [path for path in ignored if path in beside]


def rules_that_leave_out(private: Path, directories: Iterable[str]) -> Path:
    """Write ignore rules for these directories, and nothing else, where nobody but us writes. Blocks."""
    rules = private / "left-out"
    lines = (_SPECIAL.sub(r"\\\g<0>", directory) for directory in directories)
    rules.write_bytes(encoded("".join(f"/{line}/\n" for line in lines)))
    return rules


async def _beside_forced(run: RunInTree, paths: Sequence[str]) -> set[str]:
    """Return the paths in whose folder, or in an ignored folder above it, the commit has files that the rules ignore."""
    tops = sorted({path.partition("/")[0] for path in paths if "/" in path})
    listed = await run("ls-files", "-z", "--cached", "--ignored", "--exclude-standard", "--", *tops) if tops else None
    forced = {above for path in (listed.fields if listed else ()) for above in _above(path)}
    folders = sorted({above for path in paths for above in _above(path)} & forced)
    asked = "".join(f"./{folder}\0" for folder in folders)
    answer = await run(
        "check-ignore", "--no-index", "-z", "--stdin",
        stdin=encoded(asked), accept=(0, 1, 128), environment={"GIT_LITERAL_PATHSPECS": "0"},
    ) if asked else None  # fmt: skip
    open_to = {folder.removeprefix("./") for folder in (answer.fields if answer and answer.code == 0 else ())}
    direct = {path.rpartition("/")[0] for path in (listed.fields if listed else ())}
    return {path for path in paths if path.rpartition("/")[0] in direct or open_to.intersection(_above(path))}


async def put_back_untouched(run: RunInTree, root: Path, private: Path, parent: str, raw: Sequence[str]) -> bool:
    """Unstage what differs from `parent` only because git would convert it anew; returns whether there was any.

    `raw` is what `diff-index --cached --raw -z --no-renames` says.
    """
    changed = {
        path: (meta.split(" ")[0].removeprefix(":"), meta.split(" ")[2])
        for meta, path in zip(raw[::2], raw[1::2], strict=True)
        if meta.endswith(" M") and meta.split(" ")[0].removeprefix(":") in _REGULAR and meta.split(" ")[1] in _REGULAR
    }
    if not changed or not await _converts(run, parent):
        return False
    async with scratch(private, "index") as directory:
        form = directory / "form"
        await asyncio.to_thread(form.mkdir)
        await run("read-tree", parent, index=directory / "index")
        listed = encoded("".join(f"{path}\0" for path in changed))
        write = ("checkout-index", "-z", "--stdin", f"--prefix={form}/")
        await run(*write, stdin=listed, index=directory / "index")
        same = await asyncio.to_thread(lambda: [path for path in changed if _same(root / path, form / path)])
    lines = "".join(f"{changed[path][0]} {changed[path][1]}\t{path}\0" for path in same)
    if lines:
        await run("update-index", "-z", "--index-info", stdin=encoded(lines))
    return bool(lines)


async def _converts(run: RunInTree, commit: str) -> bool:
    """Whether the commit has attributes at all; nothing else converts, because no configuration of ours says so."""
    listed = await run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
    return any(path.rpartition("/")[2] == _RULES for path in listed.fields)


def _same(one: Path, other: Path) -> bool:
    try:
        facts, form = one.lstat(), other.lstat()
        same_kind = stat.S_ISREG(facts.st_mode) and stat.S_ISREG(form.st_mode)
        alike = (
            same_kind and facts.st_size == form.st_size and bool(facts.st_mode & 0o100) == bool(form.st_mode & 0o100)
        )
        return alike and one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _above(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(1, len(parts)))
