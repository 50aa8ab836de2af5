"""What names and strings of a Python file come to, as far as its text tells: aliases, parts that are put together, lookups by name."""

import ast
import base64
import binascii
from codecs import encode
from collections.abc import Callable, Iterator, Mapping

from tree_sitter import Node

from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.run_detection.traces import DEPTH_MAX, assigned_once, field_text, joined

IMPORTING = frozenset({"__import__", "builtins.__import__", "importlib.import_module"})
_KEEPS = frozenset({"lower", "upper", "strip", "decode", "encode", "title", "format"})


class Values:
    """What the names and strings of one file come to."""

    def __init__(self, root: Node) -> None:
        self.imports = dict(_imports(root))
        self.assigned = assigned_once(_assignments(root))
        self.constants: dict[str, str | None] = {}
        """What names come to as strings, each followed once."""

    def constant(self, name: str, depth: int) -> str | None:
        """Return the string that a name stands for."""
        if name not in self.constants:
            self.constants[name] = None
            self.constants[name] = self.string(self.assigned.get(name), depth)
        return self.constants[name]

    def name(self, node: Node | None, depth: int = 0) -> str:
        """Return the dotted name of what an expression is, as the standard library has it; empty if unknown."""
        form = _NAMES.get(node.type) if node is not None and depth <= DEPTH_MAX else None
        return "" if form is None or node is None else form(self, node, depth + 1)

    def string(self, node: Node | None, depth: int = 0) -> str | None:
        """Return the string that an expression is, if its text tells."""
        form = _STRINGS.get(node.type) if node is not None and depth <= DEPTH_MAX else None
        return None if form is None or node is None else form(self, node, depth + 1)


def arguments(call: Node) -> list[Node]:
    """Return what a call is given by position."""
    given = call.child_by_field_name("arguments")
    skipped = {"keyword_argument", "comment"}
    return [] if given is None else [one for one in given.named_children if one.type not in skipped]


# names


def _identifier(values: Values, node: Node, depth: int) -> str:
    word = text_of(node)
    return values.imports.get(word) or values.name(values.assigned.get(word), depth) or word


def _attribute(values: Values, node: Node, depth: int) -> str:
    return f"{values.name(node.child_by_field_name('object'), depth)}.{field_text(node, 'attribute')}"


def _within(values: Values, node: Node, depth: int) -> str:
    return values.name(next(iter(node.named_children), None), depth)


def _subscript(values: Values, node: Node, depth: int) -> str:
    base = values.name(node.child_by_field_name("value"), depth)
    key = values.string(node.child_by_field_name("subscript"), depth)
    if key is None:
        return ""
    return (
        f"{base.removesuffix('.__dict__')}.{key}"
        if base.endswith(".__dict__")
        else key
        if base == "sys.modules"
        else ""
    )


def _called(values: Values, node: Node, depth: int) -> str:
    function, given = values.name(node.child_by_field_name("function"), depth), arguments(node)
    first = values.string(given[0], depth) if given else None
    if function in IMPORTING and first:
        return first
    if function == "getattr" and len(given) > 1 and (key := values.string(given[1], depth)):
        return f"{values.name(given[0], depth)}.{key}"
    return f"{values.name(given[0], depth)}.__dict__" if function == "vars" and given else f"{function}()"


_NAMES: Mapping[str, Callable[[Values, Node, int], str]] = {
    "identifier": _identifier,
    "attribute": _attribute,
    "parenthesized_expression": _within,
    "named_expression": lambda values, node, depth: values.name(node.child_by_field_name("value"), depth),
    "subscript": _subscript,
    "call": _called,
}


# strings


def _literal(values: Values, node: Node, depth: int) -> str | None:
    parts = [one for one in node.children if one.type in {"string_content", "interpolation"}]
    if any(one.type == "interpolation" for one in parts):
        return joined(
            text_of(one)
            if one.type == "string_content"
            else values.string(one.child_by_field_name("expression"), depth)
            for one in parts
        )
    try:
        value = ast.literal_eval(text_of(node))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _joined(values: Values, node: Node, depth: int) -> str | None:
    return joined(values.string(one, depth) for one in node.named_children if one.type != "comment")


def _sum(values: Values, node: Node, depth: int) -> str | None:
    return _joined(values, node, depth) if field_text(node, "operator") == "+" else None


def _reversed(values: Values, node: Node, depth: int) -> str | None:
    value = values.string(node.child_by_field_name("value"), depth)
    turned = "".join(field_text(node, "subscript").split()) == "::-1"
    return value[::-1] if value is not None and turned else None


def _made(values: Values, node: Node, depth: int) -> str | None:
    """Return what a call makes of strings and numbers that stand in it."""
    function, given = node.child_by_field_name("function"), arguments(node)
    make = _MAKES.get(values.name(function, depth))
    if make is not None and given:
        try:
            return make(values.string(given[0], depth) or "", given[0]) or None
        except (ValueError, OverflowError, binascii.Error):
            return None
    if function is None or function.type != "attribute":
        return None
    own, method = values.string(function.child_by_field_name("object"), depth), field_text(function, "attribute")
    if method == "join" and own == "" and given:
        return values.string(given[0], depth)
    return own if method in _KEEPS else None


def _numbers(node: Node) -> list[int]:
    return [int(text_of(one), 0) for one in descendants(node) if one.type == "integer"]


_MAKES: Mapping[str, Callable[[str, Node], str]] = {
    "chr": lambda _, node: chr(_numbers(node)[0]) if _numbers(node) else "",
    "bytes": lambda _, node: bytes(_numbers(node)).decode("latin-1"),
    "map": lambda _, node: "".join(map(chr, _numbers(node.parent))) if node.parent and text_of(node) == "chr" else "",
    "bytes.fromhex": lambda text, _: bytes.fromhex(text).decode("latin-1"),
    "base64.b64decode": lambda text, _: base64.b64decode(text).decode("latin-1"),
    "codecs.decode": lambda text, _: str(encode(text, "rot13")),
    "codecs.encode": lambda text, _: str(encode(text, "rot13")),
    "reversed": lambda text, _: text[::-1],
}
_STRINGS: Mapping[str, Callable[[Values, Node, int], str | None]] = {
    "string": _literal,
    "concatenated_string": _joined,
    "parenthesized_expression": _joined,
    "list": _joined,
    "tuple": _joined,
    "binary_operator": _sum,
    "identifier": lambda values, node, depth: values.constant(text_of(node), depth),
    "subscript": _reversed,
    "call": _made,
}


# what a file gives names to


def _imports(root: Node) -> Iterator[tuple[str, str]]:
    for node in descendants(root):
        if node.type not in {"import_statement", "import_from_statement"}:
            continue
        module = field_text(node, "module_name")
        for one in node.children_by_field_name("name"):
            aliased = one.type == "aliased_import"
            plain = field_text(one, "name") if aliased else text_of(one)
            if module:
                yield field_text(one, "alias") if aliased else plain, f"{module}.{plain}"
            else:
                yield (field_text(one, "alias"), plain) if aliased else (plain.partition(".")[0],) * 2


def _assignments(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield names with their values; what has no one value is yielded twice."""
    for node in descendants(root):
        name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        match node.type:
            case "assignment" if value is not None and name is not None and name.type == "identifier":
                yield text_of(name), value
            case "named_expression":
                if (bound := node.child_by_field_name("value")) is not None:
                    yield field_text(node, "name"), bound
            case "augmented_assignment" | "for_statement" | "for_in_clause":
                yield from ((text_of(one), node) for one in (name, name) if one is not None)
            case "parameters" | "lambda_parameters":
                yield from ((text_of(one), node) for one in node.named_children for _ in range(2))
