"""Results of runners that are not on every machine, recorded from real runs (Go: from its documented event form)."""

from pathlib import Path

import pytest

from pipeline.ports import CommandResult, Language, Stack
from pipeline.proof.missing_symbols import Missing, MissingKind, exists, missing_in
from pipeline.proof.results.compiler_output import go_cases, java_compile_errors
from pipeline.proof.results.javascript import jest_cases
from pipeline.proof.results.junit_xml import read_junit
from pipeline.proof.results.test_results import read_results
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_commands import Places, ResultFormat, TestCommand, plan_command
from pipeline.proof.test_reports import Failure, Outcome
from pipeline.proof.untrusted_files import ReportUnreadable
from tests.evidence.plain_sandbox import write_tree

RECORDED = Path(__file__).parents[1] / "data" / "results"


def recorded(name: str, tree: Path) -> str:
    return (RECORDED / name).read_text().replace("TREE", str(tree))


def test_jest_results_name_files_titles_and_load_errors(tmp_path: Path) -> None:
    cases = {case.test_id: case for case in jest_cases(recorded("jest.json", tmp_path), tmp_path)}
    assert {test: case.outcome for test, case in cases.items()} == {
        "j/a.test.js::g::adds": Outcome.FAILED,
        "j/a.test.js::g::nf": Outcome.FAILED,
        "j/a.test.js::g::s": Outcome.SKIPPED,
        "j/a.test.js::g::ok": Outcome.PASSED,
        "j/b.test.js": Outcome.ERROR,
        "j/c.test.js": Outcome.ERROR,
    }
    told = {test: case.failure for test, case in cases.items() if case.failure}
    assert told["j/a.test.js::g::adds"].exception == "AssertionError"
    assert missing_in(told["j/a.test.js::g::nf"], Language.NODE) == Missing(
        kind=MissingKind.IDENTIFIER, owner="", name="nope"
    )
    assert missing_in(told["j/b.test.js"], Language.NODE) == Missing(
        kind=MissingKind.MODULE, owner="", name="./nothere"
    )
    assert told["j/c.test.js"].exception == "SyntaxError"
    assert missing_in(told["j/c.test.js"], Language.NODE) is None


def test_vitest_results_have_the_same_form(tmp_path: Path) -> None:
    cases = {case.test_id: case for case in jest_cases(recorded("vitest.json", tmp_path), tmp_path)}
    assert cases["v/a.test.js::g::ok"].outcome is Outcome.PASSED
    told = {test: case.failure for test, case in cases.items() if case.failure}
    assert told["v/a.test.js::g::adds"].exception == "AssertionError"
    assert missing_in(told["v/a.test.js::g::nf"], Language.NODE) == Missing(
        kind=MissingKind.IDENTIFIER, owner="", name="gone"
    )
    assert missing_in(told["v/b.test.js"], Language.NODE) == Missing(
        kind=MissingKind.MODULE, owner="", name="./nothere"
    )


def test_go_events_become_cases_of_their_files_and_build_errors_of_theirs(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "go.mod": "module example.org/shop\n",
            "cart_test.go": "package shop\nfunc TestTotal(t *testing.T) { t.Fatal() }\nfunc TestPrice(t *testing.T) {}\n",
            "tax/tax_test.go": "package tax\nfunc TestRate(t *testing.T) { t.Fatal(Rate) }\n",
        },
    )
    cases = {case.test_id: case for case in go_cases(recorded("go_events.jsonl", tmp_path), tmp_path)}
    assert {test: case.outcome for test, case in cases.items()} == {
        "cart_test.go::TestTotal": Outcome.FAILED,
        "cart_test.go::TestPrice": Outcome.PASSED,
        "tax/tax_test.go": Outcome.ERROR,
    }
    failed, broken = cases["cart_test.go::TestTotal"].failure, cases["tax/tax_test.go"].failure
    assert failed is not None
    assert broken is not None
    assert failed.exception == "AssertionError"
    missing = missing_in(broken, Language.GO)
    assert missing is not None
    assert not exists(missing, read_symbols(Language.GO, {"tax/tax.go": "package tax\nfunc Other() {}\n"}))
    assert exists(missing, read_symbols(Language.GO, {"tax/tax.go": "package tax\nfunc Rate() int { return 1 }\n"}))


def test_javac_errors_name_the_file_and_the_missing_symbols(tmp_path: Path) -> None:
    (case,) = java_compile_errors(recorded("maven_compile_error.txt", tmp_path), tmp_path)
    assert (case.test_id, case.outcome) == ("src/test/java/shop/NewTest.java", Outcome.ERROR)
    assert case.failure is not None
    missing = missing_in(case.failure, Language.JAVA)
    assert missing == Missing(kind=MissingKind.IDENTIFIER, owner="", name="total")
    head = {"src/main/java/shop/Cart.java": "package shop; public class Cart { public int total() { return 1; } }"}
    assert exists(missing, read_symbols(Language.JAVA, head))


def test_surefire_files_are_mapped_to_their_sources(tmp_path: Path) -> None:
    report = '<testsuite><testcase name="adds()" classname="shop.CartTest" time="0.1"/><testcase name="bad" classname="shop.CartTest$Inner"><failure message="expected:&lt;4&gt;" type="java.lang.AssertionError">t</failure></testcase></testsuite>'
    write_tree(
        tmp_path,
        {
            "src/test/java/shop/CartTest.java": "class CartTest {}",
            "target/surefire-reports/TEST-shop.CartTest.xml": report,
        },
    )
    command = TestCommand(
        argv=("mvn",), results=ResultFormat.JAVA_JUNIT, result_globs=("**/target/surefire-reports/TEST-*.xml",)
    )
    results = read_results(command, CommandResult(exit_code=1, output=""), tmp_path)
    assert [(case.test_id, case.outcome) for case in results.cases] == [
        ("src/test/java/shop/CartTest.java::adds", Outcome.PASSED),
        ("src/test/java/shop/CartTest.java::bad", Outcome.FAILED),
    ]
    assert results.cases[1].failure is not None
    assert results.cases[1].failure.exception == "AssertionError"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"<testsuite><testcase",
        b"\xff\xfe<\x00t\x00",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><testsuite/>',
        b'<?xml version="1.0" encoding="cp037"?><testsuite>\x80</testsuite>',
    ],
)
def test_hostile_or_broken_xml_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(ReportUnreadable, match="The result file"):
        read_junit(data)


@pytest.mark.parametrize(
    ("runner", "selection", "words"),
    [
        ("pytest", ["tests/test_a.py"], ["--maxfail=0", "tests/test_a.py", "--no-cov"]),
        ("jest", ["a.test.js"], ["jest", "--runTestsByPath", "a.test.js"]),
        ("vitest", ["a.test.js"], ["vitest", "run", "a.test.js"]),
        ("node_test", ["a.test.js"], ["node", "--import", "tsx", "a.test.js"]),
        ("go_test", ["tax/tax_test.go"], ["^(TestRate)$", "./tax"]),
        ("cargo_test", ["tests/add.rs"], ["--test", "add"]),
        ("maven", ["src/test/java/shop/CartTest.java"], ["-Dtest=CartTest", "-o"]),
        ("gradle", ["src/test/java/shop/CartTest.java"], ["--tests", "*CartTest"]),
    ],
)
def test_every_runner_can_be_narrowed_to_files(
    tmp_path: Path, runner: str, selection: list[str], words: list[str]
) -> None:
    write_tree(
        tmp_path,
        {
            "package.json": '{"scripts": {"test": "node --import tsx --test test/*.ts"}}',
            "setup.cfg": "[tool:pytest]\naddopts = --cov=shop\n",
            "tax/tax_test.go": "func TestRate(t *testing.T) {}\n",
            "environment/lib/python3.11/site-packages/pytest_cov/__init__.py": "",
        },
    )
    stack = Stack(language=Language.PYTHON, runner=runner, test_command="", manifests=())
    places = Places(tree=tmp_path, tools=tmp_path, results=tmp_path, programs=(tmp_path / "environment" / "bin",))
    command = plan_command(stack, places, selection)
    assert set(words) <= set(command.argv)
    assert command.narrowed


def test_a_missing_third_party_module_is_not_a_missing_symbol_in_any_language() -> None:
    for language, exception, message in (
        (Language.NODE, "Error", "Cannot find module 'left-pad'"),
        (Language.GO, "CompileError", "no required module provides package github.com/a/b"),
        (Language.RUST, "E0433", "failed to resolve: use of undeclared crate or module `serde`"),
    ):
        assert missing_in(Failure(exception=exception, message=message, tail=""), language) is None
