"""Stated commands: single tests where the output names them all, else the error that the command ended with."""

import shutil
from pathlib import Path

import pytest

from pipeline.ports import Language, Stack
from pipeline.proof.missing_symbols import missing_in
from pipeline.proof.red_green import RedRules, RedVerdict, confirm_red, judge_red
from pipeline.proof.results.command_output import last_error, named_tests
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_reports import SUITE, Outcome, TestReport
from tests.evidence.plain_sandbox import run

MAKE_C = {
    "calc.h": "int add(int a, int b);\n",
    "calc.c": '#include "calc.h"\nint add(int a, int b) { return a + b; }\n',
    "test_calc.c": (
        '#include <assert.h>\n#include "calc.h"\nint twice(int n);\n'
        "int main(void) { assert(add(1, 2) == 3); assert(twice(4) == 8); return 0; }\n"
    ),
    "Makefile": "test:\n\t@cc -o t calc.c test_calc.c && ./t\n",
}
TWICE = "int twice(int n) { return n * %d; }\n"


def stated(command: str, language: Language) -> Stack:
    return Stack(language=language, runner="command", test_command=command, manifests=())


async def red_of(tmp_path: Path, base: dict[str, str], head: dict[str, str], stack: Stack, test: str) -> RedVerdict:
    """Witness a test red on the base and confirm it on the head, as the pipeline does."""
    file = test.partition("::")[0]
    before, after = await run(stack, tmp_path, base, file), await run(stack, tmp_path, head, file)
    rules = RedRules(language=stack.language, own_modules=(), base=read_symbols(stack.language, without(base, file)))
    sources = {file: base[file]}
    provisional = judge_red(
        report=before, change_files=[file], scenarios={"S1": [test]}, rules=rules, sources=sources
    )  # fmt: skip
    assert provisional.ok, (provisional.feedback(), before)
    return confirm_red(
        provisional=provisional, head_report=after, head=read_symbols(stack.language, without(head, file)),
        scenarios={"S1": [test]}, sources=sources,
    )  # fmt: skip


def without(files: dict[str, str], test: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if path != test and path.endswith((".c", ".h", ".py", ".go"))}


@pytest.mark.skipif(shutil.which("cc") is None or shutil.which("make") is None, reason="no C compiler")
@pytest.mark.parametrize("before", ["", TWICE % 1], ids=["the function is missing", "the function is wrong"])
async def test_make_and_c_are_red_by_the_linker_or_the_assertion(tmp_path: Path, before: str) -> None:
    base = {**MAKE_C, "calc.c": MAKE_C["calc.c"] + before}
    head = {**MAKE_C, "calc.c": MAKE_C["calc.c"] + TWICE % 2}
    red = await red_of(tmp_path, base, head, stated("make test", Language.C), "test_calc.c::twice")
    assert red.ok, red.feedback()
    assert {test.file for test in red.tests} == {SUITE}


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
async def test_make_that_starts_pytest_is_red_by_what_pytest_says(tmp_path: Path) -> None:
    base = {
        "Makefile": "test: lint\n\t@./run-tests\n\nlint:\n\t@echo lint ok\n",
        "run-tests": "exec python -m pytest -q\n",
        "core.py": "def add(a, b):\n    return a + b\n",
        "test_double.py": "import core\n\ndef test_double():\n    assert core.double(4) == 8\n",
    }
    base["Makefile"] = base["Makefile"].replace("./run-tests", "sh ./run-tests")
    head = {**base, "core.py": base["core.py"] + "\n\ndef double(n):\n    return n * 2\n"}
    stack = stated("make test", Language.PYTHON)
    rules_red = await red_of_python(tmp_path, base, head, stack)
    assert rules_red.ok, rules_red.feedback()


async def red_of_python(tmp_path: Path, base: dict[str, str], head: dict[str, str], stack: Stack) -> RedVerdict:
    before, after = await run(stack, tmp_path, base), await run(stack, tmp_path, head)
    assert not before.per_test
    assert after.ok, after
    symbols = read_symbols(Language.PYTHON, {"core.py": base["core.py"]})
    rules = RedRules(language=Language.PYTHON, own_modules=["core"], base=symbols)
    told = {"S1": ["test_double.py::test_double"]}
    provisional = judge_red(report=before, change_files=["test_double.py"], scenarios=told, rules=rules, sources={})
    assert provisional.ok, (provisional.feedback(), before.output_tail)
    return confirm_red(
        provisional=provisional, head_report=after, head=read_symbols(Language.PYTHON, {"core.py": head["core.py"]}),
        scenarios=told, sources={},
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("prove") is None, reason="no prove")
async def test_prove_tells_single_tests_with_their_files(tmp_path: Path) -> None:
    tests = "use Test::More tests => 2;\nis(1 + 2, 3, 'adds');\nis(2 * 4, 9, 'doubles');\n"
    report = await run(stated("prove -v t", Language.C), tmp_path, {"t/calc.t": tests})
    assert report.outcomes() == {"t/calc.t::adds": Outcome.PASSED, "t/calc.t::doubles": Outcome.FAILED}
    assert report.per_test
    failed = report.bad[0].failure
    assert failed is not None
    assert "got: '8'" in failed.message


@pytest.mark.skipif(shutil.which("cc") is None or shutil.which("cmake") is None, reason="no CMake")
async def test_ctest_tells_single_tests(tmp_path: Path) -> None:
    files = {
        "CMakeLists.txt": (
            "cmake_minimum_required(VERSION 3.10)\nproject(x C)\nenable_testing()\n"
            "add_executable(good a.c)\nadd_executable(bad b.c)\nadd_test(NAME good COMMAND good)\nadd_test(NAME bad COMMAND bad)\n"
        ),
        "a.c": "int main(void) { return 0; }\n",
        "b.c": "#include <assert.h>\nint main(void) { assert(1 == 2); return 0; }\n",
    }
    command = (
        "cmake -S . -B build >/dev/null && cmake --build build >/dev/null && ctest --test-dir build --output-on-failure"
    )
    report = await run(stated(command, Language.C), tmp_path, files)
    assert report.outcomes() == {"good": Outcome.PASSED, "bad": Outcome.FAILED}
    failed = report.bad[0].failure
    assert failed is not None
    assert failed.exception == "AssertionError"


GO = """=== RUN   TestAdd
--- PASS: TestAdd (0.00s)
=== RUN   TestDouble
    core_test.go:9: double
--- FAIL: TestDouble (0.00s)
FAIL
"""
PYTEST = """tests/test_a.py::test_one PASSED                  [ 50%]
tests/test_a.py::test_two[x y] FAILED             [100%]
=================================== FAILURES ===================================
________________________________ test_two[x y] _________________________________
E   AttributeError: module 'core' has no attribute 'double'
=========================== short test summary info ============================
FAILED tests/test_a.py::test_two[x y] - AttributeError: module 'core' has no attribute 'double'
"""
UNITTEST = """test_add (shop.tests.AddTest.test_add) ... ok
test_two (shop.tests.AddTest)
Says more about it ... FAIL
test_late (shop.tests.AddTest.test_late) ... skipped 'later'
test_new (shop.tests.AddTest.test_new) ... ERROR
test_set_up (shop.tests.AddTest.test_set_up) ... ERROR

======================================================================
ERROR: test_new (shop.tests.AddTest.test_new)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/w/shop/tests.py", line 8, in test_new
    shop.double(4)
AttributeError: module 'shop' has no attribute 'double'

======================================================================
ERROR: test_set_up (shop.tests.AddTest.test_set_up)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/w/shop/tests.py", line 5, in setUp
    shop.connect()
OSError: no database

======================================================================
FAIL: test_two (shop.tests.AddTest.test_two)
----------------------------------------------------------------------
Traceback (most recent call last):
AssertionError: 7 != 8

----------------------------------------------------------------------
Ran 3 tests in 0.001s
"""


@pytest.mark.parametrize(
    ("output", "outcomes", "exceptions"),
    [
        (
            GO,
            {"core/core_test.go::TestAdd": Outcome.PASSED, "core/core_test.go::TestDouble": Outcome.FAILED},
            {"AssertionError"},
        ),
        (
            PYTEST,
            {"tests/test_a.py::test_one": Outcome.PASSED, "tests/test_a.py::test_two[x y]": Outcome.FAILED},
            {"AttributeError"},
        ),
        (
            UNITTEST,
            {
                "shop/tests.py::AddTest::test_add": Outcome.PASSED,
                "shop/tests.py::AddTest::test_two": Outcome.FAILED,
                "shop/tests.py::AddTest::test_late": Outcome.SKIPPED,
                "shop/tests.py::AddTest::test_new": Outcome.FAILED,
                "shop/tests.py::AddTest::test_set_up": Outcome.ERROR,
            },
            {"AssertionError", "AttributeError", "OSError"},
        ),
        ("--- FAIL: TestDouble (0.00s)\n    a_test.go:9: double\nFAIL\nok  \tx/y\t0.01s\n", {}, set()),
        ("FAILED tests/test_a.py::test_two - AssertionError\n1 failed, 3 passed\n", {}, set()),
        ("FAIL: test_two (shop.tests.AddTest)\n", {}, set()),
    ],
)
def test_a_form_counts_only_when_it_names_passed_tests_too(
    tmp_path: Path, output: str, outcomes: dict[str, Outcome], exceptions: set[str]
) -> None:
    for path, text in {
        "core/core_test.go": "func TestAdd(t *T) {}\nfunc TestDouble(t *T) {}\n",
        "shop/tests.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    cases = named_tests(output, tmp_path)
    assert {case.test_id: case.outcome for case in cases} == outcomes
    assert {case.failure.exception for case in cases if case.failure} == exceptions


@pytest.mark.parametrize(
    ("output", "exception", "message", "language", "name"),
    [
        ("E       AttributeError: module 'c' has no attribute 'double'\nmake: *** [Makefile:2: test] Error 1\n", "AttributeError", "module 'c'", Language.PYTHON, "double"),
        ("E       assert 0 == 8\n1 failed\n", "AssertionError", "assert 0 == 8", Language.PYTHON, None),
        ("/usr/bin/ld: /tmp/x.o: in function `main':\nt.c:(.text+0x2d): undefined reference to `twice'\ncollect2: error: ld returned 1 exit status\n", "LinkError", "undefined reference", Language.C, "twice"),
        ("t.c: In function ‘main’:\nt.c:3:5: error: implicit declaration of function ‘twice’\n", "CompileError", "t.c:3:5", Language.C, "twice"),
        ("t: t.c:5: main: Assertion `twice(4) == 8' failed.\nAborted\n", "AssertionError", "t.c:5", Language.C, None),
        ("src/a.test.ts(3,8): error TS2339: Property 'double' does not exist on type 'X'.\n", "CompileError", "src/a.test.ts(3,8)", Language.NODE, "double"),
        ("src/a.test.ts:3:8 - error TS2305: Module '\"./a\"' has no exported member 'double'.\n", "CompileError", "TS2305", Language.NODE, "double"),
        ("# x/core [x/core.test]\ncore/a_test.go:6:5: undefined: Double\nFAIL\tx/core [build failed]\n", "CompileError", "undefined: Double", Language.GO, "Double"),
        ("--- FAIL: TestDouble (0.00s)\n    a_test.go:9: double\nFAIL\n", "AssertionError", "a_test.go:9", Language.GO, None),
        ("error[E0425]: cannot find function `double` in crate `acme`\n --> tests/d.rs:3:22\n", "E0425", "double", Language.RUST, "double"),
        ("thread 't' panicked at tests/d.rs:3:5:\nassertion `left == right` failed\n  left: 1\n", "AssertionError", "assertion", Language.RUST, None),
        ("T.java:5: error: cannot find symbol\n    Calc.twice(4);\n        ^\n  symbol:   method twice(int)\n  location: class Calc\n1 error\n", "CompileError", "T.java:5", Language.JAVA, "twice"),
        ("1) double\n   TypeError: calc.double is not a function\n", "TypeError", "is not a function", Language.NODE, "double"),
        ("PASS: one\nFAIL: expected 8, got 4\nmake: *** [test] Error 1\n", "AssertionError", "expected 8", Language.C, None),
    ],
)  # fmt: skip
def test_the_last_error_is_read_in_the_words_of_the_tool(
    output: str, exception: str, message: str, language: Language, name: str | None
) -> None:
    told = last_error(output)
    assert told is not None
    assert told.exception == exception
    assert message in told.message
    missing = missing_in(told, language)
    assert (missing.name if missing else None) == name


@pytest.mark.parametrize(
    "output", ["", "all good\n", "make: *** [Makefile:2: test] Error 1\n", "0 errors, 0 warnings\n"]
)
def test_what_names_no_error_is_none(output: str) -> None:
    assert last_error(output) is None


def test_a_suite_that_tells_no_single_tests_is_marked_as_the_weaker_proof() -> None:
    report = TestReport(command=("make", "test"), exit_code=0, cases=(), per_test=False)
    assert report.summary() == "the command ended with exit code 0, single tests are not told"
