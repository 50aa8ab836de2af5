"""What came of planting failures in one file, and what every language needs for it.

Problem: a runner may call a test anything, so a planted failure has to stand in the very test, under its own name, and must fire
however the body ends well: at its end, at a `return` in the middle. Choice: edits at byte positions that a grammar found, in a
form that fires only when the body ended well, so that a body which fails is told by its own failure. Invariant: what is not
edited stays as it was, byte for byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A test in which no failure could be planted. The name is empty where it is made at run time."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is planted: the message, and a name that nothing else has."""

    nonce: str
    typed: bool = False
    """Whether the file is checked for types, so that what is planted has to name them."""

    @property
    def name(self) -> str:
        """A valid identifier in every language."""
        return f"m_{self.nonce[:12]}"


@dataclass(slots=True)
class Planting:
    """The edits of one file so far, and the tests they belong to."""

    edits: list[tuple[int, int, str]] = field(default_factory=list)
    """Start, end and what stands there instead; in bytes."""
    tests: list[str] = field(default_factory=list)
    """As the file names them; what is named at run time is empty."""
    left: list[Left] = field(default_factory=list)

    def insert(self, at: int, text: str) -> None:
        """Put a text before a position."""
        self.edits.append((at, at, text))

    def replace(self, node: Node, text: str) -> None:
        """Put a text in the place of a node."""
        self.edits.append((node.start_byte, node.end_byte, text))

    def applied(self, source: bytes) -> bytes:
        """Return the source with all edits."""
        parts, at = [], 0
        for start, end, text in sorted(self.edits, key=lambda one: (one[0], one[1])):
            parts += [source[at:start], text.encode()]
            at = end
        return b"".join([*parts, source[at:]])


def descendants(root: Node) -> Iterator[Node]:
    """Yield every node below one and itself, outer ones first, however deep: a text may nest thousands of them."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        yield node
        ahead.extend(reversed(node.children))


def deeper_than(root: Node, limit: int) -> bool:
    """Whether nodes are nested deeper than that: looking below each of them would take for ever."""
    ahead = [(root, 1)]
    while ahead:
        node, depth = ahead.pop()
        if depth > limit:
            return True
        ahead.extend((child, depth + 1) for child in node.children)
    return False


def text_of(node: Node | None) -> str:
    """Return the source text of a node; empty for none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def ancestors(node: Node) -> Iterator[Node]:
    """Yield what a node lies in, innermost first."""
    above = node.parent
    while above is not None:
        yield above
        above = above.parent
