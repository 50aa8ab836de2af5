"""SQL is spoken in pipeline/store and nowhere else, neither through a library nor as text."""

import ast
import re

from tests.architecture.source_tree import ROOMS, TOGETHER, imported_modules, module_name, python_files, tree_of, within

pytestmark = TOGETHER

HOME = "pipeline.store"
DRIVERS = ("sqlalchemy", "psycopg", "psycopg_pool", "alembic")
STATEMENT = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|ROLE|DATABASE|SCHEMA|INDEX|POLICY))\s",
    re.DOTALL,
)
"""SQL keywords in capitals, as we write them; prose in lower case does not match."""


def _strangers() -> list[str]:
    return [path for path in python_files(*ROOMS) if not within(module_name(path), HOME)]


def test_database_drivers_are_imported_in_the_store_only() -> None:
    users = {
        f"{path}: {name}"
        for path in _strangers()
        for name in imported_modules(path)
        if any(within(name, driver) for driver in DRIVERS)
    }
    assert not users


def test_no_statement_is_written_outside_the_store() -> None:
    written = [
        f"{path}:{node.lineno}: {node.value.strip()[:60]}"
        for path in _strangers()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.search(node.value + " ")
    ]
    assert not written
