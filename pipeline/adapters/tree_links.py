"""Where the symbolic links of a tree lead, found from their texts alone.

Problem: asking the system where a link leads follows it, out of the tree if it likes. Choice: links are resolved in the
head, component by component, over the texts that one walk has read. Invariant: what leaves the tree on any way, absolute,
by `..` or through another link, is told; nothing is opened.
"""

from collections.abc import Mapping

from pipeline.repository_paths import is_git_directory

_HOPS_MAX = 40


def leaves(links: Mapping[str, str], path: str) -> bool:
    """Whether the link at `path` leads out of the tree, or into the tree's own `.git`.

    A loop leads nowhere. A name that does not exist counts as a directory that may come to exist.
    """
    place = path.split("/")[:-1]
    waiting = _parts(links[path])
    if links[path].startswith("/"):
        return True
    hops = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            if not place:
                return True
            place.pop()
            continue
        if not place and is_git_directory(part):
            return True
        here = "/".join([*place, part])
        target = links.get(here)
        if target is None:
            place.append(part)
            continue
        hops += 1
        if target.startswith("/"):
            return True
        if hops > _HOPS_MAX:
            return False
        waiting += _parts(target)
    return False


def _parts(target: str) -> list[str]:
    """Return the components of a link's text, the last one first."""
    return [part for part in reversed(target.split("/")) if part not in {"", "."}]
