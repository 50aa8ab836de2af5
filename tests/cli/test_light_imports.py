"""A verb is there at once: what only the controller, the graph or a model needs is not imported for a look at a list."""

import subprocess
import sys

from tests.architecture.source_tree import ROOT

HEAVY = (
    "anthropic", "authlib", "fastapi", "git", "kubernetes", "langgraph", "psycopg", "redis", "sqlalchemy", "starlette", "uvicorn",
)  # fmt: skip

PROBE = f"""
import sys
from cli.main import main
for verb in ([], ["list"], ["show"], ["approve"], ["cleanup"], ["settings", "get"]):
    assert main([*verb, "--help"]) == 0
    found = [name for name in {HEAVY!r} if name in sys.modules]
    assert not found, (verb, found)
"""


def test_a_verb_imports_nothing_that_only_the_controller_needs() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
