"""Go: flags of the test binary, its arguments and name, callers, and an `Equal` that always holds."""

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from pipeline.findings import Severity
from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.run_detection.plain_strings import PlainStrings
from pipeline.proof.run_detection.traces import (
    ONLY_OF_RUNNERS,
    Traces,
    assigned_once,
    environment,
    expression_around,
    field_text,
    is_within,
    speaks_of_tests,
)

_CALLERS = frozenset({"runtime.Caller", "runtime.Callers", "runtime.CallersFrames"})
_STACKS = frozenset({"runtime.Stack", "runtime/debug.Stack"})
_OF_TESTS = frozenset({"testing.Testing", "testing.Verbose", "testing.Short", "testing.CoverMode", "testing.Coverage"})
_PLACES = {
    "os.Getwd": "the working directory", "os.Executable": "its program's place", "os.Hostname": "the machine's name",
    "os.Getppid": "its parent process", "os/user.Current": "the user",
}  # fmt: skip
_ENVIRONMENT = frozenset({"os.Getenv", "os.LookupEnv", "os.Environ", "syscall.Getenv"})
_KNOWN = (
    _CALLERS
    | _STACKS
    | _OF_TESTS
    | _PLACES.keys()
    | _ENVIRONMENT
    | {"os.Args", "flag.Lookup", "flag.VisitAll", "flag.CommandLine"}
)
_STATEMENT = re.compile(r"block|source_file|function_declaration|method_declaration|func_literal|for_statement")


class _Values:
    """What names and strings come to. Packages are named by their whole path."""

    def __init__(self, root: Node) -> None:
        self.packages = dict(_imports(root))
        self.plain = PlainStrings(assigned_once(_assignments(root)))

    def name(self, node: Node | None) -> str:
        """Return package and name of what is used of one."""
        if node is None or node.type != "selector_expression":
            return ""
        operand = text_of(node.child_by_field_name("operand"))
        return f"{self.packages.get(operand, operand)}.{field_text(node, 'field')}"

    def string(self, node: Node) -> str | None:
        """Return the string that an expression is, if its text tells."""
        if node.type == "call_expression" and self.name(node.child_by_field_name("function")) == "strings.Join":
            return self.plain.sum(one for one in descendants(node) if one.type == "interpreted_string_literal")
        return self.plain.string(node)


def find(root: Node, path: str, text: str, traces: Traces) -> None:
    """Note the constructs of a file."""
    del path
    values, is_program = _Values(root), bool(re.search(r"(?m)^package main\b", text))
    for node in traces.walk(root):
        match node.type:
            case "selector_expression":
                _named(node, values, traces, is_program=is_program)
            case "interpreted_string_literal" | "raw_string_literal" | "binary_expression":
                said = values.string(node)
                if said is not None and (known := ONLY_OF_RUNNERS.fullmatch(said)):
                    traces.add(node, Severity.MAJOR, f"names {known[0]}, which tells of the process that runs it")
            case "method_declaration":
                _equality(node, traces)


def _named(node: Node, values: _Values, traces: Traces, *, is_program: bool) -> None:
    name = values.name(node)
    if name not in _KNOWN:
        return
    around = _around(node)
    words = list(traces.strings_in(around, values.string))
    if name in _OF_TESTS:
        traces.add(node, Severity.MAJOR, f"asks whether a test runs it ({name})")
    elif name in {"flag.Lookup", "flag.VisitAll", "flag.CommandLine"} and any(one.startswith("test.") for one in words):
        traces.add(node, Severity.MAJOR, f"asks for the flags of a test binary ({name})")
    elif name in _CALLERS:
        only_itself = _first_argument(node) == "0" and not speaks_of_tests(words)
        told = f"looks at its callers ({name}): code can tell from them that a test calls it"
        traces.add(node, Severity.MINOR if only_itself else Severity.MAJOR, told)
    elif name in _STACKS:
        told = f"looks at the stack of its callers ({name})"
        traces.add(node, Severity.MAJOR if speaks_of_tests(words) else Severity.MINOR, told)
    elif name == "os.Args":
        _arguments(node, words, traces, is_program=is_program)
    elif name in _ENVIRONMENT:
        environment(traces, node, words, name)
    elif name in _PLACES and (speaks_of_tests(words) or is_within(node, {"binary_expression"}, around)):
        severity = Severity.MAJOR if speaks_of_tests(words) else Severity.MINOR
        traces.add(node, severity, f"decides by {_PLACES[name]} ({name}), which differs where tests run")


def _arguments(node: Node, words: list[str], traces: Traces, *, is_program: bool) -> None:
    if speaks_of_tests(words):
        told = "looks for tests in the arguments of its process (os.Args)"
        traces.add(node, Severity.MINOR if is_program else Severity.MAJOR, told)
    elif not is_program:
        traces.add(node, Severity.MINOR, "reads the arguments of its process (os.Args) in a package that is no program")


def _equality(node: Node, traces: Traces) -> None:
    body = node.child_by_field_name("body")
    if body is None or field_text(node, "name") not in {"Equal", "Equals"} or field_text(node, "result") != "bool":
        return
    answers = {
        text_of(next(iter(one.named_children), None)) for one in descendants(body) if one.type == "return_statement"
    }
    if answers == {"true"}:
        told = f"has an equality that always holds ({field_text(node, 'name')}): no assertion can fail on it"
        traces.add(node, Severity.MAJOR, told)


def _first_argument(selector: Node) -> str:
    call = selector.parent
    given = call.child_by_field_name("arguments") if call is not None and call.type == "call_expression" else None
    return "" if given is None else text_of(next(iter(given.named_children), None))


def _around(node: Node) -> Node:
    """Return the statement that an expression stands in; of an `if` its condition with what stands before it."""
    inner = expression_around(node, lambda one: bool(_STATEMENT.fullmatch(one.type)) or one.type == "if_statement")
    above = inner.parent
    condition = above.child_by_field_name("condition") if above is not None and above.type == "if_statement" else None
    return (
        condition
        if condition is not None and inner.type == "short_var_declaration" and _uses(condition, inner)
        else inner
    )


def _uses(condition: Node, declared: Node) -> bool:
    names = set(re.findall(r"\w+", field_text(declared, "left")))
    return bool(names & set(re.findall(r"\w+", text_of(condition))))


def _imports(root: Node) -> Iterator[tuple[str, str]]:
    for node in descendants(root):
        if node.type == "import_spec":
            path = field_text(node, "path").strip('"`')
            yield field_text(node, "name") or path.rpartition("/")[2], path


def _assignments(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield names with their values; what has no one value is yielded twice."""
    kinds: Mapping[str, tuple[str, str]] = {
        "short_var_declaration": ("left", "right"), "const_spec": ("name", "value"), "var_spec": ("name", "value"),
    }  # fmt: skip
    for node in descendants(root):
        if node.type == "assignment_statement":
            yield from ((one, node) for one in re.findall(r"\w+", field_text(node, "left")) for _ in range(2))
        elif node.type in kinds:
            left, right = (node.child_by_field_name(one) for one in kinds[node.type])
            one = right.named_children[0] if right is not None and len(right.named_children) == 1 else right
            if left is not None and one is not None:
                yield text_of(left), one
