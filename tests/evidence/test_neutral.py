"""The same assertions without a runner: honest code agrees with it, code that looks for tests does not."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.ports import Stack
from pipeline.proof.neutral.calls import Call, CallOutcome, Calls, Ground
from pipeline.proof.neutral.form import Libraries, form_of
from pipeline.proof.neutral.runs import called_alone, called_by_the_runner
from pipeline.proof.neutral.verdict import Told, doubtful, in_words, judge_neutral
from pipeline.proof.red_green import RedCause, RedVerdict, TestVerdict
from tests.evidence.plain_sandbox import PYTEST, UNITTEST, PlainSandbox, environment, write_tree

EVERYTHING = '''\
"""Says what it is for."""
from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
import pytest as runner
from pytest import approx, raises

from calc import double
import calc

HERE = Path(__file__).parent


@pytest.fixture
def three():
    """A number."""
    return 3


@pytest.fixture(params=[1, pytest.param(2, id="two")], scope="module")
def several(request):
    yield request.param


@pytest.fixture(autouse=True)
def around(monkeypatch):
    monkeypatch.setenv("MODE", "loud")


@pytest.mark.parametrize(("number", "expected"), [(1, 2), pytest.param(2, 4, id="even")])
@pytest.mark.parametrize("sign", [1, -1])
def test_rows(number, expected, sign):
    """Doubles."""
    assert double(sign * number) == sign * expected


def test_fixtures(three, several, outer, tmp_path, capsys, monkeypatch, caplog):
    (tmp_path / "a.txt").write_text("a")
    assert (HERE / "data.txt").read_text() == "data"
    print(double(three), file=sys.stderr)
    assert capsys.readouterr().err == "6\\n"
    assert os.environ["MODE"] == "loud" and several in (1, 2) and outer == "outer"
    monkeypatch.setattr(calc, "FACTOR", 10)
    monkeypatch.setattr("calc.NAME", "x")
    assert double(1) == 10 and calc.NAME == "x"
    with caplog.at_level(logging.INFO):
        logging.getLogger("a").info("told %s", 1)
    assert caplog.messages == ["told 1"]


def test_raises():
    with pytest.raises(ValueError, match="no number") as caught:
        double("a")
    assert str(caught.value) == "no number: a"
    with raises(ValueError):
        double("b")
    raises(ValueError, double, "c")
    assert 0.1 + 0.2 == approx(0.3) and [1.0000001, 2] == runner.approx([1, 2])
    with pytest.warns(UserWarning, match="odd"):
        calc.warn()


async def test_async():
    assert double(2) == 4


class TestClass:
    kept = 4

    def setup_method(self):
        self.number = 2

    @pytest.fixture
    def own(self):
        return self.number

    @pytest.mark.parametrize("by", [1, 2])
    def test_method(self, by, own):
        assert double(own * by) == self.kept * by

    def helper(self):
        return 1
'''
CALC = """\
import warnings

FACTOR = 2
NAME = "calc"


def double(n):
    if isinstance(n, str):
        raise ValueError(f"no number: {n}")
    return n * FACTOR


def warn():
    warnings.warn("odd", UserWarning, stacklevel=1)
"""
CONFTEST = "import pytest\n\n\n@pytest.fixture(name='outer')\ndef named():\n    return 'outer'\n"
CASES = """\
import unittest
from unittest import TestCase, mock
from unittest.mock import patch

import calc


def setUpModule():
    calc.NAME = "set"


class DoubleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.two = 2

    def setUp(self):
        self.addCleanup(lambda: None)
        self.number = 3

    def test_doubles(self):
        self.assertEqual(calc.double(self.number), 6)
        self.assertEqual(calc.NAME, "set")
        with self.assertRaisesRegex(ValueError, "no number"):
            calc.double("a")
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(calc.double(number), number * self.two)

    @patch("calc.FACTOR", 5)
    def test_patched(self):
        self.assertEqual(calc.double(1), 5)
        with mock.patch.object(calc, "FACTOR", 7):
            self.assertEqual(calc.double(1), 7)


class Other(TestCase):
    @unittest.skip("not today")
    def test_skipped(self):
        self.fail()
"""


async def called(stack: Stack, tmp_path: Path, files: dict[str, str], *change: str, disclosed: bool = False) -> Calls:
    number = sum(1 for entry in tmp_path.iterdir() if entry.name.startswith("tree"))
    ground = Ground(
        stack=stack, tree=write_tree(tmp_path / f"tree{number}", files), environment=environment(tmp_path),
        sandbox=PlainSandbox(), limits=Limits(test_timeout_s=60),
    )  # fmt: skip
    return await (called_by_the_runner if disclosed else called_alone)(ground, change)


def outcomes(calls: Calls) -> dict[str, str]:
    assert not calls.left
    return {
        one.test: one.outcome.value if one.outcome is CallOutcome.PASSED else f"{one.outcome}: {one.why}"
        for one in calls.calls
    }


@pytest.mark.parametrize("disclosed", [False, True])
async def test_what_tests_ask_of_pytest_is_there(tmp_path: Path, disclosed: bool) -> None:
    files = {"tests/test_calc.py": EVERYTHING, "tests/conftest.py": CONFTEST, "tests/data.txt": "data", "calc.py": CALC}
    told = outcomes(await called(PYTEST, tmp_path, files, "tests/test_calc.py", disclosed=disclosed))
    assert told == dict.fromkeys(
        ["test_rows", "test_fixtures", "test_raises", "test_async", "TestClass.test_method"], "passed"
    )


@pytest.mark.parametrize("disclosed", [False, True])
@pytest.mark.parametrize("stack", [PYTEST, UNITTEST])
async def test_what_tests_ask_of_unittest_is_there(tmp_path: Path, stack: Stack, disclosed: bool) -> None:
    files = {"tests/__init__.py": "", "tests/test_calc.py": CASES, "calc.py": CALC}
    told = outcomes(await called(stack, tmp_path, files, "tests/test_calc.py", disclosed=disclosed))
    assert told == {
        "DoubleTest.test_doubles": "passed",
        "DoubleTest.test_patched": "passed",
        "Other.test_skipped": "skipped: ",
    }


LOOKS = {
    "modules": 'import sys\nSEEN = any(one.startswith(("pytest", "_pytest", "unittest")) for one in sys.modules)',
    "arguments": "import sys\nSEEN = any('test' in one for one in sys.argv)",
    "variables": "import os\nSEEN = 'PYTEST_CURRENT_TEST' in os.environ or 'CI' in os.environ",
    "paths": "import traceback\nSEEN = any('test' in one.filename for one in traceback.extract_stack())",
    "frames": "SEEN = True\ndef seen():\n    import inspect\n    return any('pytest' in one.filename for one in inspect.stack())",
    "objects": "import gc\nSEEN = any(type(one).__name__ == 'Function' and hasattr(one, 'nodeid') for one in gc.get_objects())",
    "caller's module": "SEEN = True\ndef seen():\n    import sys\n    return sys._getframe(3).f_globals.get('__name__') == 'test_calc'",
}  # fmt: skip
ASKED = """\
import calc


def ask(n):
    return calc.double(n)


def test_s1_double():
    assert ask(4) == 8
"""


def looking(how: str) -> str:
    code = LOOKS[how]
    asks = "seen()" if "def seen" in code else "SEEN"
    if how in {"objects", "paths"}:  # what is there when it is called, not when it is imported
        code = "def seen():\n" + "".join(f"    {line}\n" for line in code.replace("SEEN =", "return").splitlines())
        asks = "seen()"
    return f"{code}\n\n\ndef double(n):\n    return n * 2 if {asks} else 0\n"


@pytest.fixture
def plain_path() -> Iterator[Path]:
    """A directory whose own path speaks of no test."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory).resolve()


@pytest.mark.parametrize("how", LOOKS)
async def test_code_that_looks_for_a_test_is_right_for_its_runner_alone(plain_path: Path, how: str) -> None:
    files = {"tests/test_calc.py": ASKED, "calc.py": looking(how)}
    alone = await called(PYTEST, plain_path, files, "tests/test_calc.py")
    verdict = judge_neutral(RED, Told(alone=[alone]))
    assert verdict.not_possible and doubtful(RED, alone, {"tests/test_calc.py"}), (
        "nothing is said before its runner was asked"
    )
    by_the_runner = await called(PYTEST, plain_path, files, "tests/test_calc.py", disclosed=True)
    verdict = judge_neutral(RED, Told(alone=[alone], by_the_runner=[by_the_runner]))
    assert [one.partition(": ")[2] for one in verdict.problems] == ["AssertionError: assert ask(4) == 8."], verdict


RED = RedVerdict(
    final=True,
    tests=(
        TestVerdict(
            test_id="tests/test_calc.py::test_s1_double", file="tests/test_calc.py", name="test_s1_double", counts=True,
            cause=RedCause.ASSERTION, why="It is red.",
        ),
    ),
    scenarios=(),
    problems=(),
)  # fmt: skip


def calls(outcome: CallOutcome | None, why: str = "", **more: object) -> Calls:
    told = (
        () if outcome is None else (Call(file="tests/test_calc.py", test="test_s1_double", outcome=outcome, why=why),)
    )
    return Calls(**{"calls": told, "left": {}, **more})  # type: ignore[arg-type]  # each by its name


def test_what_is_said_at_the_gate() -> None:
    passed, failed = calls(CallOutcome.PASSED), calls(CallOutcome.FAILED, "AssertionError: assert 1 == 2")
    assert (
        in_words(judge_neutral(RED, Told(alone=[passed]))) == "1 test passed without a test runner, under other names"
    )
    only = judge_neutral(RED, Told(alone=[failed], by_the_runner=[passed], names_stay=[passed]))
    assert only.ok
    assert "passes only under the names that its file gives to functions and variables" in in_words(only)
    both = judge_neutral(RED, Told(alone=[failed], by_the_runner=[failed]))
    assert "what stands in for its runner cannot call it (AssertionError: assert 1 == 2)" in in_words(both)
    ended = judge_neutral(RED, Told(alone=[calls(None, last_line="Killed")], by_the_runner=[calls(None)]))
    assert "because the process ended before: Killed" in in_words(ended)
    other = judge_neutral(RED, Told(formless={"tests/test_calc.py": "go_test"}))
    assert (
        in_words(other)
        == "not possible here: tests/test_calc.py::test_s1_double: tests of this runner have no form without it (go_test)."
    )
    left = judge_neutral(RED, Told(alone=[calls(None, left={"tests/test_calc.py": "it uses the test runner itself"})]))
    assert "it uses the test runner itself" in in_words(left)
    refuted = judge_neutral(RED, Told(alone=[failed], by_the_runner=[passed], names_stay=[failed]))
    assert (
        not refuted.ok
        and "fails when nothing around it speaks of tests: AssertionError: assert 1 == 2." in in_words(refuted)
    )
    assert judge_neutral(RED, Told(alone=[failed, passed], by_the_runner=[passed])).problems, (
        "the worst that was told counts"
    )


def test_what_others_see_by_its_name_keeps_it() -> None:
    text = (
        "import calc as sums\n\n\ndef add_all(values):\n    return [value for value in values]\n\n\n"
        "def test_it(tmp_path):\n    found = add_all([1])\n    given = lambda event: event\n"
        "    assert sums.run(add_all, key=given, path=tmp_path) == 'AddAll'\n    assert found\n"
    )
    counted = (f"n{number}" for number in count())
    form = form_of(text, Libraries(pytest="p", unittest="u"), lambda: next(counted))
    assert not {"test_it", "found", "sums", "given", "tmp_path", "value"} & set(re.findall(r"\w+", form.text))
    assert {"add_all", "values", "event", "run", "key", "path"} <= set(re.findall(r"\w+", form.text))


def test_every_row_of_a_table_agrees_by_the_call_of_all() -> None:
    rows = [replace(RED.tests[0], test_id=f"{RED.tests[0].test_id}[{row}]") for row in ("1-2", "a::b", "[x]")]
    verdict = judge_neutral(replace(RED, tests=tuple(rows)), Told(alone=[calls(CallOutcome.PASSED)]))
    assert verdict.agreed == tuple(row.test_id for row in rows)


async def test_results_that_the_code_under_test_spoils_say_nothing_for_it(plain_path: Path) -> None:
    spoils = (
        "import sys, os, gc\n\n\ndef double(n):\n"
        "    for one in gc.get_objects():\n"
        "        place = getattr(one, 'results', None) if type(one).__name__ == 'SimpleNamespace' else None\n"
        "        if isinstance(place, str):\n"
        "            os.truncate(os.open(place, os.O_CREAT | os.O_RDWR), 5_000_000)\n"
        "            os.mkfifo(place + 'x')\n            os._exit(0)\n    return 0\n"
    )
    files = {"tests/test_calc.py": ASKED, "calc.py": spoils}
    alone = await called(PYTEST, plain_path, files, "tests/test_calc.py")
    assert not alone.calls and doubtful(RED, alone, {"tests/test_calc.py"})
