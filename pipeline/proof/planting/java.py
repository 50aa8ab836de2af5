"""Failures at the end of Java's tests: JUnit's methods, by annotation or as JUnit 3 names them.

A test that expects an exception by its annotation is turned: it loses the expectation, and the exception is what lets it fail
with the message.
"""

import re

from tree_sitter import Node

from pipeline.proof.planting.planted import Left, Mark, Planting, ancestors, descendants, text_of

_TEST = re.compile(r"@(?:[\w.]+\.)?(?:Test|ParameterizedTest|RepeatedTest|TestTemplate)\b")
_EXPECTED = re.compile(r"expected\s*=\s*(?P<type>[\w.]+)\.class\s*,?")
_RULES = re.compile(r"\bExpectedException\b|\bexpectedExceptions\b")


def plant(root: Node, source: bytes, mark: Mark) -> Planting:
    """Plant in every test method."""
    planting = Planting()
    expects_by_rule = _RULES.search(source.decode("utf-8", "replace")) is not None
    for node in descendants(root):
        if node.type != "method_declaration":
            continue
        name, body = text_of(node.child_by_field_name("name")), node.child_by_field_name("body")
        annotation = _annotation(node)
        if body is None or (annotation is None and not _of_junit_3(node, name)):
            continue
        if expects_by_rule:
            planting.left.append(Left(name=name, why="its class may expect exceptions by a rule"))
            continue
        _wrap(planting, body, annotation, mark)
        planting.tests.append(name)
    return planting


def _annotation(method: Node) -> Node | None:
    return next(
        (
            one
            for modifiers in method.children
            if modifiers.type == "modifiers"
            for one in modifiers.children
            if one.type in {"marker_annotation", "annotation"} and _TEST.match(text_of(one))
        ),
        None,
    )


def _of_junit_3(method: Node, name: str) -> bool:
    owner = next((above for above in ancestors(method) if above.type == "class_declaration"), None)
    return (
        name.startswith("test") and owner is not None and "TestCase" in text_of(owner.child_by_field_name("superclass"))
    )


def _wrap(planting: Planting, body: Node, annotation: Node | None, mark: Mark) -> None:
    name, fail = mark.name, f'throw new AssertionError("{mark.nonce}");'
    expected = None if annotation is None else _EXPECTED.search(text_of(annotation))
    if annotation is not None and expected is not None:
        planting.replace(annotation, re.sub(r",\s*\)", ")", _EXPECTED.sub("", text_of(annotation))))
        planting.insert(body.start_byte + 1, f" boolean {name} = false; try {{")
        planting.insert(
            body.end_byte - 1,
            f"}} catch (Throwable {name}e) {{ if (!({name}e instanceof {expected.group('type')})) {{ throw {name}e; }} {name} = true; }} "
            f"if ({name}) {{ {fail} }} ",
        )
        return
    planting.insert(body.start_byte + 1, f" boolean {name} = true; try {{")
    planting.insert(
        body.end_byte - 1,
        f"}} catch (Throwable {name}e) {{ {name} = false; throw {name}e; }} finally {{ if ({name}) {{ {fail} }} }} ",
    )
