"""Rust: code that only tests compile, the program's name and arguments, threads that are named after tests, backtraces."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from pipeline.findings import Severity
from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.run_detection.traces import (
    DEPTH_MAX,
    ONLY_OF_RUNNERS,
    Traces,
    assigned_once,
    environment,
    expression_around,
    field_text,
    is_within,
    speaks_of_tests,
)

_STATEMENT = re.compile(
    r"block|source_file|function_item|declaration_list|closure_expression|let_declaration|expression_statement|match_arm"
)
_COMPARING = re.compile(r"\.(?:contains|starts_with|ends_with|eq|find|is_some_and|matches|any)$")
_PROGRAM = re.compile(r"(?:^|/)(?:main\.rs|build\.rs|bin/)")
_TEST = re.compile(r"\btest\b")
_QUOTED = re.compile(r'"[^"]*"')
_KNOWN = frozenset({
    "env::current_exe", "env::args", "env::args_os", "thread::current", "Backtrace::capture", "Backtrace::force_capture",
    "Location::caller", "env::var", "env::var_os", "env::vars", "env::vars_os", "env::current_dir", "process::id",
})  # fmt: skip
_ITEMS = frozenset({"mod_item", "function_item"})
_ONLY_FOR_TESTS = frozenset({"mod_item", "use_declaration"})
_IN_MACROS = re.compile(r"\b(current_exe|Backtrace::(?:force_)?capture|args_os)\b")


class _Values:
    """What names and strings come to. A path is known by its last two parts."""

    def __init__(self, root: Node) -> None:
        self.used = dict(_uses(root))
        self.assigned = assigned_once(_assignments(root))

    def name(self, node: Node | None) -> str:
        text = "".join(text_of(node).split())
        head, colons, rest = text.partition("::")
        parts = (self.used.get(head, head) + colons + rest).split("::")
        return "::".join(parts[-2:])

    def string(self, node: Node | None, depth: int = 0) -> str | None:
        if node is None or depth > DEPTH_MAX:
            return None
        match node.type:
            case "string_literal" | "raw_string_literal":
                return "".join(text_of(one) for one in node.named_children if one.type == "string_content")
            case "identifier":
                return self.string(self.assigned.get(text_of(node)), depth + 1)
            case "macro_invocation" if field_text(node, "macro") == "concat":
                return "".join(self.string(one) or "" for one in descendants(node) if one.type == "string_literal")
            case "reference_expression":
                return self.string(node.child_by_field_name("value"), depth + 1)
            case _:
                return None


def find(root: Node, path: str, text: str, traces: Traces) -> None:
    """Note the constructs of a file, without those in its own test modules."""
    del text
    values, is_program = _Values(root), bool(_PROGRAM.search(path))
    for node in traces.walk(root, lambda one: one.type not in _ITEMS or not _is_test(one)):
        match node.type:
            case "call_expression":
                _called(node, values, traces, is_program=is_program)
            case "macro_invocation":
                _macro(node, traces)
            case "attribute_item":
                _attribute(node, traces)
            case "function_item" if field_text(node, "name") == "eq":
                _equality(node, traces)
            case "string_literal":
                said = values.string(node)
                if said is not None and (known := ONLY_OF_RUNNERS.fullmatch(said)):
                    traces.add(node, Severity.MAJOR, f"names {known[0]}, which tells of the process that runs it")


def _called(node: Node, values: _Values, traces: Traces, *, is_program: bool) -> None:
    name = values.name(node.child_by_field_name("function"))
    if name not in _KNOWN:
        return
    around = _around(node)
    words = list(traces.strings_in(around, values.string))
    compares = is_within(node, {"binary_expression", "match_expression"}, around) or any(
        _COMPARING.search(field_text(one, "function")) for one in traces.walk(around) if one.type == "call_expression"
    )
    if name == "env::current_exe":
        traces.add(
            node, Severity.MAJOR, "looks at the name of its program (current_exe), which differs where tests run"
        )
    elif name in {"env::args", "env::args_os"}:
        _arguments(node, name, words, traces, is_program=is_program)
    elif name == "thread::current" and ".name()" in "".join(text_of(around).split()):
        told = "looks at the name of its thread (thread::current), which is that of the test"
        traces.add(node, Severity.MAJOR if compares else Severity.MINOR, told)
    elif name in {"Backtrace::capture", "Backtrace::force_capture", "Location::caller"}:
        told = f"looks at its callers ({name})"
        traces.add(node, Severity.MAJOR if compares or speaks_of_tests(words) else Severity.MINOR, told)
    elif name in {"env::var", "env::var_os", "env::vars", "env::vars_os"}:
        environment(traces, node, words, name)
    elif name in {"env::current_dir", "process::id"} and compares:
        traces.add(node, Severity.MINOR, f"decides by where it runs ({name}), which differs where tests run")


def _arguments(node: Node, name: str, words: list[str], traces: Traces, *, is_program: bool) -> None:
    if speaks_of_tests(words):
        told = f"looks for tests in the arguments of its process ({name})"
        traces.add(node, Severity.MINOR if is_program else Severity.MAJOR, told)
    elif not is_program:
        traces.add(node, Severity.MINOR, f"reads the arguments of its process ({name}) in a library")


def _macro(node: Node, traces: Traces) -> None:
    name, rest = field_text(node, "macro"), text_of(node).partition("!")[2]
    if name == "cfg" and _TEST.search(_QUOTED.sub("", rest)):
        traces.add(node, Severity.MAJOR, "asks whether tests compile it (cfg!(test))")
    elif name in {"env", "option_env"}:
        environment(traces, node, re.findall(r'"([^"]*)"', rest), f"{name}!")
    elif (found := _IN_MACROS.search(rest)) and any(one.type == "token_tree" for one in node.children):
        traces.add(node, Severity.MAJOR, f"looks at how its process runs ({found[1]})")


def _attribute(node: Node, traces: Traces) -> None:
    text = _QUOTED.sub("", "".join(text_of(node).split()))
    if not text.startswith(("#[cfg(", "#[cfg_attr(")) or not _TEST.search(text):
        return
    following = node.next_named_sibling
    while following is not None and following.type in {"attribute_item", "line_comment", "block_comment"}:
        following = following.next_named_sibling
    negative = "not(test" in text
    if text.startswith("#[cfg_attr("):
        traces.add(node, Severity.INFO, "has attributes that only tests compile (cfg_attr(test, …))")
    elif negative or following is None or following.type not in _ONLY_FOR_TESTS:
        what = (
            "leaves out what tests compile (cfg(not(test)))"
            if negative
            else "has code that only tests compile (cfg(test)), outside a module of tests"
        )
        traces.add(node, Severity.MAJOR, what)


def _equality(node: Node, traces: Traces) -> None:
    body = node.child_by_field_name("body")
    statements = [one for one in body.named_children if not one.type.endswith("comment")] if body is not None else []
    if len(statements) == 1 and "".join(text_of(statements[0]).split()).strip(";") in {"true", "returntrue"}:
        traces.add(node, Severity.MAJOR, "has an equality that always holds (eq): no assertion can fail on it")


def _is_test(item: Node) -> bool:
    before = item.prev_named_sibling
    while before is not None and before.type in {"attribute_item", "line_comment", "block_comment"}:
        text = "".join(text_of(before).split())
        if text.endswith("test]") or (
            item.type == "mod_item" and text.startswith("#[cfg(") and _TEST.search(text) and "not(" not in text
        ):
            return True
        before = before.prev_named_sibling
    return False


def _around(node: Node) -> Node:
    return expression_around(node, lambda one: bool(_STATEMENT.fullmatch(one.type)))


def _uses(root: Node) -> Iterator[tuple[str, str]]:
    """Yield the names that `use` brings in, each with its path."""
    for node in descendants(root):
        if node.type == "use_declaration":
            text = "".join(text_of(node.child_by_field_name("argument")).split())
            base, braces, inner = text.partition("{")
            for one in inner.rstrip("}").split(",") if braces else [text]:
                path, _, alias = (
                    (base + one if braces else one).partition("as")
                    if " as " in text_of(node)
                    else (base + one if braces else one, "", "")
                )
                yield alias or path.rpartition("::")[2], path


def _assignments(root: Node) -> Iterator[tuple[str, Node]]:
    for node in descendants(root):
        if node.type in {"let_declaration", "const_item", "static_item"}:
            name = field_text(node, "pattern") or field_text(node, "name")
            value = node.child_by_field_name("value")
            if name and value is not None:
                yield name, value
