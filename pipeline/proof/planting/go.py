"""Failures at the end of Go's tests and subtests: a deferred call that comes first, so that it runs last.

A test whose subtests fail is failed by them, so its own failure is told in any case; one without is not told over its own.
Examples and fuzz targets have no end at which they could fail by a message.
"""

import re

from tree_sitter import Node

from pipeline.proof.planting.planted import Left, Mark, Planting, ancestors, descendants, text_of

_TESTING = re.compile(r"\*\w+\.T$")
_TEST = re.compile(r"Test(?![a-z])")
_OTHERS = re.compile(r"(?:Fuzz|Example|Benchmark)(?![a-z])")


def plant(root: Node, source: bytes, mark: Mark) -> Planting:
    """Plant in test functions, in the functions of `t.Run`, and in the methods of testify's suites."""
    planting = Planting()
    for node in descendants(root):
        name = text_of(node.child_by_field_name("name"))
        if node.type == "function_declaration" and _TEST.match(name):
            if _plant_in(planting, node, mark):
                planting.tests.append(name)
            else:
                planting.left.append(Left(name=name, why="it does not take a *testing.T"))
        elif node.type == "function_declaration" and _OTHERS.match(name):
            planting.left.append(Left(name=name, why="examples and fuzz targets cannot fail by a message at their end"))
        elif node.type == "func_literal" and _is_subtest(node):
            _plant_in(planting, node, mark)
        elif node.type == "method_declaration" and _TEST.match(name) and b"testify/suite" in source:
            _plant_in_method(planting, node, mark)
    return planting


def _plant_in(planting: Planting, function: Node, mark: Mark) -> bool:
    parameters, body = function.child_by_field_name("parameters"), function.child_by_field_name("body")
    declared = (
        [] if parameters is None else [one for one in parameters.named_children if one.type == "parameter_declaration"]
    )
    if body is None or len(declared) != 1 or not _TESTING.search(text_of(declared[0].child_by_field_name("type"))):
        return False
    named = declared[0].child_by_field_name("name")
    name = text_of(named)
    if named is None:
        name = mark.name
        planting.insert(declared[0].start_byte, f"{name} ")
    elif name == "_":
        name = mark.name
        planting.replace(named, name)
    planting.insert(body.start_byte + 1, _deferred(name, body, mark))
    return True


def _plant_in_method(planting: Planting, method: Node, mark: Mark) -> None:
    receiver, body = method.child_by_field_name("receiver"), method.child_by_field_name("body")
    owners = [] if receiver is None else [one.child_by_field_name("name") for one in receiver.named_children]
    owner = text_of(owners[0]) if owners else ""
    parameters = method.child_by_field_name("parameters")
    if body is not None and owner not in {"", "_"} and parameters is not None and not parameters.named_children:
        planting.insert(body.start_byte + 1, _deferred(f"{owner}.T()", body, mark))


def _deferred(test: str, body: Node, mark: Mark) -> str:
    over = "" if _runs_others(body) else f" || {test}.Failed()"
    return (
        f" defer func() {{ if {mark.name} := recover(); {mark.name} != nil {{ panic({mark.name}) }}; "
        f'if {test}.Skipped(){over} {{ return }}; {test}.Error("{mark.nonce}") }}(); '
    )


def _runs_others(body: Node) -> bool:
    return any(
        node.type == "call_expression" and text_of(node.child_by_field_name("function")).endswith(".Run")
        for node in descendants(body)
    )


def _is_subtest(literal: Node) -> bool:
    for above in ancestors(literal):
        if above.type == "call_expression":
            return text_of(above.child_by_field_name("function")).endswith(".Run")
        if above.type != "argument_list":
            return False
    return False
