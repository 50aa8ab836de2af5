"""Real runs of small projects: what each runner's report says, and what is said when it lies."""

import shutil
from dataclasses import replace
from pathlib import Path

import iniconfig
import pytest

from pipeline.proof.test_reports import Outcome
from tests.evidence.plain_sandbox import CARGO, NODE, PYTEST, UNITTEST, run

SHOP = {"shop/__init__.py": "", "shop/cart.py": "def total(prices):\n    return sum(prices)\n"}


async def test_pytest_results_carry_node_ids_outcomes_and_reasons(tmp_path: Path) -> None:
    tests = """
import pytest
from shop.cart import total

class TestTotal:
    def test_sum(self):
        assert total([1, 2]) == 3

@pytest.mark.parametrize("n", [1, 2])
def test_wrong(n):
    assert total([n]) == 2

@pytest.fixture
def broken():
    raise RuntimeError("no database")

def test_fixture(broken):
    assert broken

def test_mocked(mocker):
    assert mocker

@pytest.mark.skip(reason="later")
def test_later():
    assert False
"""
    report = await run(
        PYTEST, tmp_path, {**SHOP, "tests/test_cart.py": tests, "tests/test_bad.py": "from shop.cart import nope\n"}
    )
    assert report.outcomes() == {
        "tests/test_bad.py": Outcome.ERROR,
        "tests/test_cart.py::TestTotal::test_sum": Outcome.PASSED,
        "tests/test_cart.py::test_fixture": Outcome.ERROR,
        "tests/test_cart.py::test_later": Outcome.SKIPPED,
        "tests/test_cart.py::test_mocked": Outcome.ERROR,
        "tests/test_cart.py::test_wrong[1]": Outcome.FAILED,
        "tests/test_cart.py::test_wrong[2]": Outcome.PASSED,
    }
    failures = {case.test_id: case.failure for case in report.cases if case.failure}
    wrong, bad = failures["tests/test_cart.py::test_wrong[1]"], failures["tests/test_bad.py"]
    assert failures["tests/test_cart.py::test_mocked"].message == "fixture 'mocker' not found"
    assert (wrong.exception, bad.exception) == ("AssertionError", "ImportError")
    assert "cannot import name 'nope' from 'shop.cart'" in bad.message
    assert report.complaints == ()
    assert not report.ok


async def test_a_repositorys_own_pytest_options_are_kept_but_cannot_hide_results(tmp_path: Path) -> None:
    configuration = '[tool.pytest.ini_options]\naddopts = "-x -q --tb=no -m \'not slow\'"\nmarkers = ["slow"]\n'
    tests = "import pytest\ndef test_a():\n    assert 0\n\ndef test_b():\n    assert 0\n\n@pytest.mark.slow\ndef test_c():\n    assert 0\n"
    report = await run(PYTEST, tmp_path, {"pyproject.toml": configuration, "test_x.py": tests})
    assert set(report.outcomes()) == {"test_x.py::test_a", "test_x.py::test_b"}


async def test_a_linter_that_runs_as_a_plugin_is_no_tampering_with_the_planted_test(tmp_path: Path) -> None:
    linter = (
        "import pytest\n\n\nclass Looked(pytest.Item):\n    def runtest(self):\n        pass\n\n\nclass File(pytest.File):\n"
        "    def collect(self):\n        yield Looked.from_parent(self, name='style')\n\n\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    return File.from_parent(parent, path=file_path) if file_path.suffix == '.py' else None\n"
    )
    files = {"conftest.py": linter, "tests/test_a.py": "def test_a():\n    assert True\n"}
    report = await run(PYTEST, tmp_path, files, "tests/test_a.py")
    assert report.complaints == ()
    assert report.count(Outcome.PASSED) == 2


async def test_modules_called_like_pythons_own_keep_nothing_from_starting(tmp_path: Path) -> None:
    files = {"types.py": "KINDS = 1\n", "random.py": "", "cart.py": "from types import KINDS\n", "conftest.py": ""}
    tests = "import cart_\n\n\ndef test_a():\n    assert cart_.ONE == 1\n"
    report = await run(PYTEST, tmp_path, {**files, "cart_.py": "ONE = 1\n", "tests/test_cart.py": tests})
    assert report.outcomes() == {"tests/test_cart.py::test_a": Outcome.PASSED}, report.output_tail
    assert report.ok


LIAR = """
import os, pathlib, sys

told = "tests/test_cart.py"
target = next(one.partition("=")[2] for one in sys.argv if one.startswith("--junitxml="))
case = f'<testcase classname="tests.test_cart" name="test_a" file="{told}" time="0.1"/>'
pathlib.Path(target).write_text(f'<testsuites><testsuite name="pytest" tests="1">{case}</testsuite></testsuites>')
os._exit(0)
"""


@pytest.mark.parametrize(
    "path", ["pytest.py", "src/pytest.py", "difflib.py", "xml/__init__.py", "_pytest.py", "anyio.py"]
)
async def test_a_module_of_the_tree_never_stands_in_for_the_runner(tmp_path: Path, path: str) -> None:
    tests = "def test_a():\n    assert 1 == 2\n"
    report = await run(PYTEST, tmp_path, {path: LIAR, "tests/test_cart.py": tests}, variables={"PYTHONPATH": "src"})
    assert report.outcomes() == {"tests/test_cart.py::test_a": Outcome.FAILED}, report.output_tail


async def test_the_runners_own_repository_is_tested_and_not_the_installed_one(tmp_path: Path) -> None:
    place = Path(iniconfig.__file__).parent
    own = {f"src/iniconfig/{one.name}": one.read_text() for one in place.glob("*.py")}
    own["src/iniconfig/__init__.py"] += "\nOURS = 1\n"
    files = {**own, "tests/test_own.py": "from iniconfig import OURS\n\n\ndef test_a():\n    assert OURS\n"}
    report = await run(PYTEST, tmp_path, files, variables={"PYTHONPATH": "src"})
    assert report.outcomes() == {"tests/test_own.py::test_a": Outcome.PASSED}, report.output_tail


async def test_unittest_files_that_start_themselves_run_once_and_end_nothing(tmp_path: Path) -> None:
    tests = "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertTrue(1)\n\n\nunittest.main()\n"
    stack = replace(UNITTEST, test_patterns=("test*.py", "tests/*.py"))
    files = {
        "test_a.py": tests,
        "test_b.py": "raise SystemExit(0)\n",
        "tests/CoreTest.py": tests,
        "tests/help.py": "1 / 0",
    }
    report = await run(stack, tmp_path, files)
    assert report.outcomes() == {
        "test_a.py::A::test_a": Outcome.PASSED, "test_b.py": Outcome.ERROR, "tests/CoreTest.py::A::test_a": Outcome.PASSED,
    }  # fmt: skip
    assert [case.failure.message for case in report.bad if case.failure] == ["SystemExit: 0"]


async def test_functions_that_unittest_passes_over_are_told_even_where_their_file_does_not_load(tmp_path: Path) -> None:
    files = {"test_a.py": "from nowhere import a\n\n\ndef test_a():\n    assert a\n"}
    report = await run(UNITTEST, tmp_path, files, "test_a.py")
    assert any("methods of TestCase classes alone" in one for one in report.complaints), report.complaints


async def test_unittest_files_run_without_any_dependency(tmp_path: Path) -> None:
    tests = """
import unittest
from shop.cart import total

class TotalTest(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(total([1, 2]), 3)

    def test_wrong(self):
        for n in (1, 2):
            with self.subTest(n=n):
                self.assertEqual(total([n]), 2)

    def test_missing(self):
        import shop.cart
        self.assertEqual(shop.cart.average([1]), 1)

    @unittest.expectedFailure
    def test_known(self):
        self.assertEqual(1, 2)

class Broken(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("no database")

    def test_fixture(self):
        self.assertTrue(True)
"""
    report = await run(
        UNITTEST, tmp_path, {**SHOP, "tests/test_cart.py": tests, "tests/test_new.py": "import shop.tax\n"}
    )
    assert report.outcomes() == {
        "tests/test_cart.py::Broken::test_fixture": Outcome.ERROR,
        "tests/test_cart.py::TotalTest::test_known": Outcome.SKIPPED,
        "tests/test_cart.py::TotalTest::test_missing": Outcome.FAILED,
        "tests/test_cart.py::TotalTest::test_sum": Outcome.PASSED,
        "tests/test_cart.py::TotalTest::test_wrong": Outcome.FAILED,
        "tests/test_new.py": Outcome.ERROR,
    }
    failures = {case.test_id: case.failure for case in report.cases if case.failure}
    assert failures["tests/test_new.py"].message == "ModuleNotFoundError: No module named 'shop.tax'"
    assert failures["tests/test_cart.py::TotalTest::test_missing"].exception == "AttributeError"
    assert report.complaints == ()


async def test_nodes_own_runner_names_files_and_load_errors(tmp_path: Path) -> None:
    files = {
        "package.json": '{"scripts": {"test": "node --no-warnings --test"}}',
        "lib.js": "exports.add = (a, b) => a + b;\n",
        "a.test.js": """
const {describe, it, test} = require('node:test'); const assert = require('node:assert'); const lib = require('./lib');
test('adds', () => assert.equal(lib.add(1, 2), 4));
describe('group', () => {
  it('inner', () => { assert.ok(lib.add); });
  it.skip('later', () => {});
  it('missing', () => { assert.equal(lib.sub(3, 1), 2); });
});
""",
        "b.test.js": "const lib = require('./tax'); require('node:test')('q', () => lib.x());\n",
        "c.test.mjs": "import {gone} from './d.mjs'; import test from 'node:test'; test('q', () => gone());\n",
        "d.mjs": "export const here = 1;\n",
    }
    report = await run(NODE, tmp_path, files)
    assert report.outcomes() == {
        "a.test.js::adds": Outcome.FAILED,
        "a.test.js::group::inner": Outcome.PASSED,
        "a.test.js::group::later": Outcome.SKIPPED,
        "a.test.js::group::missing": Outcome.FAILED,
        "b.test.js": Outcome.ERROR,
        "c.test.mjs": Outcome.ERROR,
    }
    failures = {case.test_id: case.failure for case in report.cases if case.failure}
    assert failures["a.test.js::adds"].exception == "AssertionError"
    assert failures["a.test.js::group::missing"].message == "lib.sub is not a function"
    assert failures["b.test.js"].message == "Cannot find module './tax'"
    assert "does not provide an export named 'gone'" in failures["c.test.mjs"].message
    assert report.complaints == ()
    narrow = await run(NODE, tmp_path, files, "a.test.js")
    assert all(case.file == "a.test.js" for case in narrow.cases)


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no Rust toolchain on this machine")
async def test_cargos_text_is_read_per_test_and_per_compile_error(tmp_path: Path) -> None:
    cargo = Path(shutil.which("cargo") or "")
    rustup = {"RUSTUP_HOME": str(cargo.parents[2] / ".rustup")} if cargo.parents[1].name == ".cargo" else {}
    files = {
        "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 { a + b }\n#[cfg(test)]\nmod tests { #[test] fn inner() { assert_eq!(super::add(1, 1), 3); } }\n",
        "tests/add.rs": "#[test]\nfn adds() { assert_eq!(shop::add(1, 1), 2); }\n#[test]\n#[ignore]\nfn later() { assert!(false); }\n",
    }
    report = await run(CARGO, tmp_path, files, path=(cargo.parent,), variables=rustup)
    assert report.outcomes() == {
        "src/lib.rs::shop::tests::inner": Outcome.FAILED,
        "tests/add.rs::adds": Outcome.PASSED,
        "tests/add.rs::later": Outcome.SKIPPED,
    }, report.output_tail
    assert report.bad[0].failure is not None
    assert report.bad[0].failure.exception == "AssertionError"
    files["tests/sub.rs"] = "use shop::sub;\n#[test]\nfn subs() { assert_eq!(sub(2, 1), 1); }\n"
    broken = await run(CARGO, tmp_path, files, "tests/sub.rs", path=(cargo.parent,), variables=rustup)
    assert broken.outcomes() == {"tests/sub.rs": Outcome.ERROR}
    assert broken.bad[0].failure is not None
    assert broken.bad[0].failure.exception == "E0432"


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        ("exits early", "def test_a():\n    import os\n    os._exit(0)\n"),
        ("exits at import", "import os\nos._exit(0)\ndef test_a():\n    assert False\n"),
        ("hides a test", "def test_a():\n    assert True\ndef test_b():\n    assert 0\ndel test_b\n"),
        ("reports nothing", "def helper():\n    assert 0\n"),
        ("kills itself", "def test_a():\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"),
    ],
)
@pytest.mark.parametrize("stack", [PYTEST, UNITTEST], ids=lambda stack: stack.runner)
async def test_a_process_that_reports_less_than_its_files_hold_is_never_ok(
    tmp_path: Path, name: str, tests: str, stack: object
) -> None:
    chosen = PYTEST if stack is PYTEST else UNITTEST
    if chosen is UNITTEST:
        indented = "".join(f"    {line}\n" for line in tests.replace("():", "(self):").splitlines())
        tests = f"import unittest\nclass T(unittest.TestCase):\n{indented}"
    report = await run(chosen, tmp_path, {"test_x.py": tests}, "test_x.py")
    assert not report.ok
    assert report.complaints


async def test_a_node_file_that_exits_before_its_tests_is_not_ok(tmp_path: Path) -> None:
    files = {"a.test.js": "require('node:test')('a', () => { process.exit(0); });\n"}
    report = await run(NODE, tmp_path, files, "a.test.js")
    assert not report.ok


async def test_an_endless_test_ends_at_the_limit(tmp_path: Path) -> None:
    report = await run(PYTEST, tmp_path, {"test_x.py": "def test_a():\n    while True: pass\n"}, timeout_s=2)
    assert report.timed_out
    assert "The test run did not end in time." in report.complaints


async def test_a_result_file_that_is_a_link_or_a_bomb_is_refused(tmp_path: Path) -> None:
    forge = """
import atexit, os, sys
target = next(word.partition("=")[2] for word in sys.argv if word.startswith("--junitxml"))
def forge():
    os.path.exists(target) and os.unlink(target)
    {how}
def test_a():
    atexit.register(forge)
    assert True
"""
    secret = tmp_path / "secret.xml"
    secret.write_text('<testsuites><testcase name="test_a" file="test_x.py" classname="test_x"/></testsuites>')
    for how in (
        f"os.symlink({str(secret)!r}, target)",
        "os.mkfifo(target)",
        "open(target, 'w').write('<!DOCTYPE x [<!ENTITY a \"b\">]><testsuites><testcase name=\"&a;\"/></testsuites>')",
    ):
        report = await run(PYTEST, tmp_path, {"test_x.py": forge.replace("{how}", how)}, "test_x.py")
        assert not report.ok
        assert report.complaints[0].startswith("No usable result:")


async def test_results_that_came_with_the_tree_are_not_this_runs(tmp_path: Path) -> None:
    stack = PYTEST.__class__(
        language=PYTEST.language, runner="command", test_command="true --junitxml=out.xml", manifests=()
    )
    report = await run(stack, tmp_path, {"out.xml": '<testsuites><testcase name="a" file="a.py"/></testsuites>'})
    assert not report.ok


async def test_a_command_without_results_is_one_synthetic_case(tmp_path: Path) -> None:
    stack = PYTEST.__class__(language=PYTEST.language, runner="command", test_command="exit 3", manifests=())
    report = await run(stack, tmp_path, {"a": ""})
    assert (report.per_test, report.exit_code, report.outcomes()) == (False, 3, {"suite": Outcome.FAILED})
    tap = stack.__class__(
        language=PYTEST.language,
        runner="command",
        test_command="printf '1..2\\nok 1 - a\\nnot ok 2 - b\\n'; exit 1",
        manifests=(),
    )
    report = await run(tap, tmp_path, {"a": ""})
    assert (report.per_test, report.outcomes()) == (True, {"tap::a": Outcome.PASSED, "tap::b": Outcome.FAILED})
