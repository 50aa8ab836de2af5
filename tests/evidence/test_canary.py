"""The planted test runs under every selection, or its absence is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.proof import canary
from pipeline.proof.baseline import compare_suites, suite_in_words
from pipeline.proof.pytest_selection import (
    Form,
    Selection,
    Unselectable,
    forms_for,
    function_name,
    selection_of,
    selects,
)
from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport
from pipeline.proof.test_runs import run_tests
from tests.evidence.plain_sandbox import PYTEST, UNITTEST, PlainSandbox, environment, run, write_tree

GENEROUS = """
import importlib
reports = importlib.import_module("_py" + "test.reports")
original = reports.TestReport.from_item_and_call.__func__
def generous(cls, item, call):
    call.excinfo = None
    return original(cls, item, call)
reports.TestReport.from_item_and_call = classmethod(generous)

def double(n):
    return 0
"""
MARKS = "markers = ['slow', 'unit', 'fast']\n"
TESTS = "import pytest\nfrom shop import double\n\npytestmark = pytest.mark.unit\n\n\ndef {name}():\n    assert double(2) == 4\n"


def toml(options: str) -> dict[str, str]:
    return {"pyproject.toml": f"[tool.pytest.ini_options]\n{MARKS}{options}\n"}


CONFIGURATIONS = {
    "not slow": (toml("addopts = \"-m 'not slow'\""), "test_a", {}),
    "a mark that is needed, strictly": (
        toml("addopts = ['--strict-markers', '-qm', 'unit and not slow']"),
        "test_a",
        {},
    ),
    "words": ({"setup.cfg": "[tool:pytest]\naddopts = -k 'price or not e'\n"}, "test_price", {}),
    "other names of functions": ({"tox.ini": "[pytest]\npython_functions = check_* *_holds\n"}, "check_a", {}),
    "no functions at all": ({"pytest.ini": "[pytest]\npython_functions =\n"}, "test_a", {}),
    "the environment": ({}, "test_a", {"PYTEST_ADDOPTS": "-m 'unit or fast'"}),
}


@pytest.mark.parametrize("known", CONFIGURATIONS)
async def test_a_patched_runner_is_betrayed_under_every_selection(tmp_path: Path, known: str) -> None:
    configured, name, variables = CONFIGURATIONS[known]
    tests = TESTS.format(name=name)
    if known == "no functions at all":
        tests = "import unittest\nfrom shop import double\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(2), 4)\n"
    files = {**configured, "shop.py": GENEROUS, "tests/test_double.py": tests}
    report = await run(PYTEST, tmp_path, files, "tests/test_double.py", variables=variables)
    assert any("the test runner was tampered with" in one for one in report.complaints), report.output_tail
    honest = {**files, "shop.py": "def double(n):\n    return 2 * n\n"}
    report = await run(PYTEST, tmp_path, honest, "tests/test_double.py", variables=variables)
    assert (report.ok, report.notes) == (True, ()), report.output_tail


async def test_a_full_suite_has_its_planted_test_beside_one_that_the_base_reported(tmp_path: Path) -> None:
    files = {
        **toml("addopts = \"-m 'not slow'\"\npython_files = ['check_*.py']"),
        "shop.py": GENEROUS,
        "tests/check_double.py": TESTS.format(name="test_a"),
    }
    known = ("tests/check_gone.py", "tests/check_double.py")
    first = await run(PYTEST, tmp_path, files)
    assert (first.ok, first.notes) == (True, ()), "nothing is planted where no suite is known"
    report = await run(PYTEST, tmp_path, files, beside=known)
    assert any("the test runner was tampered with" in one for one in report.complaints), report.output_tail
    honest = await run(PYTEST, tmp_path, {**files, "shop.py": "def double(n):\n    return 4\n"}, beside=known)
    assert (honest.ok, honest.exit_code, honest.notes) == (True, 0, ()), honest.output_tail
    assert list(honest.outcomes()) == ["tests/check_double.py::test_a"]


async def test_a_full_suite_of_unittest_has_a_planted_test_too(tmp_path: Path) -> None:
    liar = "import unittest\nunittest.TestCase.assertEqual = lambda *_: None\n\n\ndef double(n):\n    return 0\n"
    tests = "import unittest\nfrom shop import double\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(2), 4)\n"
    report = await run(UNITTEST, tmp_path, {"shop.py": liar, "test_a.py": tests}, beside=("test_a.py",))
    assert any("the test runner was tampered with" in one for one in report.complaints), report.output_tail
    honest = {"shop.py": "def double(n):\n    return 4\n", "test_a.py": tests}
    assert (await run(UNITTEST, tmp_path, honest, beside=("test_a.py",))).ok


async def test_where_none_can_be_planted_that_is_told_and_fails_nothing(tmp_path: Path) -> None:
    files = {"tests.ini": "", **toml("addopts = \"--sw -k 'not test'\""), "test_a.py": "def test_a():\n    pass\n"}
    tree = write_tree(tmp_path / "tree", files)
    planted, note = canary.plant(PYTEST, tree, ["test_a.py"], variables={})
    assert planted is None
    told = "the settings of pytest select none that could be planted (-k 'not test')"
    assert note == f"No planted test guards these results: {told}."
    _, note = canary.plant(PYTEST, tree, None, beside=["test_a.py"], variables={})
    assert "end the suite with the first failure" in note
    _, note = canary.plant(PYTEST, tree, None, beside=["test_b.py"], variables={})
    assert "no test is known that passes on the base and is still there" in note
    assert canary.plant(PYTEST, tree, None, variables={}) == (None, "")
    assert canary.plant(replace(PYTEST, runner="jest"), tree, ["a.test.js"], variables={}) == (None, "")


def test_a_note_stands_in_the_words_of_the_suite_and_in_the_summary() -> None:
    report = replace(suite(), notes=("No planted test guards these results: x.",))
    assert report.ok
    assert report.summary().endswith("; No planted test guards these results: x.")
    words = suite_in_words(report, compare_suites(base=suite(), head=report))
    assert words == "green: 1 passed; No planted test guards these results: x"


async def test_an_honest_repository_with_strict_settings_shows_nothing_of_it(tmp_path: Path) -> None:
    """Failures end a run, warnings are errors, marks are known, documentation is run, several processes work."""
    options = "-x --maxfail=1 -W error --strict-markers --doctest-modules -m 'not slow' -p xdist -n 2"
    files = {
        **toml(f'addopts = "{options}"\npython_files = ["tests.py", "test_*.py"]\nfilterwarnings = "error"'),
        "calc.py": 'def double(n):\n    """\n    >>> double(2)\n    4\n    """\n    return 2 * n\n',
        "app/tests.py": "from calc import double\n\n\ndef test_a():\n    assert double(2) == 4\n",
        "conftest.py": "",
    }
    known = ("app/tests.py", "calc.py")
    for honest in (
        await run(PYTEST, tmp_path, files, beside=known),
        await run(PYTEST, tmp_path, files, "app/tests.py"),
    ):
        assert (honest.ok, honest.exit_code, honest.notes) == (True, 0, ()), (honest.complaints, honest.output_tail)
    lying = {**files, "calc.py": GENEROUS + '"""\n>>> double(2)\n4\n"""\n'}
    for report in (await run(PYTEST, tmp_path, lying, beside=known), await run(PYTEST, tmp_path, lying, *known[:1])):
        assert canary.PASSED in report.complaints, report.output_tail


async def test_settings_above_a_components_folder_count_as_pytest_counts_them(tmp_path: Path) -> None:
    files = {
        **toml("addopts = \"-m 'unit'\""),
        "services/shop/shop.py": GENEROUS,
        "services/shop/test_a.py": TESTS.format(name="test_a"),
    }
    part = replace(PYTEST, root="services/shop")
    for report in (
        await run(part, tmp_path, files, "services/shop/test_a.py"),
        await run(part, tmp_path, files, beside=("services/shop/test_a.py",)),
    ):
        assert f"services/shop: {canary.PASSED}" in report.complaints, (report.complaints, report.output_tail)


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("def pytest_collection_modifyitems(items):\n    items[:] = [one for one in items if one.name == 'test_a']\n", canary.NOT_REPORTED),
        ("def pytest_runtest_logreport(report):\n    report.failed and {}['driver']\n", "pytest itself ended abnormally (exit code 3)."),
        ("import sys\nimport pathlib\nplanted = list(pathlib.Path(__file__).parent.glob('test_????????????.py'))\nplanted[0].write_text('import nothing_of_it')\n", canary.NOT_RUN),
    ],
)  # fmt: skip
async def test_hooks_that_do_not_stand_a_planted_test_are_a_doubt(tmp_path: Path, hook: str, said: str) -> None:
    files = {"conftest.py": hook, "test_a.py": "def test_a():\n    pass\n"}
    report = await run(PYTEST, tmp_path, files, "test_a.py")
    assert canary.doubts(report) and said in report.complaints, (report.complaints, report.output_tail)


async def test_where_the_base_does_not_stand_one_none_is_planted_and_that_is_told(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"test_a.py": "def test_a():\n    pass\n"})
    report = await run_tests(
        stack=PYTEST, tree=tree, environment=environment(tmp_path), sandbox=PlainSandbox(), selection=("test_a.py",),
        limits=Limits(), unplanted=canary.ON_THE_BASE,
    )  # fmt: skip
    assert (report.ok, canary.doubts(report), len(report.cases)) == (True, False, 1)
    assert canary.unplanted_in(report, [".", "sub"]) == (".",)
    below = replace(report, notes=tuple(f"sub: {note}" for note in report.notes))
    assert canary.unplanted_in(below, [".", "sub"]) == ("sub",)


def suite() -> TestReport:
    case = TestCaseResult(test_id="t.py::test_a", file="t.py", name="test_a", outcome=Outcome.PASSED)
    return TestReport(command=("pytest",), exit_code=0, cases=(case,))


@pytest.mark.parametrize(
    ("marks", "keywords", "form"),
    [
        ("", "", Form()),
        ("not slow", "not e2e", Form()),
        ("unit and (fast or slow)", "", Form(marks=("unit", "fast"))),
        ("not (slow or not unit)", "", Form(marks=("unit",))),
        ("device(serial='1')", "cart", Form(marks=("device(serial='1')",), words=("cart",))),
        ("unit", "unit", Form(marks=("unit",), words=("unit",))),
        ("not not unit or slow", "a or b and not c", Form(marks=("unit",), words=("a",))),
    ],
)
def test_the_fewest_marks_and_words_are_found_with_which_a_test_is_selected(
    marks: str, keywords: str, form: Form
) -> None:
    selection = Selection(marks=marks, keywords=keywords)
    assert next(one for one in forms_for(selection) if selects(selection, one, one.words)) == form


@pytest.mark.parametrize("marks", ["(slow", "slow slow", " or ".join(f"not a{n}" for n in range(20)), "a(b(c))"])
def test_what_cannot_be_read_is_told(marks: str) -> None:
    with pytest.raises(Unselectable, match=r"^-m "):
        list(forms_for(Selection(marks=marks)))


@pytest.mark.parametrize(
    "options", ["-m 'slow and not slow'", "-k a[1]", "-m slow -k 'not slow'", "-m 'print(open(1))'", "-k 'not test'"]
)
def test_contradictions_are_told_with_their_words(tmp_path: Path, options: str) -> None:
    tree = write_tree(tmp_path, {"pytest.ini": f"[pytest]\naddopts = {options}\n", "test_a.py": ""})
    planted, note = canary.plant(PYTEST, tree, ["test_a.py"], variables={})
    assert planted is None
    assert note.startswith("No planted test guards these results: ")
    assert options[:2] in note


@pytest.mark.parametrize(
    ("files", "start", "expected"),
    [
        ({"pyproject.toml": "[project]\nname = 'x'\n", "setup.cfg": "[tool:pytest]\naddopts = -k cart\n"}, ".", Selection(keywords="cart")),
        ({"pytest.ini": "", "setup.cfg": "[tool:pytest]\naddopts = -k cart\n"}, ".", Selection()),
        ({"pytest.toml": "[pytest]\naddopts = ['-m', 'a', '-mb']\n"}, ".", Selection(marks="b")),
        ({"pyproject.toml": "[tool.pytest]\npython_functions = ['it_']\n"}, ".", Selection(functions=("it_",))),
        ({"tox.ini": "[pytest]\naddopts =\n  -ra\n  # -k x\n  -p no:warnings -o python_functions=it\n"}, ".", Selection(functions=("it",))),
        ({"tests/pytest.ini": "[pytest]\naddopts=-k in\n", "pytest.ini": "[pytest]\naddopts=-k out\n"}, "tests/unit", Selection(keywords="in")),
        ({"setup.cfg": "[tool:pytest]\naddopts = --stepwise\n"}, ".", Selection(stops=True)),
    ],
)  # fmt: skip
def test_settings_are_read_where_pytest_reads_them(
    tmp_path: Path, files: dict[str, str], start: str, expected: Selection
) -> None:
    assert selection_of(write_tree(tmp_path, files), start, {}) == expected


def test_names_follow_prefixes_and_patterns() -> None:
    token = "0123456789ab"
    named = {
        "test": f"test_{token}_w",
        "it_": f"it_{token}_w",
        "*_holds": f"{token}_w_holds",
        "check_?*": f"check_x{token}_w",
    }
    for pattern, name in named.items():
        told = function_name(Selection(functions=(pattern,)), Form(words=("w",)), token)
        assert told == (name if name.isidentifier() else "")
