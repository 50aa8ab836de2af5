"""Failures at the end of JavaScript's and TypeScript's tests, whatever runner they are for.

The body becomes an async function within the test, and the failure follows when that has ended well: so a `return`, an
`await` and a promise that is returned end before it. A test that ends by a callback ends by that callback with the failure. The
assertions that it makes are tried first on what cannot hold: code under test can have replaced them by such that never fail.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from pipeline.proof.planting.planted import Left, Mark, Planting, descendants, text_of

_ROOTS = frozenset({"test", "it", "specify"})
_SKIPPED = frozenset({"skip", "todo", "xtest", "xit"})
_EXPECTING = frozenset({"fails", "failing"})
_KNOWN = (
    frozenset(
        {"only", "concurrent", "serial", "sequential", "each", "for", "skipIf", "runIf", "skip", "todo", "test", "it"}
    )
    | _EXPECTING
)
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function"})
_DONE = re.compile(r"(?i)_?(?:done|cb|callback|next|finish(?:ed)?|complete)$")
_NEVER_DONE = frozenset({"t", "test", "assert", "expect", "ctx", "context"})
_ENDS_BY_ITSELF = re.compile(r"""(?:\bfrom|\brequire\()\s*['"](?:tape|tap|@tapjs/[\w-]+|blue-tape)['"]""")
_ASSERTS = re.compile(r"ok|equal|(?:deepStrict|strict|deep)Equal")
_EXPECTED = frozenset({"toBe", "toEqual", "toStrictEqual"})
_MADE_AT_RUN_TIME = re.compile(r"[%$\\]")


@dataclass(frozen=True, slots=True)
class _Callee:
    root: str
    words: tuple[str, ...]

    @property
    def is_test(self) -> bool:
        """Whether it declares a test: `it`, `test.only`, `t.test`, `test.each(…)`."""
        own = self.root in _ROOTS or (bool(self.words) and self.words[0] in {"test", "it"})
        return own and all(word in _KNOWN for word in self.words)


def plant(root: Node, source: bytes, mark: Mark) -> Planting:
    """Plant in every test that is declared with a function in its place."""
    planting = Planting()
    by_itself = _ENDS_BY_ITSELF.search(source.decode("utf-8", "replace")) is not None
    for node in descendants(root):
        callee = _callee(node.child_by_field_name("function")) if node.type == "call_expression" else None
        arguments = node.child_by_field_name("arguments")
        if callee is None or not callee.is_test or arguments is None or arguments.type != "arguments":
            continue
        given = [one for one in arguments.named_children if one.type != "comment"]
        if not given or _SKIPPED & set(callee.words):
            continue
        _plant_in(planting, callee, given, mark, by_itself=by_itself)
    return planting


def _plant_in(planting: Planting, callee: _Callee, given: list[Node], mark: Mark, *, by_itself: bool) -> None:
    name = _title(given[0])
    function = next((one for one in reversed(given) if one.type in _FUNCTIONS), None)
    if function is None:
        if len(given) > 1 and any(one.type not in {"object", "array", "number", "string"} for one in given[1:]):
            planting.left.append(Left(name=name, why="its function stands elsewhere"))
        return
    if by_itself:
        planting.left.append(Left(name=name, why="its runner ends a test before its function has ended"))
    elif _EXPECTING & set(callee.words):
        planting.left.append(Left(name=name, why="it expects its own failure"))
    else:
        _wrap(planting, function, mark, each="each" in callee.words or "for" in callee.words)
        planting.tests.append(name)


def _callee(node: Node | None) -> _Callee | None:
    words: list[str] = []
    while node is not None:
        if node.type == "identifier":
            return _Callee(text_of(node), tuple(reversed(words)))
        if node.type == "member_expression":
            words.append(text_of(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        elif node.type == "call_expression" and (words or _makes_a_test(node)):
            node = node.child_by_field_name("function")
        else:
            return None
    return None


def _makes_a_test(node: Node) -> bool:
    """Whether a call returns what declares a test: `test.each(table)`."""
    inner = node.child_by_field_name("function")
    word = (
        text_of(inner.child_by_field_name("property"))
        if inner is not None and inner.type == "member_expression"
        else ""
    )
    return word in {"each", "for", "skipIf", "runIf"}


def _title(node: Node) -> str:
    """Return the title as it is reported; empty where it is made at run time."""
    if node.type == "string" or (node.type == "template_string" and not _substitutes(node)):
        text = text_of(node)[1:-1]
        plain = re.sub(r"\\(['\"`])", r"\1", text)
        return "" if _MADE_AT_RUN_TIME.search(plain) else plain
    return ""


def _substitutes(node: Node) -> bool:
    return any(one.type == "template_substitution" for one in node.named_children)


def _wrap(planting: Planting, function: Node, mark: Mark, *, each: bool) -> None:
    body = function.child_by_field_name("body")
    if body is None:
        return
    done = None if _is_async(function) else _done(function, body, each=each)
    fail = f'throw new Error("{mark.nonce}");'
    if done is not None and body.type == "statement_block":
        taken = (
            f'({mark.name}e{"?: any" if mark.typed else ""}) => {mark.name}({mark.name}e || new Error("{mark.nonce}"))'
        )
        inner = f" const {mark.name} = {done}; {{ const {done} = Object.assign({taken}, {mark.name});"
        planting.insert(body.start_byte + 1, inner)
        planting.insert(body.end_byte - 1, "} ")
        return
    if (annotated := function.child_by_field_name("return_type")) is not None:
        planting.replace(annotated, "")
    fail = _biting(body, mark) + fail
    opened, closed = "(async () => {", f"}})().then(() => {{ {fail} }})"
    if body.type == "statement_block":
        planting.insert(body.start_byte + 1, f" return {opened}")
        planting.insert(body.end_byte - 1, f"{closed}; ")
    else:
        planting.insert(body.start_byte, "(async () => (")
        planting.insert(body.end_byte, f"))().then(() => {{ {fail} }})")


def _is_async(function: Node) -> bool:
    return any(one.type == "async" for one in function.children)


def _biting(body: Node, mark: Mark) -> str:
    """Return a statement for each way in which a body asserts: one that cannot hold has to throw, or it holds always."""
    calls = (node for node in descendants(body) if node.type == "call_expression")
    checks = dict.fromkeys(filter(None, (_that_cannot_hold(call, mark) for call in calls)))
    if "expect.assertions" in text_of(body):
        checks = {check: None for check in checks if not check.startswith("expect")}
    return "".join(
        f"{{ let {mark.name} = true; try {{ {check}; }} catch {{ {mark.name} = false; }} "
        f'if ({mark.name}) {{ throw new Error("an assertion that cannot hold did not fail: {check}"); }} }} '
        for check in checks
    )


def _that_cannot_hold(call: Node, mark: Mark) -> str:
    called = call.child_by_field_name("function")
    if called is None or called.type != "member_expression":
        return ""
    owner, how = called.child_by_field_name("object"), text_of(called.child_by_field_name("property"))
    if (
        owner is not None
        and owner.type == "identifier"
        and "assert" in text_of(owner).lower()
        and _ASSERTS.fullmatch(how)
    ):
        name = f"({text_of(owner)} as any)" if mark.typed else text_of(owner)
        return f"{name}.{how}({'0' if how == 'ok' else '1, 2'})"
    expects = owner is not None and text_of(owner.child_by_field_name("function")) == "expect"
    return "expect(1).toBe(2)" if expects and how in _EXPECTED else ""


def _done(function: Node, body: Node, *, each: bool) -> str | None:
    """Return the name of the callback that ends a test."""
    names = list(_parameters(function))
    for place, name in enumerate(names):
        if _DONE.match(name):
            return name
        own = place == len(names) - 1 and name not in _NEVER_DONE and not each
        if own and any(_calls(node, name) for node in descendants(body)):
            return name
    return None


def _parameters(function: Node) -> Iterator[str]:
    alone = function.child_by_field_name("parameter")
    if alone is not None:
        yield text_of(alone)
    parameters = function.child_by_field_name("parameters")
    for one in parameters.named_children if parameters is not None else ():
        pattern = one.child_by_field_name("pattern") if one.type == "required_parameter" else one
        if pattern is not None and pattern.type == "identifier":
            yield text_of(pattern)


def _calls(node: Node, name: str) -> bool:
    return node.type == "call_expression" and text_of(node.child_by_field_name("function")) == name
