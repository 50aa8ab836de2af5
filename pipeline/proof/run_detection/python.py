"""Python: modules, frames, arguments, objects of the collector, the environment, and an equality that always holds."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from pipeline.findings import Severity
from pipeline.proof.planting.planted import text_of
from pipeline.proof.run_detection.python_values import IMPORTING, Values
from pipeline.proof.run_detection.traces import (
    ONLY_OF_RUNNERS,
    Traces,
    environment,
    expression_around,
    field_text,
    is_within,
    names_a_runner,
    speaks_of_tests,
)

_FRAMES = (
    "sys._getframe", "sys._current_frames", "inspect.stack", "inspect.currentframe", "inspect.getouterframes", "inspect.trace",
    "traceback.extract_stack", "traceback.format_stack", "traceback.print_stack", "traceback.walk_stack",
    "traceback.StackSummary.extract",
)  # fmt: skip
_OBJECTS = ("gc.get_objects", "gc.get_referrers", "gc.get_referents")
_FOLLOWS = (
    "sys.gettrace", "sys.getprofile", "sys.settrace", "sys.setprofile", "threading.settrace", "threading.setprofile",
    "sys.addaudithook",
)  # fmt: skip
_TELLING: Mapping[str, str] = {
    **{
        one: f"looks at the frames of its callers ({one}): code can tell from them that a test calls it"
        for one in _FRAMES
    },
    **{one: f"goes through the objects of the process ({one}), those of a test runner among them" for one in _OBJECTS},
    **{one: f"looks at, or follows, what is executed ({one}), as debuggers and coverage do" for one in _FOLLOWS},
    "unittest.mock.ANY": "hands out an object that equals everything (mock.ANY): no assertion can fail on it",
    "sys._called_from_test": "asks whether a test runs it (sys._called_from_test)",
}
_PLACES = {
    "getpass.getuser": "the user's name", "os.getlogin": "the user's name", "os.getcwd": "the working directory",
    "pathlib.Path.cwd": "the working directory", "socket.gethostname": "the machine's name", "platform.node": "the machine's name",
    "os.getppid": "its parent process", "threading.current_thread": "its thread", "psutil.Process": "its process",
    "multiprocessing.current_process": "its process", "__file__": "where it lies", "__name__": "its own name",
    "__package__": "its own name", "__spec__": "its own name",
}  # fmt: skip
_ALONE = frozenset({"getpass.getuser", "os.getlogin", "os.getcwd", "pathlib.Path.cwd", "socket.gethostname", "platform.node", "os.getppid"})  # fmt: skip
"""These tell of a place even where no word speaks of tests."""
_STATEMENT = re.compile(r".*(?:_statement|_definition|_clause)|module|block|assignment|augmented_assignment")
_PART_OF_AN_EXPRESSION = frozenset({"for_in_clause", "if_clause"})
_COMPARING = re.compile(r"\.(?:startswith|endswith|find|index|count|match|search|fullmatch|__contains__)$")
_GOES_THROUGH = frozenset({
    "list", "set", "tuple", "sorted", "any", "all", "dict", "len", "map", "filter", "str", "repr", "iter", "frozenset",
})  # fmt: skip
_IMPORTS = frozenset({"import_statement", "import_from_statement"})
_VIEWS = frozenset({"keys", "items", "values", "copy", "__iter__"})
_STARTED = re.compile(
    r"""__name__\s*==\s*['"]__main__['"]|^\s*(?:import|from)\s+(?:argparse|click|typer|docopt|fire)\b""", re.MULTILINE
)
_STARTED_FILES = frozenset({"__main__.py", "setup.py", "manage.py", "cli.py", "main.py"})


@dataclass(frozen=True, slots=True)
class _File:
    values: Values
    traces: Traces
    is_started: bool
    """Whether it is a program that people start, which reads its arguments."""

    def words(self, node: Node) -> Iterator[str]:
        """Yield the strings in an expression."""
        return self.traces.strings_in(node, self.values.string)


def find(root: Node, path: str, text: str, traces: Traces) -> None:
    """Note the constructs of a file."""
    started = path.rpartition("/")[2] in _STARTED_FILES or bool(_STARTED.search(text))
    file = _File(Values(root), traces, started)
    for node in traces.walk(root, lambda one: one.type not in _IMPORTS):
        match node.type:
            case "attribute" | "identifier" | "subscript" | "call" if not _is_only_a_name(node):
                _named(node, file)
            case "string" | "concatenated_string" | "binary_operator":
                said = file.values.string(node)
                if said is not None and (known := ONLY_OF_RUNNERS.fullmatch(said)):
                    traces.add(node, Severity.MAJOR, f"names {known[0]}, which tells of the process that runs it")
            case "function_definition" | "lambda":
                _equality(node, file)
            case "import_statement" | "import_from_statement":
                _import(node, traces)


def _named(node: Node, file: _File) -> None:
    name = file.values.name(node)
    if name in _TELLING:
        file.traces.add(node, Severity.MAJOR, _TELLING[name])
    elif name.endswith(".f_back"):
        file.traces.add(node, Severity.MAJOR, "looks at the frames of its callers (f_back)")
    elif name in _SOURCES:
        _SOURCES[name](node, name, file)
    elif name in _PLACES:
        _place(node, name, file)
    elif names_a_runner([name]) and file.values.name(node.child_by_field_name("function")) in IMPORTING:
        file.traces.add(node, Severity.MAJOR, f"imports {name}, a test runner, by its name")


def _modules(node: Node, _name: str, file: _File) -> None:
    around, above = _around(node), node.parent
    called = above.parent if above is not None and above.type == "argument_list" else None
    through = above is not None and (
        above.type in {"for_statement", "for_in_clause"}
        or (above.type == "attribute" and field_text(above, "attribute") in _VIEWS)
        or (called is not None and field_text(called, "function") in _GOES_THROUGH)
    )
    if names_a_runner(file.words(around)):
        file.traces.add(
            node, Severity.MAJOR, "asks sys.modules for a test runner: code can tell from it that a test runs"
        )
    elif through:
        file.traces.add(node, Severity.MAJOR, "goes through sys.modules: code can tell from it that a test runs")
    elif above is not None and above.type == "comparison_operator":
        file.traces.add(node, Severity.MINOR, "asks whether a module is loaded (sys.modules)")
    else:
        file.traces.add(node, Severity.INFO, "reads sys.modules")


def _argv(node: Node, name: str, file: _File) -> None:
    around = _around(node, with_body=True)
    if _compares(node, around, file) and speaks_of_tests(file.words(around)):
        told = f"looks for tests in the arguments of its process ({name})"
        file.traces.add(node, Severity.MINOR if file.is_started else Severity.MAJOR, told)
    elif not file.is_started:
        file.traces.add(node, Severity.INFO, f"reads the arguments of its process ({name})")


def _environment(node: Node, name: str, file: _File) -> None:
    asked = _asked(node)
    if asked is not None:
        environment(file.traces, node, file.words(asked), name)


def _at_exit(node: Node, name: str, file: _File) -> None:
    file.traces.add(node, Severity.INFO, f"registers what runs when the process ends ({name}), so after the last test")


_SOURCES: Mapping[str, Callable[[Node, str, _File], None]] = {
    "sys.modules": _modules,
    "sys.argv": _argv,
    "sys.orig_argv": _argv,
    "os.environ": _environment,
    "os.environb": _environment,
    "os.getenv": _environment,
    "atexit.register": _at_exit,
}


def _place(node: Node, name: str, file: _File) -> None:
    around = _around(node)
    compares = _compares(node, around, file)
    if compares and speaks_of_tests(file.words(around)):
        file.traces.add(node, Severity.MAJOR, f"compares {_PLACES[name]} with what tests have ({name})")
    elif compares and name in _ALONE:
        told = f"decides by {_PLACES[name]} ({name}), which differs where tests run"
        file.traces.add(node, Severity.MINOR, told)


def _compares(node: Node, around: Node, file: _File) -> bool:
    loops = around.type == "for_statement"
    return is_within(node, {"comparison_operator"}, around) or any(
        (one.type == "call" and bool(_COMPARING.search(field_text(one, "function"))))
        or (one.type == "comparison_operator" and (loops or is_within(one, {"generator_expression"}, around)))
        for one in file.traces.walk(around)
    )


def _asked(node: Node) -> Node | None:
    """Return the expression that asks the environment for something; None where it is set, or handed on as a whole."""
    above = node.parent
    if above is None:
        return None
    match above.type:
        case "subscript":
            setting = above.parent is not None and above.parent.child_by_field_name("left") == above
            return None if setting and above.parent and above.parent.type == "assignment" else above
        case "attribute":
            return above.parent
        case "call" | "comparison_operator":
            return above
        case "for_in_clause" | "for_statement":
            return _around(node, with_body=True)
        case _:
            return None


def _around(node: Node, *, with_body: bool = False) -> Node:
    around = expression_around(
        node, lambda one: bool(_STATEMENT.fullmatch(one.type)) and one.type not in _PART_OF_AN_EXPRESSION
    )
    above = around.parent
    loops = above is not None and above.type == "for_statement" and above.child_by_field_name("right") == around
    return above if with_body and loops and above is not None else around


def _equality(node: Node, file: _File) -> None:
    """Note an `__eq__` that only answers yes, an `__ne__` that only answers no."""
    named = node.type == "function_definition"
    name = field_text(node, "name") if named else _lambda_name(node, file.values)
    body = node.child_by_field_name("body")
    if name not in {"__eq__", "__ne__"} or body is None:
        return
    answers = [next(iter(one.named_children), None) for one in _own_returns(body)] if named else [body]
    told = {_constant(one) for one in answers}
    wanted = "yes" if name == "__eq__" else "no"
    if wanted in told and told <= {wanted, "NotImplemented"}:
        what = f"has an equality that always holds ({name}): no assertion can fail on it"
        file.traces.add(node, Severity.MAJOR, what)


def _own_returns(body: Node) -> Iterator[Node]:
    """Yield the `return` statements of a body, without those of functions in it."""
    ahead = [body]
    while ahead:
        one = ahead.pop()
        if one.type == "return_statement":
            yield one
        elif one.type not in {"function_definition", "lambda", "class_definition"}:
            ahead.extend(one.children)


def _constant(node: Node | None) -> str:
    """Return yes or no for what is a constant truth, else its text."""
    said, turned = node, False
    while said is not None and said.type in {"not_operator", "parenthesized_expression"}:
        turned ^= said.type == "not_operator"
        said = next(iter(said.named_children), None)
    match "" if said is None else said.type:
        case "true" | "false":
            truth = text_of(said) == "True"
        case "integer":
            truth = text_of(said).strip("0_") != ""
        case _:
            return text_of(node)
    return "yes" if truth != turned else "no"


def _lambda_name(node: Node, values: Values) -> str:
    """Return the name that a lambda is given: in a dictionary, by an assignment or by `setattr`."""
    above = node.parent
    match "" if above is None else above.type:
        case "pair" if above is not None:
            return values.string(above.child_by_field_name("key")) or ""
        case "assignment" if above is not None:
            return field_text(above, "left").rpartition(".")[2]
        case "argument_list" if above is not None:
            return next((said for one in above.named_children if (said := values.string(one))), "")
        case "keyword_argument" if above is not None:
            return field_text(above, "name")
        case _:
            return ""


def _import(node: Node, traces: Traces) -> None:
    module = field_text(node, "module_name")
    names = [module] if module else [text_of(one).partition(" as ")[0] for one in node.children_by_field_name("name")]
    for one in names:
        if one.split(".")[0] in {"pytest", "_pytest"}:
            traces.add(node, Severity.MINOR, f"imports {one}, a test runner, in code that is no test")


def _is_only_a_name(node: Node) -> bool:
    """Whether it names a part of something, or an argument, and is no expression itself."""
    above = node.parent
    if above is None or node.type != "identifier":
        return False
    field = {"attribute": "attribute", "keyword_argument": "name"}.get(above.type, "")
    return bool(field) and above.child_by_field_name(field) == node
