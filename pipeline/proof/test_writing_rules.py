"""What a test writer's files may not do: change how tests are run or reported, or empty an old test.

Problem: the test writer may write any test file, and a hook in one of them decides the result of all. Choice: the sources
are read by their syntax, before anything runs: what is new in a file against its base, so what the repository does itself
is nobody's fault. Fixtures, parameters, fakes of the product's own surroundings and helper modules stay allowed; settings of a
runner, hooks, the runner's and the assertions' own parts and the process' end are not. Limit, stated: what is called by a name that
is put together at run time is not seen here; planted failures are for that.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from tree_sitter import Node

from pipeline.proof.grammars import LARGE_CHARS, has_grammar, syntax_tree
from pipeline.proof.path_globs import matches_any
from pipeline.proof.planting.planted import descendants, text_of
from pipeline.proof.protected_tests import CONFIGURATION, Tampering, TamperingKind, changed_settings
from pipeline.proof.test_sources import declared_tests

_READ_BY_CONTENT = ("conftest.py",)
_SETTINGS_OF_PYTEST = frozenset({"pyproject.toml", "setup.cfg"})
"""They count in any folder above a test; a package.json below a test folder is data."""
_SERVICES = ("**/META-INF/services/org.junit.*", "**/META-INF/services/org.testng.*")
_RUNNER_MODULES = frozenset({"pytest", "_pytest", "pluggy", "unittest", "doctest", "builtins"})
_JS_RUNNER_MODULES = frozenset(
    {"assert", "test", "assert/strict", "vitest", "@jest/globals", "chai", "expect", "mocha", "ava", "tape", "tap"}
)
_JS_RUNNER = frozenset({"test", "it", "describe", "suite", "expect", "assert", "jest", "vi", "vitest", "mocha", "chai"})
_JS_WRITES = frozenset({"Object.defineProperty", "Object.assign", "Reflect.set", "Reflect.defineProperty"})
_JS_MOCKS = frozenset({"mock", "doMock", "unstable_mockModule", "module", "setMock"})
_JS_MATCHERS = frozenset({"toBe", "toEqual", "toStrictEqual", "toThrow", "toMatch", "toContain", "toBeTruthy"})
_JUNIT_HANDLERS = (
    "TestExecutionExceptionHandler", "InvocationInterceptor", "ExecutionCondition", "TestRule", "LauncherSessionListener",
    "TestExecutionListener", "LifecycleMethodExecutionExceptionHandler", "PostDiscoveryFilter",
)  # fmt: skip
_REMEDY = "Tests run as the repository's own settings say; use fixtures, parameters and assertions."


def broken_rules(path: str, before: str, after: str) -> list[Tampering]:
    """Return what a file that the test writer added or changed may not do; `before` is empty for a new one."""
    if PurePosixPath(path).name in _SETTINGS_OF_PYTEST:
        return changed_settings(path, before, after)
    if matches_any(path, _SERVICES) or (matches_any(path, CONFIGURATION) and not matches_any(path, _READ_BY_CONTENT)):
        return [_settings(path)]
    suffix = PurePosixPath(path).suffix
    known = Counter(what for what, _ in _done(suffix, before))
    found: list[Tampering] = []
    for what, line in _done(suffix, after):
        if known[what]:
            known[what] -= 1
            continue
        message = f"{path}:{line} {what}, which decides results. {_REMEDY}"
        found.append(Tampering(kind=TamperingKind.DECIDES_RESULTS, path=path, line=line, message=message))
    return found


def emptied_tests(path: str, before: str, after: str) -> list[Tampering]:
    """Return the old tests of a file that assert nothing any more, or are skipped now."""
    old = {test.name: test for test in declared_tests(path, before)}
    found = []
    for test in declared_tests(path, after):
        was = old.get(test.name)
        if was is None or was.skipped:
            continue
        if test.skipped:
            found.append(_emptied(path, test.line, f"{test.name} is skipped now"))
        elif was.asserts and not test.asserts:
            found.append(_emptied(path, test.line, f"{test.name} asserts nothing any more"))
    return found


def _settings(path: str) -> Tampering:
    message = f"{path} holds settings of a test runner. {_REMEDY}"
    return Tampering(kind=TamperingKind.TEST_CONFIGURATION, path=path, message=message)


def _emptied(path: str, line: int, what: str) -> Tampering:
    message = f"{path}:{line} {what}. Rewrite it to what its scenario says, or remove it under that scenario."
    return Tampering(kind=TamperingKind.EMPTIED_TEST, path=path, line=line, message=message)


def _done(suffix: str, source: str) -> Iterator[tuple[str, int]]:
    """Yield what a source does that decides results, in words, each with its line."""
    if suffix == ".py":
        yield from _in_python(source)
    elif has_grammar(suffix) and len(source) <= LARGE_CHARS:
        reader = _READERS.get(suffix)
        if reader is not None:
            for node in descendants(syntax_tree(suffix, source.encode("utf-8", "replace"))):
                what = reader(node)
                if what:
                    yield what, node.start_point[0] + 1


# Python


def _in_python(source: str) -> Iterator[tuple[str, int]]:
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    runners = _names_of_runners(module)
    for node in ast.walk(module):
        what = _python_node(node, runners)
        if what:
            yield what, getattr(node, "lineno", 1)


def _names_of_runners(module: ast.Module) -> Mapping[str, str]:
    """Return the names that stand for a runner's modules or parts of them, each with where it comes from."""
    names = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.name.partition(".")[0] in _RUNNER_MODULES:
                    names[(one.asname or one.name).partition(".")[0]] = one.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in _RUNNER_MODULES:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return names


def _python_node(node: ast.AST, runners: Mapping[str, str]) -> str:
    if isinstance(node, ast.Call):
        return _python_call(node, runners)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return f"defines the hook {node.name}" if node.name.startswith("pytest_") else ""
    if isinstance(node, ast.Attribute) and node.attr == "pluginmanager":
        return "reaches for the plugin manager"
    return next(filter(None, (_python_target(one, runners) for one in _targets(node))), "")


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign | ast.Delete):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


def _python_target(target: ast.expr, runners: Mapping[str, str]) -> str:
    if isinstance(target, ast.Name):
        return f"sets {target.id}" if target.id in {"pytest_plugins", "collect_ignore", "collect_ignore_glob"} else ""
    if isinstance(target, ast.Attribute) and target.attr == "__code__":
        return "replaces the body of a function"
    return _of_runner(target, runners)


def _of_runner(target: ast.expr, runners: Mapping[str, str]) -> str:
    """Say that a part of a runner is replaced, where the target is one; `pytestmark = …` and the like are not."""
    root = target
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    if root is not target and isinstance(root, ast.Name) and root.id in runners:
        return f"replaces a part of {runners[root.id]}"
    return ""


def _python_call(node: ast.Call, runners: Mapping[str, str]) -> str:
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    if name in {"os._exit", "os.abort", "atexit.register"}:
        return f"calls {name}"
    if last in {"hookimpl", "HookimplMarker"}:
        return "defines a hook"
    if last == "add_marker" and any("skip" in ast.unparse(one) or "xfail" in ast.unparse(one) for one in node.args):
        return "marks tests as skipped or expected to fail while they run"
    if last in {"setattr", "delattr", "patch", "object", "setitem"} and node.args:
        return _replaced_by_call(node.args[0], runners)
    return ""


def _replaced_by_call(target: ast.expr, runners: Mapping[str, str]) -> str:
    if isinstance(target, ast.Constant) and isinstance(target.value, str):
        root = target.value.partition(".")[0]
        return f"replaces {target.value}" if root in _RUNNER_MODULES - {"builtins"} and "." in target.value else ""
    root_expression = target
    while isinstance(root_expression, ast.Attribute):
        root_expression = root_expression.value
    if isinstance(root_expression, ast.Name) and runners.get(root_expression.id, "builtins") != "builtins":
        return f"replaces a part of {runners[root_expression.id]}"
    return ""


# other languages


def _in_javascript(node: Node) -> str:
    if node.type in {"assignment_expression", "augmented_assignment_expression"}:
        left = node.child_by_field_name("left")
        written = text_of(left)
        if written == "process.exitCode":
            return "sets process.exitCode"
        return f"replaces {written[:80]}" if left is not None and _js_part_of_runner(left) else ""
    return _js_call(node) if node.type == "call_expression" else ""


def _js_call(node: Node) -> str:
    called, given = text_of(node.child_by_field_name("function")), node.child_by_field_name("arguments")
    arguments = [] if given is None else [one for one in given.named_children if one.type != "comment"]
    if called in {"process.exit", "process.reallyExit", "process.abort"}:
        return f"calls {called}"
    return _js_replaced(called, arguments[0]) if arguments else ""


def _js_replaced(called: str, first: Node) -> str:
    """Say what a call with this first argument replaces or waits for."""
    written = text_of(first)
    quoted = written.strip("'\"`") if first.type in {"string", "template_string"} else ""
    if called in {"process.on", "process.once", "process.addListener"} and quoted in {"exit", "beforeExit"}:
        return f"waits for the process' {quoted}"
    if called in _JS_WRITES and _js_root(first) in _JS_RUNNER:
        return f"replaces a part of {written[:80]}"
    if called.rpartition(".")[2] in _JS_MOCKS and quoted.removeprefix("node:") in _JS_RUNNER_MODULES:
        return f"replaces the module {quoted}"
    if called == "expect.extend" and _js_keys(first) & _JS_MATCHERS:
        return "replaces matchers of the runner"
    return ""


def _js_part_of_runner(left: Node) -> bool:
    if left.type == "identifier":
        return text_of(left) in {"test", "it", "describe", "expect"}
    if left.type not in {"member_expression", "subscript_expression"}:
        return False
    root = _js_root(left)
    if root in {"globalThis", "global", "window"}:
        return text_of(left.child_by_field_name("property")) in _JS_RUNNER
    return root in _JS_RUNNER


def _js_root(node: Node) -> str:
    inner: Node | None = node
    while inner is not None and inner.type in {"member_expression", "subscript_expression"}:
        inner = inner.child_by_field_name("object")
    return text_of(inner)


def _js_keys(node: Node) -> set[str]:
    keys = (one.child_by_field_name("key") or one.child_by_field_name("name") for one in node.named_children)
    return {text_of(key).strip("'\"") for key in keys if key is not None}


def _in_go(node: Node) -> str:
    if node.type == "function_declaration" and text_of(node.child_by_field_name("name")) == "TestMain":
        return "defines TestMain"
    if node.type == "call_expression" and text_of(node.child_by_field_name("function")) in {"os.Exit", "syscall.Exit"}:
        return "ends the process"
    if node.type == "comment" and text_of(node).startswith("//go:linkname"):
        return "reaches into another package by linkname"
    return ""


def _in_rust(node: Node) -> str:
    called = text_of(node.child_by_field_name("function")) if node.type == "call_expression" else ""
    return f"calls {called}" if called.endswith(("process::exit", "process::abort", "libc::_exit")) else ""


def _in_java(node: Node) -> str:
    if node.type == "method_invocation":
        called = f"{text_of(node.child_by_field_name('object'))}.{text_of(node.child_by_field_name('name'))}"
        if called == "System.exit" or called.endswith(("getRuntime().halt", "getRuntime().addShutdownHook")):
            return f"calls {called}"
    if node.type in {"super_interfaces", "superclass"}:
        named = next((one for one in _JUNIT_HANDLERS if one in text_of(node)), "")
        return f"is a {named} of JUnit" if named else ""
    return ""


_READERS: Mapping[str, Callable[[Node], str]] = {
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), _in_javascript),
    ".go": _in_go,
    ".rs": _in_rust,
    ".java": _in_java,
}
