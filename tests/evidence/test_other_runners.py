"""Runners and shapes of tests beyond the plainest ones: what they print leads back to single tests of the repository's files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.ports import CommandResult, Language, Stack
from pipeline.proof.missing_symbols import Missing, MissingKind, exists, missing_in
from pipeline.proof.protected_tests import is_test_file
from pipeline.proof.red_green import RedCause, RedRules, RedVerdict, confirm_red, judge_red
from pipeline.proof.results.command_output import named_tests
from pipeline.proof.results.compiler_output import cargo_cases, go_cases
from pipeline.proof.results.javascript import jest_cases, node_cases
from pipeline.proof.results.test_results import read_results
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_commands import NEXTEST_CONFIGURATION, Places, ResultFormat, TestCommand, plan_command
from pipeline.proof.test_reports import SUITE, Failure, Outcome, TestCaseResult, TestReport
from pipeline.proof.test_sources import declared_tests
from tests.evidence.plain_sandbox import write_tree

TAPE = """TAP version 13
# adds
ok 1 should be strictly equal
# doubles
# a comment
ok 2 should be truthy
not ok 3 should be strictly equal
  ---
    operator: equal
    expected: 8
  ...
"""
TAP = """TAP version 13
# Subtest: test/add.js
    # Subtest: adds
        ok 1 - should be equal
        1..1
    ok 1 - adds # time=64.05ms

    # Subtest: doubles
        not ok 1 - m.double is not a function
          ---
          at:
            type: Test
          type: TypeError
          ...

        1..1
        # failed 1 test
    not ok 2 - doubles # time=60.125ms

    1..2
not ok 1 - test/add.js # time=547.252ms

# Subtest: test/lost.js
    1..0 # no tests found
not ok 2 - test/lost.js # time=1672.164ms
"""
GO_MODULE = {"go.mod": "module example.org/shop\n", "shop.go": "package shop\n"}
NEXTEST = """<testsuites><testsuite name="acme">
<testcase name="tests::adds" classname="acme-core" time="0.02"/>
<testcase name="doubles" classname="acme-core::double"><failure message="thread 'doubles' panicked at tests/double.rs:3:5">thread 'doubles' (7) panicked at tests/double.rs:3:5:
assertion `left == right` failed</failure></testcase>
<testcase name="starts" classname="acme-core::bin/tool"/></testsuite></testsuites>"""


def told(cases: list[TestCaseResult]) -> dict[str, Outcome]:
    return {case.test_id: case.outcome for case in cases}


def test_tape_heads_its_tests_and_a_crash_fails_the_one_under_way(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/double.js": "test('doubles', (t) => t.equal(1, 2));\ntest('adds', (t) => t.ok(1));\n"})
    cases = named_tests(TAPE + "\n1..3\n", tmp_path)
    assert [(case.name, case.file, case.outcome) for case in cases] == [
        ("adds", "test/double.js", Outcome.PASSED),
        ("doubles", "test/double.js", Outcome.PASSED),
        ("doubles", "test/double.js", Outcome.FAILED),
    ]
    crash = "TAP version 13\n# adds\nok 1 fine\n# doubles\nTypeError: m.double is not a function\n    at x.js:1:2\n"
    *_, last = named_tests(crash, tmp_path)
    assert last.failure is not None
    assert (last.name, last.outcome, last.failure.exception) == ("doubles", Outcome.FAILED, "TypeError")


def ended(output: str, code: int) -> CommandResult:
    return CommandResult(exit_code=code, output=output, duration_s=1, timed_out=False, truncated=False)


def test_a_file_that_ends_its_process_before_any_test_is_told_is_what_failed(tmp_path: Path) -> None:
    """`for file in test/*.js; do node $file; done`: the others have passed, and no test of it was told."""
    write_tree(tmp_path, {"test/add.js": "", "test/double.js": ""})
    crash = f"Error: Cannot find module '../double'\nRequire stack:\n- {tmp_path}/test/double.js\n    at x (node:internal:1)\n"
    output = f"TAP version 13\n# adds\nok 1 {tmp_path}/test/add.js\n1..1\n# ok\n{crash}"
    command = TestCommand(argv=("npm", "test"), results=ResultFormat.COMMAND)
    results = read_results(command, ended(output, 1), tmp_path)
    *_, last = results.cases
    assert (last.test_id, last.outcome, results.complaints) == ("test/double.js", Outcome.ERROR, [])
    assert last.failure is not None and last.failure.message == "Cannot find module '../double'"
    assert all(case.outcome is Outcome.PASSED for case in read_results(command, ended(output, 0), tmp_path).cases)
    silent = read_results(command, ended("TAP version 13\n# adds\nok 1 fine\n1..1\nError:   \n", 1), tmp_path)
    assert [case.name for case in silent.cases] == ["adds"], "an error without words names no file"


def test_mocha_tells_in_its_own_words_that_a_file_does_not_load(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/double.js": ""})
    output = (
        f"\n Exception during run: Error: Cannot find module '../double'\nRequire stack:\n- {tmp_path}/test/double.js\n"
    )
    command = TestCommand(
        argv=("mocha",), results=ResultFormat.MOCHA_JSON, result_file=tmp_path / "none.json", chosen=("test/double.js",)
    )
    (case,) = read_results(command, ended(output, 1), tmp_path).cases
    assert (case.test_id, case.outcome) == ("test/double.js", Outcome.ERROR)


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        ("./double.js", "src/double.ts", True), ("./double.mjs", "src/double.mts", True), ("./view.jsx", "src/view.tsx", True),
        ("./double.js", "src/single.ts", False), ("./double.mjs", "src/double.ts", False),
    ],
)  # fmt: skip
def test_a_module_of_typescript_is_imported_by_its_compiled_name(wanted: str, there: str, *, found: bool) -> None:
    symbols = read_symbols(Language.NODE, {there: "export function double() {}\n"})
    assert exists(Missing(kind=MissingKind.MODULE, name=wanted), symbols) is found


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("Failed to load url ../src/doubling (resolved id: ../src/doubling) in /t/test/d.spec.ts. Does the file exist?", "../src/doubling"),
        ("Failed to load url /src/doubling.ts (resolved id: /src/doubling.ts). Does the file exist?", "/src/doubling.ts"),
        ('Failed to resolve import "./doubling" from "test/d.test.tsx". Does the file exist?', "./doubling"),
        ('test/d.test.ts:1:23: ERROR: Could not resolve "../src/doubling"', "../src/doubling"),
        ('Could not resolve: "./doubling"', "./doubling"),
        ("Could not resolve './doubling' from test/d.test.js", "./doubling"),
        ("Module not found: Error: Can't resolve './doubling' in '/t/test'", "./doubling"),
        ('No matching export in "src/index.ts" for import "double"', "double"),
        ('"double" is not exported by "src/index.js", imported by "test/d.test.js".', "double"),
    ],
)  # fmt: skip
def test_bundlers_say_in_their_own_words_that_something_is_missing(words: str, missing: str) -> None:
    found = missing_in(Failure(exception="Error", message=words, tail=words), Language.NODE)
    assert found is not None and found.name == missing


@pytest.mark.parametrize("words", ["Failed to load url react (resolved id: react) in /t/d.ts.", 'Failed to resolve import "react" from "d.tsx".', "Can't resolve 'fs' in '/t'"])  # fmt: skip
def test_a_package_that_is_missing_is_nothing_of_the_repository(words: str) -> None:
    assert missing_in(Failure(exception="Error", message=words, tail=words), Language.NODE) is None


def test_tap_indents_the_tests_of_a_file_before_the_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/add.js": "", "test/lost.js": ""})
    cases = named_tests(f"Error: Cannot find module './nothing'\n{TAP}", tmp_path)
    assert told(cases) == {
        "test/add.js::adds": Outcome.PASSED,
        "test/add.js::doubles": Outcome.FAILED,
        "test/lost.js": Outcome.ERROR,
    }
    thrown, lost = cases[1].failure, cases[2].failure
    assert thrown is not None and lost is not None
    assert (thrown.exception, thrown.message) == ("TypeError", "m.double is not a function")
    assert "./nothing" in lost.message


def test_a_point_is_a_test_where_nothing_says_otherwise(tmp_path: Path) -> None:
    output = "1..2\nok 1 adds\n# (in test file a.bats)\nnot ok 2 doubles # TODO later\nok 3\n"
    output += "ok  \texample.org/shop\t0.013s\n\nRan 1 test in 0.001s\n\nOK\n"
    assert told(named_tests(output, tmp_path)) == {
        "tap::adds": Outcome.PASSED, "tap::doubles": Outcome.SKIPPED, "tap::test 3": Outcome.PASSED,
    }  # fmt: skip


def test_go_examples_and_fuzz_targets_are_tests_and_testmain_is_none(tmp_path: Path) -> None:
    source = (
        "package shop\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\nfunc Test1(t *testing.T) { check(t, 1) }\n"
        "func Testing() {}\nfunc ExampleDouble() {\n\tfmt.Println(4)\n\t// Output: 8\n}\nfunc ExampleQuiet() {}\n"
        "func FuzzDouble(f *testing.F) { f.Fuzz(func(t *testing.T, n int) { t.Fatal(n) }) }\n"
    )
    found = declared_tests("shop_test.go", source)
    assert [(test.name, test.asserts) for test in found] == [
        ("Test1", True), ("ExampleDouble", True), ("FuzzDouble", True),
    ]  # fmt: skip
    write_tree(tmp_path, {**GO_MODULE, "shop_test.go": source})
    places = Places(tree=tmp_path, tools=tmp_path, results=tmp_path)
    stack = Stack(language=Language.GO, runner="go_test", test_command="go test ./...", manifests=())
    assert "^(ExampleDouble|FuzzDouble|Test1)$" in plan_command(stack, places, ["shop_test.go"]).argv
    event = '{"Action":"%s","Package":"example.org/shop","Test":"ExampleDouble"%s}\n'
    printed = event % ("output", ',"Output":"--- FAIL: ExampleDouble (0.00s)\\ngot:\\n4\\nwant:\\n8\\n"')
    (case,) = go_cases(printed + event % ("fail", ""), tmp_path)
    assert case.failure is not None
    assert (case.test_id, case.failure.exception, case.failure.message) == (
        "shop_test.go::ExampleDouble", "AssertionError", "got '4', want '8'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.test.js", "test('x', (t) => { t.true(double(4) === 8); });\n"),
        ("a.test.js", "test('x', () => { assertEquals(double(4), 8); });\n"),
        ("a_test.go", "func TestX(t *testing.T) { want(t, Double(4), 8) }\n"),
        ("tests/a.rs", "#[test]\nfn x() { prop_assert_eq!(double(4), 8); }\n"),
        ("ATest.java", "class A { @Test void x() { mvc.perform(get).andExpect(ok); } }\n"),
    ],
)
def test_the_words_of_other_libraries_assert_too(path: str, source: str) -> None:
    assert [test.asserts for test in declared_tests(path, source)] == [True]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.test.js", "test('x', (t) => { double(4); t.end(); });\n"),
        ("a_test.go", "func TestX(t *testing.T) { Double(4); t.Log(1) }\n"),
        ("tests/a.rs", "#[test]\nfn x() { double(4); }\n"),
    ],
)
def test_being_called_is_still_no_assertion(path: str, source: str) -> None:
    assert [test.asserts for test in declared_tests(path, source)] == [False]


def test_built_tests_of_node_count_for_their_sources(tmp_path: Path) -> None:
    write_tree(tmp_path, {"src/a.test.ts": "", "test/b.test.ts": "", "dist/a.test.js": "", "test/b.test.js": ""})
    lines = "".join(
        f'{{"type":"test:pass","file":"{tmp_path}/{file}","name":"adds","nesting":0}}\n'
        for file in ("dist/a.test.js", "test/b.test.js", "build/cjs/test/b.test.js")
    )
    assert [case.file for case in node_cases(lines, tmp_path)] == ["src/a.test.ts", "test/b.test.ts", "test/b.test.ts"]


@pytest.mark.parametrize(
    ("message", "exception"),
    [
        ("expected undefined to be 8 // Object.is equality", "AssertionError"),
        ("Snapshot `doubles 1` mismatched", "AssertionError"),
        ("AssertionError: expected 4 to be 8", "AssertionError"),
        ("m.double is not a function", None),
        ("TypeError: m.double is not a function", "TypeError"),
    ],
)
def test_vitest_names_no_error_before_its_second_version(tmp_path: Path, message: str, exception: str | None) -> None:
    result = {"title": "doubles", "status": "failed", "failureMessages": [message]}
    suite = {"name": f"{tmp_path}/a.test.ts", "status": "failed", "assertionResults": [result]}
    (one,) = jest_cases(json.dumps({"testResults": [suite]}), tmp_path)
    assert one.failure is not None and one.failure.exception == exception


def test_rust_unit_tests_count_for_the_file_of_their_module(tmp_path: Path) -> None:
    write_tree(tmp_path, {"Cargo.toml": "", "src/lib.rs": "", "src/a.rs": "", "src/a/tests.rs": "", "src/b/mod.rs": ""})
    output = (
        "     Running unittests src/lib.rs (target/debug/deps/acme-1f)\n"
        "test a::tests::adds ... ok\ntest b::inner::tests::b ... ok\ntest tests::c ... ok\n"
    )
    cases = cargo_cases(output, tmp_path)
    assert [case.file for case in cases] == ["src/a/tests.rs", "src/b/mod.rs", "src/lib.rs"]
    assert cases[0].test_id == "src/lib.rs::acme::a::tests::adds"


def test_nextest_runs_with_the_repositorys_profile_where_it_is_installed(tmp_path: Path) -> None:
    crate = {
        "Cargo.toml": '[package]\nname = "acme-core"\n',
        "src/lib.rs": "",
        "src/main.rs": "",
        "tests/double.rs": "",
    }
    write_tree(tmp_path / "tree", {**crate, NEXTEST_CONFIGURATION: "[profile.default]\nretries = 2\n"})
    for name in ("tools", "results", "bin"):
        (tmp_path / name).mkdir()
    places = Places(tree=tmp_path / "tree", tools=tmp_path / "tools", results=tmp_path / "results")
    stack = Stack(language=Language.RUST, runner="cargo_test", test_command="cargo test", manifests=())
    with_it = Places(
        tree=places.tree, tools=places.tools, results=places.results, programs=(tmp_path / "bin",)
    )  # fmt: skip
    assert plan_command(stack, with_it, None).argv[:2] == ("cargo", "test")
    (tmp_path / "bin" / "cargo-nextest").touch()
    everything = plan_command(stack, with_it, None)
    assert "nextest" in everything.argv and "--doc" in everything.argv[2]
    chosen = plan_command(stack, with_it, ["tests/double.rs"])
    assert chosen.argv[-2:] == ("--test", "double") and "--doc" not in chosen.argv[2]
    assert chosen.result_file is not None and str(chosen.result_file) in (places.tools / "nextest.toml").read_text()
    chosen.result_file.write_text(NEXTEST)
    results = read_results(chosen, CommandResult(exit_code=100, output="error: test run failed"), places.tree)
    assert told(results.cases) == {
        "src/lib.rs::acme_core::tests::adds": Outcome.PASSED,
        "tests/double.rs::doubles": Outcome.FAILED,
        "src/main.rs::tool::starts": Outcome.PASSED,
    }
    failed = results.cases[1].failure
    assert failed is not None and failed.exception == "AssertionError"


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        ('<failure message="expected 8, got 4"/>', "AssertionError"),
        ('<failure type="RSpec::Expectations::ExpectationNotMetError" message="x"/>', "AssertionError"),
        ('<failure type="PHPUnit\\Framework\\ExpectationFailedException" message="x"/>', "AssertionError"),
        ('<failure type="NoMethodError" message="undefined method"/>', "NoMethodError"),
        ('<error type="Error" message="x"/>', "Error"),
    ],
)
def test_a_failure_of_a_stated_commands_report_is_an_assertion_and_an_error_is_none(
    tmp_path: Path, failure: str, counts: str
) -> None:
    target = tmp_path / "report.xml"
    target.write_text(f'<testsuite><testcase name="doubles" file="spec/a_spec.rb">{failure}</testcase></testsuite>')
    command = TestCommand(argv=("rspec",), results=ResultFormat.COMMAND, result_file=target)
    (case,) = read_results(command, CommandResult(exit_code=1, output=""), tmp_path).cases
    assert case.failure is not None and case.failure.exception == counts


def case(name: str, outcome: Outcome, *, file: str = "", exception: str | None = None) -> TestCaseResult:
    told = Failure(exception=exception, message="it says this", tail="") if outcome.bad else None
    test_id = SUITE if name == SUITE else f"{file or 'tap'}::{name}"
    return TestCaseResult(
        test_id=test_id, file=SUITE if name == SUITE else file, name=name, outcome=outcome, failure=told
    )


def witnessed(path: str, base: TestCaseResult, *head: TestCaseResult, test: str = "doubles") -> RedVerdict:
    rules = RedRules(language=Language.PYTHON, own_modules=(), base=read_symbols(Language.PYTHON, {}))
    scenarios = {"S1": [f"{path}::{test}"]}
    before = TestReport(command=("t",), exit_code=1, cases=(base,), per_test=base.name != SUITE)
    bad = any(one.outcome.bad for one in head)
    after = TestReport(command=("t",), exit_code=int(bad), cases=head, per_test=head[0].name != SUITE)
    red = judge_red(report=before, change_files=[path], scenarios=scenarios, rules=rules, sources={})
    return confirm_red(provisional=red, head_report=after, head=rules.base, scenarios=scenarios, sources={})


def test_a_command_that_names_no_error_is_red_by_its_exit_code() -> None:
    verdict = witnessed("tests/test_double.sh", case(SUITE, Outcome.FAILED), case(SUITE, Outcome.PASSED))
    assert verdict.ok and [one.cause for one in verdict.tests] == [RedCause.UNJUDGED]
    assert not witnessed("tests/test_double.sh", case(SUITE, Outcome.FAILED), case(SUITE, Outcome.FAILED)).ok
    rules = RedRules(language=Language.PYTHON, own_modules=(), base=read_symbols(Language.PYTHON, {}))
    before = TestReport(command=("t",), exit_code=1, cases=(case(SUITE, Outcome.FAILED),), per_test=False)
    anyway = judge_red(
        report=before, change_files=["tests/test_double.sh"], scenarios={"S1": ["tests/test_double.sh"]}, rules=rules,
        sources={}, failing_before=[SUITE],
    )  # fmt: skip
    assert not anyway.ok and "fails without the new tests too" in anyway.feedback()
    unlike = case(SUITE, Outcome.FAILED, exception="SyntaxError")
    assert not witnessed("tests/test_double.sh", unlike, case(SUITE, Outcome.PASSED)).ok


def test_a_test_in_a_language_without_a_grammar_is_red_because_it_fails() -> None:
    failing = case("doubles", Outcome.FAILED, file="spec/a_spec.rb", exception="NoMethodError")
    passing = case("doubles", Outcome.PASSED, file="spec/a_spec.rb")
    verdict = witnessed("spec/a_spec.rb", failing, passing)
    assert verdict.ok and verdict.tests[0].cause is RedCause.UNJUDGED
    known = case("doubles", Outcome.FAILED, file="tests/test_a.py", exception="ValueError")
    assert not witnessed("tests/test_a.py", known, replace(passing, file="tests/test_a.py")).ok


def test_a_suite_that_did_not_build_is_confirmed_by_the_tests_that_it_names_then() -> None:
    path, base = "tests/double_test.cpp", case(SUITE, Outcome.FAILED)
    others = case("adds", Outcome.FAILED)
    verdict = witnessed(path, base, case("doubles", Outcome.PASSED), others)
    assert verdict.ok and [one.name for one in verdict.tests] == ["doubles"]
    assert not witnessed(path, base, case("doubles", Outcome.FAILED)).ok
    # Tests that have other names than the scenario's leave the command as a whole.
    assert witnessed(path, base, case("all", Outcome.PASSED)).ok
    assert not witnessed(path, base, case("all", Outcome.PASSED), others).ok


@pytest.mark.parametrize(
    "path", ["t/double.t", "spec/a_spec.rb", "Acme.Tests/DoubleTests.cs", "test/double.bats", "lib/double_test.exs"]
)
def test_tests_of_other_languages_are_tests(path: str) -> None:
    assert is_test_file(path, ())
