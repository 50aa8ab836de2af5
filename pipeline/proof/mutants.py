"""Small wrong versions of a change, made from its syntax: what its tests should notice.

Problem: tests can pass on code that was never asked anything hard. Choice: one edit at a time on the lines that a change adds to
the product: a comparison, a calculation, a logical word, a number, a truth value, a returned value, a call left out; found by
the grammars that every language here is read with, so no tool has to be installed in a target repository. Invariant: the same text,
lines and seed give the same mutants in the same order, so that a verifier can make them again. Limit, stated: some mutants behave
as the original does, so a score below 100 % is no fault by itself.
"""

import ast
import random
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import PurePosixPath

from tree_sitter import Node

from pipeline.proof.grammars import LARGE_CHARS, has_grammar, syntax_tree
from pipeline.proof.planting.planted import ancestors, descendants, text_of

_OPERATORS: Mapping[str, str] = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!==", "!==": "===",
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "*", "**": "*",
    "and": "or", "or": "and", "&&": "||", "||": "&&",
}  # fmt: skip
_CALCULATIONS = frozenset({"binary_expression", "binary_operator", "comparison_operator", "boolean_operator"})
_NUMBERS = frozenset(
    {"integer", "number", "int_literal", "integer_literal", "decimal_integer_literal", "number_literal"}
)
_TRUTHS: Mapping[str, str] = {"True": "False", "False": "True", "true": "false", "false": "true"}
_RETURNS = frozenset({"return_statement"})
_NOTHING: Mapping[str, str] = {
    ".py": "None",
    ".js": "undefined",
    ".mjs": "undefined",
    ".cjs": "undefined",
    ".jsx": "undefined",
}
"""What is returned instead, where every function can return it."""
_LEFT_OUT: Mapping[str, str] = {
    ".py": "pass",
    ".js": ";",
    ".mjs": ";",
    ".cjs": ";",
    ".jsx": ";",
    ".ts": ";",
    ".tsx": ";",
}
_CALLS = frozenset({"call", "call_expression", "await", "await_expression"})
_DECIMAL = re.compile(r"\d{1,9}")
_NOT_CODE = frozenset({"import_statement", "import_from_statement", "import_declaration", "type_annotation", "use_declaration", "decorator", "attribute_item"})  # fmt: skip
_FOUND_MAX = 2_000
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One edit of one file. `start` and `end` are byte positions in its UTF-8 text."""

    path: str
    line: int
    start: int
    end: int
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """Return the file with the edit."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    @property
    def in_words(self) -> str:
        """Say what was done, in a line."""
        done = (
            f"“{_short(self.before)}” became “{_short(self.after)}”"
            if self.after
            else f"“{_short(self.before)}” was left out"
        )
        return f"{self.path}:{self.line} {done}"


def mutants_of(path: str, source: bytes, lines: Collection[int]) -> list[Mutant]:
    """Return the mutants of these lines (from 1), by position; empty for a language without a grammar or a broken text."""
    suffix = PurePosixPath(path).suffix
    if not has_grammar(suffix) or len(source) > LARGE_CHARS:
        return []
    wanted, found = frozenset(lines), []
    for node in descendants(syntax_tree(suffix, source)):
        if node.start_point[0] + 1 in wanted:
            found += [
                Mutant(path=path, line=node.start_point[0] + 1, start=one.start_byte, end=one.end_byte, before=text_of(one), after=after)
                for one, after in _edits(suffix, node)
            ]  # fmt: skip
        if len(found) >= _FOUND_MAX:
            break
    return sorted(found, key=lambda one: (one.start, one.end, one.after))


def chosen(mutants: Sequence[Mutant], sources: Mapping[str, bytes], *, seed: str, number: int) -> list[Mutant]:
    """Draw some, spread over the lines: no line has a second one before every other had its first.

    What is no text of its language any more is passed over.
    """
    drawn = random.Random(seed)  # noqa: S311 - which examples, no secret
    by_line: dict[tuple[str, int], list[Mutant]] = {}
    for one in mutants:
        by_line.setdefault((one.path, one.line), []).append(one)
    rows = [drawn.sample(row, len(row)) for row in by_line.values()]
    drawn.shuffle(rows)
    spread = [one for column in zip_longest(*rows) for one in column if one is not None]
    reading = (one for one in spread if _reads(PurePosixPath(one.path).suffix, one.applied(sources[one.path])))
    return list(islice(reading, number))


def _edits(suffix: str, node: Node) -> Iterator[tuple[Node, str]]:
    kind, above = node.type, node.parent
    if any(one.type in _NOT_CODE for one in ancestors(node)):
        return
    if kind in _OPERATORS and above is not None and above.type in _CALCULATIONS:
        yield node, _OPERATORS[kind]
    elif kind in {"not", "!"} and above is not None and above.type in {"not_operator", "unary_expression"}:
        yield node, ""
    elif kind in _NUMBERS and _DECIMAL.fullmatch(text_of(node)):
        yield node, str(int(text_of(node)) + 1)
    elif node.child_count == 0 and (kind in _TRUTHS or text_of(node) in _TRUTHS) and kind != "identifier":
        yield node, _TRUTHS[text_of(node)]
    elif kind in _RETURNS and suffix in _NOTHING:
        value = next((one for one in node.named_children if one.type != "comment"), None)
        if value is not None and text_of(value) not in {"None", "undefined", "null"}:
            yield value, _NOTHING[suffix]
    elif kind == "expression_statement" and suffix in _LEFT_OUT and node.named_children[0].type in _CALLS:
        yield node, _LEFT_OUT[suffix]


def _reads(suffix: str, source: bytes) -> bool:
    """Whether the text is still one of its language, as far as its grammar says."""
    if suffix == ".py":
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True
    return not syntax_tree(suffix, source).has_error


def _short(text: str) -> str:
    first = " ".join(text.split())
    return textwrap.shorten(first, _SHOWN_CHARS, placeholder="…") or first[:_SHOWN_CHARS]
