"""Where the symbolic links of a tree lead, found from their texts alone.

Problem: asking the system where a link leads follows it, out of the tree if it likes. Choice: links are resolved in the
head, component by component, over the texts that one walk has read; a few links that pass through one another can name
a way of a hundred thousand components, so the work for all of them together is bounded. Invariant: what leaves the tree
on any way, absolute, by `..` or through another link, is told, and so is what cannot be followed to its end; nothing is
opened.
"""

from collections.abc import Mapping

from pipeline.repositories.paths import is_git_directory

_HOPS_MAX = 40
_DEPTH_MAX = 200
"""As deep as directories may lie in a tree (see `tree_scan`)."""
_STEPS, _STEPS_PER_LINK = 1_000_000, 20


class Ways:
    """The links of one tree."""

    def __init__(self, links: Mapping[str, str]) -> None:
        self._links = links
        self._steps_left = _STEPS + _STEPS_PER_LINK * len(links)

    def leaves(self, path: str) -> bool:
        """Whether the link at `path` leads out of the tree, into the tree's own `.git`, or too far to tell.

        A loop leads nowhere. A name that does not exist counts as a directory that may come to exist.
        """
        if self._steps_left < 0 or self._links[path].startswith("/"):
            return True
        place = path.split("/")[:-1]
        waiting = self._parts(self._links[path])
        hops = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not place:
                    return True
                place.pop()
                continue
            if self._steps_left < 0 or len(place) > _DEPTH_MAX or (not place and is_git_directory(part)):
                return True
            target = self._links.get("/".join([*place, part]))
            if target is None:
                place.append(part)
                continue
            hops += 1
            if target.startswith("/"):
                return True
            if hops > _HOPS_MAX:
                return False
            waiting += self._parts(target)
        return False

    def _parts(self, target: str) -> list[str]:
        """Return the components of a link's text, the last one first; each of them is a step."""
        parts = [part for part in reversed(target.split("/")) if part not in {"", "."}]
        self._steps_left -= 1 + len(parts)
        return parts
