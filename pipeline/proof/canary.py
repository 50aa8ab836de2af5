"""A test that must fail, planted beside the selected ones: a runner that calls it passed has been tampered with.

Problem: code under test is imported into the test process and can rewrite outcomes there (patch the runner, hook its
reports), and then exit code and report agree on a lie. Choice: for runners that load all files into one process, plant
one failing test under a random name for the run, and take it out of the report again. Limit, stated: code that rewrites
only the outcomes of known tests is not caught by it.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.ports import Stack
from pipeline.proof.test_commands import PYTEST_CONFIGURATION
from pipeline.proof.test_reports import TestCaseResult
from pipeline.proof.untrusted_files import delete_inside, inside, read_source

_PYTEST = "def test_{token}():\n    assert 1 == 2\n"
_UNITTEST = "import unittest\n\n\nclass Test{token}(unittest.TestCase):\n    def test_{token}(self):\n        self.assertEqual(1, 2)\n"
_SELECTING = re.compile(r"\bpython_(?:functions|classes)\b|[\s\"'=]-[km][\s\"'=]")
"""A configuration that decides which tests run could leave the canary out; then there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The planted file."""

    tree: Path
    file: str
    """Its path in the repository."""

    def remove(self) -> None:
        """Take the file out of the tree again."""
        delete_inside(self.tree, self.file)

    def judge(self, cases: Sequence[TestCaseResult], exit_code: int) -> tuple[list[TestCaseResult], int, list[str]]:
        """Return the cases without the canary, the exit code as if it had not run, and complaints."""
        others = [case for case in cases if case.file != self.file]
        # Plugins that run a linter report its look at this file beside the test in it.
        named = PurePosixPath(self.file).stem
        own = [case for case in cases if case.file == self.file and (case.whole_file or named in case.name)]
        if not own:
            return others, exit_code, ["A test that the pipeline had planted was not reported."] if others else []
        if not all(case.outcome.bad for case in own):
            return (
                others,
                exit_code,
                ["A planted test that must fail was reported as passed: the test runner was tampered with."],
            )
        if exit_code == 0:
            return others, exit_code, ["The process ended with exit code 0 although a planted test failed."]
        only = exit_code == 1 and not any(case.outcome.bad for case in others)
        return others, 0 if only else exit_code, []


def plant(stack: Stack, tree: Path, selection: Sequence[str]) -> Canary | None:
    """Write the canary beside the first selected file; None for runners and configurations where it cannot stand."""
    shape = {"pytest": _PYTEST, "unittest": _UNITTEST}.get(stack.runner)
    token = secrets.token_hex(6)
    file = str(PurePosixPath(selection[0]).with_name(f"test_{token}.py")) if selection else ""
    place = inside(tree, file) if file else None
    if shape is None or place is None or not place.parent.is_dir():
        return None
    if stack.runner == "pytest" and any(_SELECTING.search(read_source(tree, name)) for name in PYTEST_CONFIGURATION):
        return None
    with place.open("x", encoding="utf-8") as opened:
        opened.write(shape.format(token=token))
    return Canary(tree=tree, file=file)
