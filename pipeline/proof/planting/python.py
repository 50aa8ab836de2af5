"""Failures at the end of Python's tests: functions and methods called `test…`, async ones too.

The body goes into `try` and `finally` as it stands, so a `return` in the middle ends there as well; lines within strings of
several lines keep their beginning. What is asserted to equal something is also compared with an object that nothing equals: an
answer that equals everything makes any assertion pass.
"""

import re

from tree_sitter import Node

from pipeline.proof.planting.planted import Left, Mark, Planting, ancestors, descendants, text_of

_EXPECTS = re.compile(r"(?i)raises|expect(?!ed_?failure)|assert_?error")


def plant(root: Node, source: bytes, mark: Mark) -> Planting:
    """Plant in every test function of a module and of its classes."""
    planting = Planting()
    for node in descendants(root):
        name = text_of(node.child_by_field_name("name"))
        if node.type != "function_definition" or not name.startswith("test") or _inside_a_function(node):
            continue
        if any(_EXPECTS.search(decorator) for decorator in _decorators(node)):
            planting.left.append(Left(name=name, why="a decorator expects that it raises"))
        elif (body := node.child_by_field_name("body")) is not None and body.named_children:
            for statement in descendants(body):
                if statement.type == "assert_statement":
                    _compare_with_nothing(planting, statement, mark)
            _wrap(planting, node, body, source, mark)
            planting.tests.append(name)
    if planting.tests:
        planting.insert(len(source), _equals_everything(mark))
    return planting


def _compare_with_nothing(planting: Planting, statement: Node, mark: Mark) -> None:
    """Keep what is asserted to equal something, evaluated once, and ask whether it equals everything."""
    compared = statement.named_children[0]
    if compared.type != "comparison_operator" or [one.type for one in compared.children if not one.is_named] != ["=="]:
        return
    told, name = compared.named_children[0], f"{mark.name}_told"
    if "ANY" in text_of(told):
        return
    planting.insert(told.start_byte, f"({name} := (")
    planting.insert(told.end_byte, "))")
    planting.insert(
        statement.end_byte, f"; assert not {mark.name}_any({name}), 'what is asserted here equals everything'"
    )


def _equals_everything(mark: Mark) -> str:
    """Return a function that asks; a comparison that fails, or answers with more than yes or no, is none."""
    lines = ("try:", "    return (told == object()) is True", "except Exception:", "    return False")
    return f"\n\ndef {mark.name}_any(told):\n" + "".join(f"    {line}\n" for line in lines)


def _inside_a_function(node: Node) -> bool:
    return any(above.type in {"function_definition", "lambda"} for above in ancestors(node))


def _decorators(node: Node) -> list[str]:
    above = node.parent
    if above is None or above.type != "decorated_definition":
        return []
    return [text_of(one).partition("(")[0] for one in above.children if one.type == "decorator"]


def _wrap(planting: Planting, function: Node, body: Node, source: bytes, mark: Mark) -> None:
    statements = [one for one in body.named_children if one.type != "comment"] or list(body.named_children)
    first = statements[0]
    one_line = first.start_point.row == _colon(function, body).end_point.row
    if one_line:
        outer = " " * (_indentation_width(source, function))
        own, unit = outer + "    ", "    "
        head = _head(own, unit, mark, newline="\n")
        planting.edits.append((_colon(function, body).end_byte, first.start_byte, f"\n{head}{own}{unit}"))
    else:
        own = _line_start(source, first)
        unit = "\t" if "\t" in own else "    "
        documented = first.type == "expression_statement" and text_of(first)[:1] in {'"', "'"}
        kept = statements[1:] if documented else statements
        if not kept:
            planting.insert(_end_of_line(source, first.end_byte), f"\n{own}raise AssertionError({mark.nonce!r})")
            return
        planting.insert(_begin_of_line(source, kept[0].start_byte), _head(own, unit, mark, newline="\n"))
        _indent(planting, body, kept[0].start_point.row, own, unit, source)
    tail = [
        f"{own}except BaseException:", f"{own}{unit}{mark.name} = False", f"{own}{unit}raise", f"{own}finally:",
        f"{own}{unit}if {mark.name}:", f"{own}{unit}{unit}raise AssertionError({mark.nonce!r})",
    ]  # fmt: skip
    planting.insert(_end_of_line(source, body.end_byte), "\n" + "\n".join(tail))


def _head(own: str, unit: str, mark: Mark, *, newline: str) -> str:
    del unit
    return f"{own}{mark.name} = True{newline}{own}try:{newline}"


def _indent(planting: Planting, body: Node, first_row: int, own: str, unit: str, source: bytes) -> None:
    within = {
        row
        for node in descendants(body)
        if node.type == "string"
        for row in range(node.start_point.row + 1, node.end_point.row + 1)
    }
    lines = source.split(b"\n")
    at = sum(len(line) + 1 for line in lines[:first_row])
    for row in range(first_row, body.end_point.row + 1):
        line = lines[row]
        if row not in within and line.strip():
            planting.insert(at + (len(own.encode()) if line.startswith(own.encode()) else 0), unit)
        at += len(line) + 1


def _colon(function: Node, body: Node) -> Node:
    return [one for one in function.children if one.type == ":" and one.end_byte <= body.start_byte][-1]


def _begin_of_line(source: bytes, at: int) -> int:
    return source.rfind(b"\n", 0, at) + 1


def _end_of_line(source: bytes, at: int) -> int:
    found = source.find(b"\n", at)
    end = len(source) if found < 0 else found
    return end - 1 if source[end - 1 : end] == b"\r" and end - 1 >= at else end


def _line_start(source: bytes, node: Node) -> str:
    return source[_begin_of_line(source, node.start_byte) : node.start_byte].decode("utf-8", "replace")


def _indentation_width(source: bytes, node: Node) -> int:
    line = source[_begin_of_line(source, node.start_byte) : node.start_byte]
    return len(line) - len(line.lstrip())
