"""The same assertions without a runner: honest code agrees with it, code that looks for tests does not."""

from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.ports import Stack
from pipeline.proof.neutral.calls import CallOutcome, Calls, Ground
from pipeline.proof.neutral.runs import called_alone, called_by_the_runner
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
