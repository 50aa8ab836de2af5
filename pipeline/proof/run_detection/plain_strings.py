"""Strings of languages in which they are written as in C: literals, sums of them, names that are given one once."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tree_sitter import Node

from pipeline.proof.planting.planted import text_of
from pipeline.proof.run_detection.traces import DEPTH_MAX, field_text, joined

_LITERALS = frozenset({"interpreted_string_literal", "string_literal"})
_RAW = "raw_string_literal"
_SUMS = frozenset({"binary_expression", "parenthesized_expression"})


@dataclass(frozen=True, slots=True)
class PlainStrings:
    """What expressions of one file come to."""

    assigned: Mapping[str, Node]
    constants: dict[str, str | None] = field(default_factory=dict)
    """What names come to, each followed once."""

    def string(self, node: Node | None, depth: int = 0) -> str | None:
        """Return the string that an expression is, if its text tells."""
        if node is None or depth > DEPTH_MAX:
            return None
        if node.type in _LITERALS:
            return _literal(text_of(node))
        if node.type == _RAW:
            return text_of(node)[1:-1]
        if node.type in _SUMS and field_text(node, "operator") in {"", "+"}:
            return self.sum(node.named_children, depth)
        return self.constant(text_of(node), depth + 1) if node.type == "identifier" else None

    def constant(self, name: str, depth: int) -> str | None:
        """Return the string that a name stands for."""
        if name not in self.constants:
            self.constants[name] = None
            self.constants[name] = self.string(self.assigned.get(name), depth)
        return self.constants[name]

    def sum(self, nodes: Iterable[Node], depth: int = 0) -> str | None:
        """Return strings put together; None where one is not known."""
        return joined(self.string(one, depth + 1) for one in nodes if not one.type.endswith("comment"))


def _literal(text: str) -> str | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError):
        return None
    return value if isinstance(value, str) else None
