"""JavaScript and TypeScript: the environment and arguments of the process, stacks, what runners put into the global object."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from pipeline.findings import Severity
from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.run_detection.javascript_values import Values
from pipeline.proof.run_detection.traces import (
    ONLY_OF_RUNNERS,
    Traces,
    environment,
    expression_around,
    field_text,
    is_within,
    speaks_of_tests,
)

_GIVEN_BY_RUNNERS = frozenset({
    "jest", "vi", "vitest", "describe", "it", "test", "suite", "expect", "beforeEach", "afterEach", "beforeAll", "afterAll", "mocha",
    "jasmine", "__vitest_worker__", "__vitest_environment__", "__jest__", "QUnit", "cy", "Cypress", "__coverage__",
})  # fmt: skip
_PLACES = {
    "process.cwd()": "the working directory", "os.userInfo()": "the user", "os.hostname()": "the machine's name",
    "process.ppid": "its parent process", "process.title": "its process's name", "__filename": "where it lies", "__dirname": "where it lies",
    "import.meta.url": "where it lies", "require.main.filename": "what was started", "module.parent": "what loaded it",
    "module.parent.filename": "what loaded it", "process.mainModule": "what was started", "require.main": "what was started",
}  # fmt: skip
_ALONE = frozenset({"process.cwd()", "os.userInfo()", "os.hostname()", "process.ppid", "process.title"})
_STATEMENT = re.compile(
    r".*(?:_statement|_declaration|_declarator)|program|statement_block|arrow_function|function_expression|method_definition|class_body"
)
_COMPARING = re.compile(
    r"\.(?:includes|startsWith|endsWith|indexOf|match|matchAll|search|test|exec|some|find|filter|every|split)$"
)
_STARTED = re.compile(r"\A#!|require\.main\s*===?\s*module|\b(?:commander|yargs|minimist|parseArgs)\b")
_STARTED_PATH = re.compile(r"(?:^|/)(?:bin|cli|scripts)/|(?:^|/)(?:cli|main)\.[cm]?[jt]s$")


class _File:
    def __init__(self, root: Node, path: str, text: str, traces: Traces) -> None:
        self.values, self.traces = Values(root), traces
        self.is_started = bool(_STARTED.search(text) or _STARTED_PATH.search(path))

    def words(self, node: Node) -> Iterator[str]:
        """Yield the strings in an expression, and what its patterns look for."""
        yield from self.traces.strings_in(node, self.values.string)
        yield from (text_of(one) for one in self.traces.walk(node) if one.type == "regex_pattern")

    def decides(self, node: Node) -> bool:
        """Whether an expression compares, or asks what a text holds."""
        around = _around(node)
        return is_within(node, {"binary_expression"}, around) or any(
            _COMPARING.search(field_text(one, "function"))
            for one in self.traces.walk(around)
            if one.type == "call_expression"
        )


def find(root: Node, path: str, text: str, traces: Traces) -> None:
    """Note the constructs of a file."""
    file = _File(root, path, text, traces)
    for node in traces.walk(root):
        match node.type:
            case "member_expression" | "subscript_expression" | "identifier" | "call_expression":
                if not _is_imported(node):
                    _named(node, file)
            case "string" | "template_string" | "binary_expression":
                said = file.values.string(node)
                if said is not None and (known := ONLY_OF_RUNNERS.fullmatch(said)):
                    traces.add(node, Severity.MAJOR, f"names {known[0]}, which tells of the process that runs it")
                _asks_for_globals(node, file)
            case "method_definition" | "pair":
                _equality(node, file)


def _named(node: Node, file: _File) -> None:
    name = file.values.name(node)
    if name.startswith("process.env"):
        _environment(node, name, file)
    elif name in {"process.argv", "process.argv0", "process.execArgv"}:
        _argv(node, name, file)
    elif name.endswith(".stack"):
        _stack(node, name, file)
    elif name in {"Error.prepareStackTrace", "process._getActiveHandles", "process._getActiveRequests"}:
        file.traces.add(node, Severity.MAJOR, f"looks at what else runs, or at its callers ({name})")
    elif name in {"import.meta.vitest", "import.meta.env.VITEST"}:
        file.traces.add(node, Severity.MAJOR, f"asks whether a test runner runs it ({name})")
    elif name == "require.cache":
        _cache(node, file)
    elif name == "process.on()" and "exit" in set(file.words(node)) & {"exit", "beforeExit"}:
        file.traces.add(
            node, Severity.INFO, "registers what runs when the process ends (process.on), so after the last test"
        )
    elif name in _PLACES:
        _place(node, name, file)


def _environment(node: Node, name: str, file: _File) -> None:
    key = name.removeprefix("process.env").removeprefix(".")
    around = _around(node)
    if key:
        environment(file.traces, node, [key], "process.env")
    elif node.parent is not None and node.parent.type in {"arguments", "binary_expression", "for_in_statement"}:
        environment(file.traces, node, file.words(around), "process.env")
    if (
        key == "NODE_ENV"
        and is_within(node, {"binary_expression", "switch_statement"}, around)
        and "test" in set(file.words(around))
    ):
        file.traces.add(node, Severity.MAJOR, "asks whether a test runs it (NODE_ENV)")


def _argv(node: Node, name: str, file: _File) -> None:
    if file.decides(node) and speaks_of_tests(file.words(_around(node))):
        told = f"looks for tests in the arguments of its process ({name})"
        file.traces.add(node, Severity.MINOR if file.is_started else Severity.MAJOR, told)
    elif not file.is_started:
        file.traces.add(node, Severity.INFO, f"reads the arguments of its process ({name})")


def _stack(node: Node, name: str, file: _File) -> None:
    made = re.fullmatch(r"(?:\w*Error|Object)\(\)\.stack", name) and not _keeps_its_stack(node)
    if made or (file.decides(node) and speaks_of_tests(file.words(_around(node)))):
        told = "looks at the stack of its callers (Error.stack): code can tell from it that a test calls it"
        file.traces.add(node, Severity.MAJOR, told)


def _keeps_its_stack(node: Node) -> bool:
    """Whether an error's stack is only put into another error, as classes of errors do."""
    around = _around(node)
    return around.type == "assignment_expression" and field_text(around, "left").endswith(".stack")


def _cache(node: Node, file: _File) -> None:
    speaks = speaks_of_tests(file.words(_around(node)))
    told = "asks which modules are loaded (require.cache)"
    file.traces.add(node, Severity.MAJOR if speaks else Severity.MINOR, told)


def _place(node: Node, name: str, file: _File) -> None:
    if not file.decides(node):
        return
    if speaks_of_tests(file.words(_around(node))):
        file.traces.add(node, Severity.MAJOR, f"compares {_PLACES[name]} with what tests have ({name})")
    elif name in _ALONE:
        told = f"decides by {_PLACES[name]} ({name}), which differs where tests run"
        file.traces.add(node, Severity.MINOR, told)


def _asks_for_globals(node: Node, file: _File) -> None:
    """Note `typeof describe`, `'jest' in globalThis` and the like."""
    if node.type != "binary_expression":
        return
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    said = ""
    if field_text(node, "operator") == "in" and text_of(right) in {"globalThis", "global", "window", "self"}:
        said = file.values.string(left) or ""
    for side in (left, right):
        if side is not None and side.type == "unary_expression" and field_text(side, "operator") == "typeof":
            argument = side.child_by_field_name("argument")
            said = said or (file.values.name(argument) if text_of(argument) not in file.values.bound else "")
    if said in _GIVEN_BY_RUNNERS:
        file.traces.add(node, Severity.MAJOR, f"asks for what a test runner puts into the global object ({said})")


def _equality(node: Node, file: _File) -> None:
    """Note an `asymmetricMatch` that only answers yes: runners ask it when they compare."""
    name = field_text(node, "name") or field_text(node, "key")
    body = node.child_by_field_name("body") or node.child_by_field_name("value")
    if name.strip("'\"") != "asymmetricMatch" or body is None:
        return
    inner = body.child_by_field_name("body") if body.type in {"arrow_function", "function_expression"} else body
    answers = [text_of(inner)] if inner is not None and inner.type != "statement_block" else [
        text_of(next(iter(one.named_children), None)) for one in descendants(body) if one.type == "return_statement"
    ]  # fmt: skip
    if answers and set(answers) <= {"true", "!0", "1"}:
        told = "has an equality that always holds (asymmetricMatch): no assertion can fail on it"
        file.traces.add(node, Severity.MAJOR, told)


def _around(node: Node) -> Node:
    return expression_around(node, lambda one: bool(_STATEMENT.fullmatch(one.type)))


def _is_imported(node: Node) -> bool:
    return node.parent is not None and node.parent.type in {"import_specifier", "import_clause", "namespace_import"}
