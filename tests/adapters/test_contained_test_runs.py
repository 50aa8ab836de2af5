"""The pipeline's own test runs inside the real containment: results come out, nothing else does."""

import sys
from pathlib import Path

import pytest

from pipeline.adapters.sandbox.bubblewrap import Bubblewrap
from pipeline.limits import Limits
from pipeline.ports import Environment, Language, Stack
from pipeline.proof.test_reports import Outcome
from pipeline.proof.test_runs import run_tests

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containment is Linux's")


async def test_a_contained_run_reports_per_test_and_cannot_touch_the_scripts_that_run_it(
    bubblewrap: Bubblewrap, tree: Path
) -> None:
    (tree / "test_x.py").write_text(
        "import sys, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_a(self):\n"
        "        self.assertEqual(1, 1)\n"
        "    def test_b(self):\n"
        "        with self.assertRaises(OSError):\n"
        "            open(sys.argv[0], 'a')\n"
    )
    report = await run_tests(
        stack=Stack(language=Language.PYTHON, runner="unittest", test_command="python -m unittest", manifests=()),
        tree=tree,
        environment=Environment(
            manifest_hash="0", root=tree, read_only=(Path(sys.base_prefix),), path=(Path(sys.base_prefix) / "bin",)
        ),
        sandbox=bubblewrap,
        selection=["test_x.py"],
        limits=Limits(test_timeout_s=60),
    )
    assert report.outcomes() == {"test_x.py::T::test_a": Outcome.PASSED, "test_x.py::T::test_b": Outcome.PASSED}, report
    assert report.ok
    assert [entry.name for entry in tree.parent.iterdir()] == [tree.name]
