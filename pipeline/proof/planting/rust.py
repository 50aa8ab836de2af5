"""Failures at the end of Rust's tests: the body becomes a function of its own within the test, which fails after it.

A test that returns an error is told by that error. A test that should panic is turned: it loses the attribute, and the panic
that it expects is what lets it fail with the message.
"""

import re

from tree_sitter import Node

from pipeline.proof.planting.planted import Left, Mark, Planting, descendants, text_of

_TEST = re.compile(r"#\[\s*(?:\w+\s*::\s*)*test\b")
_SHOULD_PANIC = re.compile(r"#\[\s*should_panic\b")
_EXPECTED = re.compile(r"(?s)expected\s*=\s*(?P<text>r?#*\".*\"#*)|should_panic\s*=\s*(?P<short>r?#*\".*\"#*)")


def plant(root: Node, _source: bytes, mark: Mark) -> Planting:
    """Plant in every function with a `test` attribute."""
    planting = Planting()
    for node in descendants(root):
        if node.type != "function_item":
            continue
        attributes = _attributes(node)
        if not any(_TEST.match(text_of(one)) for one in attributes):
            continue
        name = text_of(node.child_by_field_name("name"))
        panics = [one for one in attributes if _SHOULD_PANIC.match(text_of(one))]
        why = _cannot(node, panics)
        if why:
            planting.left.append(Left(name=name, why=why))
            continue
        for one in panics:
            planting.replace(one, "")
        _wrap(planting, node, text_of(panics[0]) if panics else None, mark)
        planting.tests.append(name)
    return planting


def _attributes(function: Node) -> list[Node]:
    found: list[Node] = []
    before = function.prev_sibling
    while before is not None and before.type in {"attribute_item", "line_comment", "block_comment"}:
        if before.type == "attribute_item":
            found.append(before)
        before = before.prev_sibling
    return found


def _cannot(function: Node, panics: list[Node]) -> str:
    parameters = function.child_by_field_name("parameters")
    if function.child_by_field_name("body") is None or (parameters is not None and parameters.named_children):
        return "it takes parameters from a macro"
    if text_of(function.child_by_field_name("return_type")).startswith(("!", "impl")):
        return "its result has no type that can be named"
    return "it is async and should panic" if panics and _is_async(function) else ""


def _is_async(function: Node) -> bool:
    return any(one.type == "function_modifiers" and "async" in text_of(one) for one in function.children)


def _wrap(planting: Planting, function: Node, panics: str | None, mark: Mark) -> None:
    body = function.child_by_field_name("body")
    if body is None:
        return
    result = text_of(function.child_by_field_name("return_type"))
    returns = f" -> {result}" if result else ""
    waits = _is_async(function)
    fail = f'panic!("{mark.nonce}")'
    planting.insert(body.start_byte + 1, f" {'async ' if waits else ''}fn {mark.name}(){returns} {{")
    call = f"{mark.name}(){'.await' if waits else ''}"
    if panics is not None:
        planting.insert(body.end_byte - 1, f"}} {_turned(panics, mark.name, fail)} ")
    elif "Result" in result:
        planting.insert(
            body.end_byte - 1, f"}} let {mark.name} = {call}; if {mark.name}.is_ok() {{ {fail} }} {mark.name} "
        )
    elif result:
        planting.insert(body.end_byte - 1, f"}} drop({call}); {fail} ")
    else:
        planting.insert(body.end_byte - 1, f"}} {call}; {fail} ")


def _turned(attribute: str, name: str, fail: str) -> str:
    named = _EXPECTED.search(attribute)
    unexpected = ""
    if named is not None:
        text = named.group("text") or named.group("short")
        unexpected = (
            "let said = told.downcast_ref::<String>().cloned().or_else(|| told.downcast_ref::<&str>()"
            f".map(|one| one.to_string())).unwrap_or_default(); if !said.contains({text}) {{ std::panic::resume_unwind(told) }} "
        )
    told = "told" if named is not None else "_"
    return f"match std::panic::catch_unwind({name}) {{ Ok(ended) => ended, Err({told}) => {{ {unexpected}{fail} }} }}"
