"""What names and strings of a JavaScript or TypeScript file come to, as far as its text tells."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping

from tree_sitter import Node

from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.run_detection.traces import DEPTH_MAX, assigned_once, field_text, joined

_GLOBALS = ("globalThis.", "global.", "window.", "self.")
_KEEPS = frozenset({"toLowerCase", "toUpperCase", "trim", "toString", "valueOf"})
_WRAPS = frozenset(
    {"parenthesized_expression", "as_expression", "non_null_expression", "satisfies_expression", "await_expression"}
)


class Values:
    """What the names and strings of one file come to."""

    def __init__(self, root: Node) -> None:
        self.taken: dict[str, str] = {}
        """Names that a pattern or an import takes out of something, as dotted names of it."""
        pairs = list(_assignments(root))
        self.assigned = assigned_once(pairs)
        self.bound = {name for name, _ in pairs}
        """What the file itself gives a meaning to."""
        self.constants: dict[str, str | None] = {}
        """What names come to as strings, each followed once."""
        for node in descendants(root):
            self.taken.update(_imports(node))
            if node.type == "variable_declarator" and (found := node.child_by_field_name("name")) is not None:
                self.taken.update(self._taken_apart(found, self.name(node.child_by_field_name("value"))))

    def _taken_apart(self, pattern: Node, of: str) -> Iterator[tuple[str, str]]:
        if pattern.type != "object_pattern" or not of:
            return
        for one in pattern.named_children:
            if one.type == "shorthand_property_identifier_pattern":
                yield text_of(one), f"{of}.{text_of(one)}"
            elif one.type == "pair_pattern" and (value := one.child_by_field_name("value")) is not None:
                key = field_text(one, "key").strip("'\"")
                yield from (
                    [(text_of(value), f"{of}.{key}")]
                    if value.type == "identifier"
                    else self._taken_apart(value, f"{of}.{key}")
                )

    def constant(self, name: str, depth: int) -> str | None:
        """Return the string that a name stands for."""
        if name not in self.constants:
            self.constants[name] = None
            self.constants[name] = self.string(self.assigned.get(name), depth)
        return self.constants[name]

    def name(self, node: Node | None, depth: int = 0) -> str:
        """Return the dotted name of what an expression is; empty if unknown."""
        form = _NAMES.get(node.type) if node is not None and depth <= DEPTH_MAX else None
        return "" if form is None or node is None else _plain(form(self, node, depth + 1))

    def string(self, node: Node | None, depth: int = 0) -> str | None:
        """Return the string that an expression is, if its text tells."""
        form = _STRINGS.get(node.type) if node is not None and depth <= DEPTH_MAX else None
        return None if form is None or node is None else form(self, node, depth + 1)


def arguments(call: Node) -> list[Node]:
    """Return what a call is given."""
    given = call.child_by_field_name("arguments")
    return [] if given is None else [one for one in given.named_children if one.type != "comment"]


def _plain(name: str) -> str:
    for prefix in _GLOBALS:
        name = name.removeprefix(prefix)
    return name


def _identifier(values: Values, node: Node, depth: int) -> str:
    word = text_of(node)
    return values.taken.get(word) or values.name(values.assigned.get(word), depth) or word


def _member(values: Values, node: Node, depth: int) -> str:
    return f"{values.name(node.child_by_field_name('object'), depth)}.{field_text(node, 'property')}"


def _indexed(values: Values, node: Node, depth: int) -> str:
    key = values.string(node.child_by_field_name("index"), depth)
    return "" if key is None else f"{values.name(node.child_by_field_name('object'), depth)}.{key}"


def _called(values: Values, node: Node, depth: int) -> str:
    function, given = values.name(node.child_by_field_name("function"), depth), arguments(node)
    first = values.string(given[0], depth) if given else None
    if function in {"require", "import", "module.require", "process.getBuiltinModule"} and first:
        return first.removeprefix("node:")
    if function == "Reflect.get" and len(given) > 1 and (key := values.string(given[1], depth)):
        return f"{values.name(given[0], depth)}.{key}"
    return f"{function}()"


def _wrapped(values: Values, node: Node, depth: int) -> str:
    return values.name(next(iter(node.named_children), None), depth)


_NAMES: Mapping[str, Callable[[Values, Node, int], str]] = {
    "identifier": _identifier,
    "import": lambda _values, _node, _depth: "import",
    "meta_property": lambda _values, node, _depth: text_of(node),
    "member_expression": _member,
    "subscript_expression": _indexed,
    "call_expression": _called,
    "new_expression": lambda values, node, depth: f"{values.name(node.child_by_field_name('constructor'), depth)}()",
    **dict.fromkeys(_WRAPS, _wrapped),
}


def _literal(_values: Values, node: Node, _depth: int) -> str | None:
    parts = [text_of(one) for one in node.named_children]
    try:
        return "".join(one.encode().decode("unicode_escape") if one.startswith("\\") else one for one in parts)
    except UnicodeError:
        return None


def _template(values: Values, node: Node, depth: int) -> str | None:
    return joined(
        values.string(next(iter(one.named_children), None), depth)
        if one.type == "template_substitution"
        else text_of(one)
        for one in node.named_children
    )


def _joined(values: Values, node: Node, depth: int) -> str | None:
    return joined(values.string(one, depth) for one in node.named_children if one.type != "comment")


def _made(values: Values, node: Node, depth: int) -> str | None:
    """Return what a call makes of strings and numbers that stand in it."""
    function, given = node.child_by_field_name("function"), arguments(node)
    name = values.name(function, depth)
    first = values.string(given[0], depth) if given else None
    try:
        if name == "atob" and first:
            return base64.b64decode(first).decode("latin-1")
        if name == "String.fromCharCode":
            return "".join(chr(int(text_of(one), 0)) for one in given) or None
    except (ValueError, OverflowError, binascii.Error):
        return None
    if function is None or function.type != "member_expression":
        return None
    own, method = values.string(function.child_by_field_name("object"), depth), field_text(function, "property")
    if method == "concat" and own is not None:
        return joined([own, *(values.string(one, depth) for one in given)])
    return own if method in _KEEPS or (method == "join" and first == "") else None


_STRINGS: Mapping[str, Callable[[Values, Node, int], str | None]] = {
    "string": _literal,
    "template_string": _template,
    "array": _joined,
    "binary_expression": lambda values, node, depth: (
        _joined(values, node, depth) if field_text(node, "operator") == "+" else None
    ),
    "identifier": lambda values, node, depth: values.constant(text_of(node), depth),
    "call_expression": _made,
    **dict.fromkeys(_WRAPS, lambda values, node, depth: values.string(next(iter(node.named_children), None), depth)),
}


def _imports(node: Node) -> Iterator[tuple[str, str]]:
    if node.type != "import_statement":
        return
    module = field_text(node, "source").strip("'\"`").removeprefix("node:")
    for one in descendants(node):
        if one.type == "import_specifier":
            name = field_text(one, "name")
            yield field_text(one, "alias") or name, f"{module}.{name}"
        elif one.type in {"namespace_import", "import_clause"}:
            yield from ((text_of(part), module) for part in one.named_children if part.type == "identifier")


def _assignments(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield names with their values; what has no one value is yielded twice."""
    for node in descendants(root):
        match node.type:
            case "variable_declarator":
                if (value := node.child_by_field_name("value")) is not None:
                    yield field_text(node, "name"), value
            case "assignment_expression" | "augmented_assignment_expression" | "for_in_statement":
                name = field_text(node, "left")
                yield from ((name, node), (name, node))
            case "formal_parameters":
                named = (one for part in node.named_children for one in descendants(part) if one.type == "identifier")
                yield from ((text_of(one), node) for one in named for _ in range(2))
            case "arrow_function" | "catch_clause" | "function_declaration":
                for field in ("parameter", "name"):
                    yield from ((name, node) for name in (field_text(node, field),) * 2 if name)
