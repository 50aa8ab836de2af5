"""Java: stacks, classes of test runners, their properties, and an `equals` that always holds."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

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
    names_a_runner,
    speaks_of_tests,
)

_STATEMENT = re.compile(r".*(?:_statement|_declaration|_declarator)|block|program|class_body|lambda_expression")
_OWN_STACK = re.compile(r"^(?:Thread\.currentThread\(\)|newThrowable\(.*\)|new\w*(?:Exception|Error)\(.*\))$")
_COMMAND = frozenset({"sun.java.command", "jdk.module.main", "java.class.path"})
_COMPARING = frozenset({"equals", "contains", "startsWith", "endsWith", "matches", "equalsIgnoreCase", "indexOf"})
_RUNNER_CLASSES = re.compile(
    r"org\.(?:junit|testng|mockito|apache\.maven\.surefire|gradle\.api\.internal\.tasks\.testing)|com\.intellij\.rt\.junit"
)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a method, with what stands around it."""

    node: Node
    target: str
    """The text of what it is called on, without blanks."""
    name: str
    asked: list[str]
    """Its arguments that are strings."""
    words: list[str]
    """The strings in the whole expression."""
    traces: Traces

    def tells(self, severity: Severity, what: str) -> None:
        """Note it."""
        self.traces.add(self.node, severity, what)

    @property
    def speaks(self) -> bool:
        """Whether the expression speaks of tests."""
        return speaks_of_tests(self.words)


def find(root: Node, path: str, text: str, traces: Traces) -> None:
    """Note the constructs of a file."""
    del path, text
    values = PlainStrings(assigned_once(_assignments(root)))
    for node in traces.walk(root):
        match node.type:
            case "method_invocation":
                _called(node, values, traces)
            case "type_identifier" if text_of(node) in {"StackTraceElement", "StackWalker"}:
                traces.add(node, Severity.MAJOR, f"looks at the stack of its callers ({text_of(node)})")
            case "method_declaration" if field_text(node, "name") == "equals":
                _equality(node, traces)
            case "string_literal" | "binary_expression":
                said = values.string(node)
                if said is not None and (known := ONLY_OF_RUNNERS.fullmatch(said)):
                    traces.add(node, Severity.MAJOR, f"names {known[0]}, which tells of the process that runs it")


def _called(node: Node, strings: PlainStrings, traces: Traces) -> None:
    target, rule = "".join(field_text(node, "object").split()), _RULES.get(field_text(node, "name"))
    if target.startswith("StackWalker"):
        traces.add(node, Severity.MAJOR, "looks at the stack of its callers (StackWalker)")
    elif rule is not None:
        given = node.child_by_field_name("arguments")
        asked = [said for one in (given.named_children if given else []) if (said := strings.string(one)) is not None]
        words = list(traces.strings_in(_around(node), strings.string))
        rule(_Call(node, target, field_text(node, "name"), asked, words, traces))


def _stack(call: _Call) -> None:
    if _OWN_STACK.match(call.target) or call.name == "getAllStackTraces" or call.speaks:
        told = f"looks at the stack of its callers ({call.name}): code can tell from it that a test calls it"
        call.tells(Severity.MAJOR, told)


def _class(call: _Call) -> None:
    if any(_RUNNER_CLASSES.match(one.replace("/", ".")) or names_a_runner([one]) for one in call.asked):
        call.tells(Severity.MAJOR, f"asks whether classes of a test runner are there ({call.name})")


def _property(call: _Call) -> None:
    if call.target != "System":
        return
    for one in call.asked:
        if one.startswith(("surefire", "junit.", "org.gradle.test", "testng.", "idea.test")):
            call.tells(Severity.MAJOR, f"reads {one}, which a test runner sets")
        elif one in _COMMAND:
            severity = Severity.MAJOR if one == "sun.java.command" or call.speaks else Severity.MINOR
            call.tells(severity, f"reads how its process was started ({one})")
    if not call.asked and call.speaks:
        call.tells(Severity.MAJOR, "looks for tests in the properties of its process (System.getProperties)")


def _environment(call: _Call) -> None:
    if call.target == "System":
        environment(call.traces, call.node, call.asked or call.words, "System.getenv")


def _command(call: _Call) -> None:
    if re.search(r"RuntimeMXBean|ProcessHandle|info\(\)", call.target):
        call.tells(Severity.MAJOR, f"reads how its process was started ({call.name})")


def _thread(call: _Call) -> None:
    around = _around(call.node)
    compares = is_within(call.node, {"binary_expression"}, around) or any(
        field_text(one, "name") in _COMPARING for one in call.traces.walk(around) if one.type == "method_invocation"
    )
    if call.target == "Thread.currentThread()" and compares:
        told = "decides by the name of its thread (Thread.getName), which differs where tests run"
        call.tells(Severity.MAJOR if call.speaks else Severity.MINOR, told)


def _at_exit(call: _Call) -> None:
    told = "registers what runs when the process ends (addShutdownHook), so after the last test"
    call.tells(Severity.INFO, told)


_RULES: Mapping[str, Callable[[_Call], None]] = {
    **dict.fromkeys(("getStackTrace", "getAllStackTraces"), _stack),
    **dict.fromkeys(("forName", "loadClass", "findClass", "getResource"), _class),
    **dict.fromkeys(("getProperty", "getProperties"), _property),
    **dict.fromkeys(("getInputArguments", "commandLine", "command"), _command),
    "getenv": _environment,
    "getName": _thread,
    "addShutdownHook": _at_exit,
}


def _equality(node: Node, traces: Traces) -> None:
    body = node.child_by_field_name("body")
    if body is None:
        return
    answers = {
        text_of(next(iter(one.named_children), None)) for one in descendants(body) if one.type == "return_statement"
    }
    if answers == {"true"}:
        traces.add(node, Severity.MAJOR, "has an equality that always holds (equals): no assertion can fail on it")


def _around(node: Node) -> Node:
    return expression_around(node, lambda one: bool(_STATEMENT.fullmatch(one.type)))


def _assignments(root: Node) -> Iterator[tuple[str, Node]]:
    for node in descendants(root):
        if node.type == "variable_declarator" and (value := node.child_by_field_name("value")) is not None:
            yield field_text(node, "name"), value
        elif node.type == "assignment_expression":
            yield from ((field_text(node, "left"), node) for _ in range(2))
