"""Names say what a module is about, and nothing grows until nobody reads it."""

import ast
import re

from tests.architecture.source_tree import PRODUCT, TOGETHER, python_files, text_of, tracked_files, tree_of

pytestmark = TOGETHER

SHAPELESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base", "core"})
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
COMPONENT_LINES_MAX = 250
ALL = (*PRODUCT, "tests")


def test_no_module_is_named_after_nothing() -> None:
    shapeless = [
        path
        for path in tracked_files()
        if path.endswith((".py", ".ts", ".tsx"))
        if SHAPELESS & set(re.split(r"[/_.\-]", path))
        if not path.startswith("examples/")
    ]
    assert not shapeless, "if a function has no home, the missing noun is the design problem"


def test_files_stay_readable() -> None:
    sizes = {path: text_of(path).count("\n") for path in python_files(*ALL) if not path.startswith("alembic/versions/")}
    assert {path: lines for path, lines in sizes.items() if lines > FILE_LINES_MAX} == {}


def test_dashboard_files_stay_readable() -> None:
    ours = [path for path in tracked_files() if path.startswith("dashboard/src/") and path.endswith((".ts", ".tsx"))]
    sizes = {path: text_of(path).count("\n") for path in ours if not path.endswith("schema.d.ts")}
    assert {path: lines for path, lines in sizes.items() if lines > COMPONENT_LINES_MAX} == {}


def test_functions_stay_readable() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}: {lines} lines"
        for path in python_files(*ALL)
        if not path.startswith("alembic/versions/")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long


def test_every_module_says_what_problem_it_solves() -> None:
    silent = [path for path in python_files(*PRODUCT) if not ast.get_docstring(tree_of(path))]
    assert not silent
