"""Which names a JavaScript or TypeScript file binds, and which of them may become others. Pure."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from tree_sitter import Node

from pipeline.proof.planting.planted import Planting, descendants, text_of

_WORD = re.compile(r"\S+")
_OF_THE_LANGUAGE = frozenset(
    _WORD.findall(
        "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError "
        "FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Intl Iterator JSON Map Math "
        "NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError "
        "TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly arguments "
        "decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined "
        "unescape this super async await of get set static from as type let yield new target meta"
    )
)
_OF_NODE = frozenset(
    _WORD.findall(
        "AbortController AbortSignal Blob BroadcastChannel Buffer CustomEvent DOMException Event EventTarget File FormData Headers "
        "MessageChannel MessageEvent MessagePort ReadableStream Request Response TextDecoder TextEncoder URL URLSearchParams WebSocket "
        "WritableStream TransformStream __dirname __filename atob btoa clearImmediate clearInterval clearTimeout console crypto "
        "exports fetch global module navigator performance process queueMicrotask require setImmediate setInterval setTimeout "
        "structuredClone window document self React Fragment h"
    )
)
_SPEAKS_OF_NAMES = frozenset({"eval", "Function"})
_BOUND_IN = {
    "variable_declarator": "name", "arrow_function": "parameter", "catch_clause": "parameter", "function_declaration": "name",
    "generator_function_declaration": "name", "function_expression": "name", "generator_function": "name",
    "class_declaration": "name", "class": "name",
}  # fmt: skip
"""By kinds of nodes the field with what they bind."""
_OTHER_SCOPES = frozenset({"with_statement", "internal_module", "module", "ambient_declaration", "decorator"})
_PATTERN_NAMES = frozenset({"identifier", "shorthand_property_identifier_pattern"})


def new_names(nodes: Sequence[Node], words: Collection[str], new_name: Callable[[], str]) -> dict[str, str] | None:
    """Return new names by the old ones; None where the file speaks of names, or has scopes that are not read here."""
    kinds = {node.type for node in nodes}
    if kinds & _OTHER_SCOPES or any(node.type == "identifier" and text_of(node) in _SPEAKS_OF_NAMES for node in nodes):
        return None
    kept = _OF_THE_LANGUAGE | _OF_NODE | set(words) | set(_seen_by_others(nodes))
    return {old: _alike(old, new_name()) for old in sorted(bound_names(nodes) - kept)}


def _alike(old: str, new: str) -> str:
    return new.capitalize() if old[:1].isupper() else new


def bound_names(nodes: Sequence[Node]) -> set[str]:
    """Return the names that a file binds in any of its scopes."""
    return {name for node in nodes for name in _bound(node)}


def top_names(root: Node) -> set[str]:
    """Return the names that a file binds outermost."""
    found: set[str] = set()
    for child in root.children:
        inner = child.child_by_field_name("declaration") if child.type == "export_statement" else child
        if inner is None:
            continue
        if inner.type == "import_statement":
            found |= {name for one in _below(inner) for name in _bound(one)}
        elif inner.type in {"lexical_declaration", "variable_declaration"}:
            found |= {name for one in inner.named_children for name in _bound(one)}
        else:
            found |= set(_bound(inner))
    return found


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _below(child)


def _bound(node: Node) -> Iterator[str]:
    field = _BOUND_IN.get(node.type)
    if field is not None:
        yield from _pattern(node.child_by_field_name(field))
    elif node.type == "for_in_statement" and node.child_by_field_name("kind") is not None:
        yield from _pattern(node.child_by_field_name("left"))
    elif node.type in {"import_clause", "namespace_import"}:
        yield from (text_of(one) for one in node.children if one.type == "identifier")
    elif node.type == "import_specifier":
        yield text_of(node.child_by_field_name("alias") or node.child_by_field_name("name"))
    elif node.type == "formal_parameters":
        for one in node.named_children:
            yield from _pattern(one)


def _pattern(node: Node | None) -> Iterator[str]:
    if node is None:
        return
    if node.type in _PATTERN_NAMES:
        yield text_of(node)
    elif node.type in {"required_parameter", "optional_parameter"}:
        yield from _pattern(node.child_by_field_name("pattern"))
    elif node.type in {"assignment_pattern", "object_assignment_pattern"}:
        yield from _pattern(node.child_by_field_name("left"))
    elif node.type == "pair_pattern":
        yield from _pattern(node.child_by_field_name("value"))
    elif node.type in {"object_pattern", "array_pattern", "rest_pattern"}:
        for one in node.named_children:
            yield from _pattern(one)


def _seen_by_others(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        above = node.parent
        if node.type in {"property_identifier", "type_identifier", "statement_identifier"}:
            yield text_of(node)
        elif node.type == "export_statement" and (declared := node.child_by_field_name("declaration")) is not None:
            yield from bound_names([declared, *declared.named_children])
        elif node.type == "export_specifier":
            yield from (text_of(one) for one in node.named_children)
        elif node.type == "enum_declaration":
            yield text_of(node.child_by_field_name("name"))
        elif node.type == "accessibility_modifier" and above is not None:
            yield from _pattern(above)
        elif node.type == "identifier" and above is not None and above.type.startswith(("jsx_", "nested_")):
            yield text_of(node)


def other_names(root: Node, source: bytes, new_name: Callable[[], str]) -> str:
    """Return a script of ours without its comments and with other names."""
    nodes = list(descendants(root))
    edits = Planting()
    names = new_names(nodes, (), new_name) or {}
    for node in nodes:
        if node.type == "comment":
            edits.replace(node, "")
    rename(nodes, names, edits, set())
    return edits.applied(source).decode()


NAMED = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})


def rename(nodes: Sequence[Node], names: Mapping[str, str], edits: Planting, done: Collection[int]) -> None:
    """Put other names in the place of every old one, but within the nodes that are `done`."""
    for node in nodes:
        old = text_of(node) if node.type in NAMED else ""
        new = names.get(old)
        if new is None or node.id in done:
            continue
        above = node.parent
        if node.type.startswith("shorthand"):
            edits.replace(node, f"{old}: {new}")
        elif above is not None and above.type == "import_specifier":
            alias = above.child_by_field_name("alias")
            if alias is None:
                edits.replace(node, f"{old} as {new}")
            elif alias.id == node.id:
                edits.replace(node, new)
        else:
            edits.replace(node, new)
