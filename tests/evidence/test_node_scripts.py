"""How a package's own test script is read, and the results of the runners that it starts."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.ports import CommandResult, Language, Stack
from pipeline.proof.node_scripts import NodeSuite, suite_of
from pipeline.proof.results.test_results import read_results
from pipeline.proof.test_commands import Places, ResultFormat, TestCommand, plan_command
from pipeline.proof.test_reports import Outcome, TestCaseResult
from tests.evidence.plain_sandbox import write_tree


def suite(test: str, **others: str) -> NodeSuite | None:
    return suite_of(json.dumps({"scripts": {"test": test, **others}}))


@pytest.mark.parametrize(
    ("script", "others", "runner", "program", "kept", "before"),
    [
        ("node --test", {}, "node_test", ("node",), (), ()),
        ("node --import tsx --test test/*.ts", {}, "node_test", ("node",), ("--import", "tsx", "test/*.ts"), ()),
        ("tsx --test", {}, "node_test", ("tsx",), (), ()),
        ("vitest", {}, "vitest", ("vitest",), (), ()),
        ("vitest run --coverage --config x.ts", {}, "vitest", ("vitest",), ("--config", "x.ts"), ()),
        ("NODE_ENV=test jest --ci --coverage", {}, "jest", ("jest",), (), ()),
        (
            "node --experimental-vm-modules node_modules/jest/bin/jest.js -c j.json",
            {},
            "jest",
            ("node", "--experimental-vm-modules", "node_modules/jest/bin/jest.js"),
            ("-c", "j.json"),
            (),
        ),
        ("c8 --reporter=lcov mocha --timeout 5000", {}, "mocha", ("mocha",), ("--timeout", "5000"), ()),
        ("xo && ava", {}, "ava", ("ava",), (), ()),
        ("bun test", {}, "bun_test", ("bun", "test"), (), ()),
        (
            "npm run lint && npm run unit -- --bail",
            {"lint": "eslint .", "unit": "mocha -R dot spec"},
            "mocha",
            ("mocha",),
            ("spec",),
            (),
        ),
        ("mocha dist/test", {"pretest": "npm run build", "build": "tsc -p ."}, "mocha", ("mocha",), ("dist/test",), ("tsc -p .",)),
        ("run-s build test:*", {"build": "tsc", "test:lint": "xo", "test:unit": "ava"}, "ava", ("ava",), (), ("tsc",)),
    ],
)  # fmt: skip
def test_the_runner_is_found_behind_wrappers_builds_and_linters(
    script: str, others: dict[str, str], runner: str, program: tuple[str, ...], kept: tuple[str, ...], before: tuple[str, ...]
) -> None:  # fmt: skip
    found = suite(script, **others)
    assert found is not None
    assert (found.runner, found.program, (*found.flags, *found.files), found.before) == (runner, program, kept, before)


@pytest.mark.parametrize(
    "script",
    [
        "jest | tee log", "mocha; ava", "mocha && ava", "if true; then jest; fi", "jest $ARGS", "node test.js",
        "npm run missing", "npm test", "npm run test --workspaces", 'mocha "unclosed', "", "&&", "jest &",
    ],
)  # fmt: skip
def test_what_is_no_plain_sequence_with_one_runner_runs_as_it_stands(script: str) -> None:
    assert suite(script) is None


def planned(tree: Path, runner: str, package: str, chosen: list[str] | None) -> TestCommand:
    write_tree(tree, {"package.json": package})
    stack = Stack(language=Language.NODE, runner=runner, test_command="npm test", manifests=())
    return plan_command(stack, Places(tree=tree, tools=tree, results=tree), chosen)


def test_a_build_comes_first_and_built_tests_are_not_chosen_by_source(tmp_path: Path) -> None:
    package = json.dumps({"scripts": {"pretest": "tsc", "test": "mocha dist/test"}})
    command = planned(tmp_path, "mocha", package, ["test/a.test.ts"])
    assert command.argv[:4] == ("sh", "-c", 'tsc && exec "$@"', "sh")
    assert command.argv[-1] == "dist/test"
    assert not command.narrowed
    assert planned(tmp_path, "mocha", package, ["test/a.js"]).narrowed


def test_what_follows_the_tests_follows_the_whole_suite_only_and_can_only_add_a_failure(tmp_path: Path) -> None:
    package = json.dumps({"scripts": {
        "test": "node ./node_modules/vitest/dist/cli-wrapper.js --run && vitest --typecheck.only && npm run built",
        "built": "test -e built && vitest run --config built.ts",
    }})  # fmt: skip
    assert "vitest" in planned(tmp_path, "vitest", package, ["a.test.ts"]).argv[1]
    whole = planned(tmp_path, "vitest", package, None)
    shell = whole.argv[2].replace("vitest run --config built.ts", "true")
    assert "typecheck" not in shell
    for built in (False, True):
        if built:
            (tmp_path / "built").touch()
        for code in (0, 7):
            ran = subprocess.run(["sh", "-c", shell, "sh", "sh", "-c", f"exit {code}"], cwd=tmp_path, check=False)
            assert ran.returncode == (code or int(not built))


def test_node_knows_no_patterns_so_they_are_expanded(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/a.test.ts": "", "test/deep/b.test.ts": ""})
    package = json.dumps({"scripts": {"test": "tsx --test 'test/**/*.test.ts'"}})
    command = planned(tmp_path, "node_test", package, None)
    assert command.argv[-2:] == ("test/a.test.ts", "test/deep/b.test.ts")


def cases_of(
    tree: Path, results: ResultFormat, *, file: str | None = None, output: str = ""
) -> dict[str, TestCaseResult]:
    written = tree / "written"
    if file is not None:
        written.write_text(file.replace("TREE", str(tree)))
    command = TestCommand(argv=("x",), results=results, result_file=written if file is not None else None)
    found = read_results(command, CommandResult(exit_code=1, output=output, duration_s=1.0), tree)
    assert not found.complaints
    return {case.test_id: case for case in found.cases}


def told(case: TestCaseResult) -> tuple[Outcome, str | None]:
    return case.outcome, case.failure.exception if case.failure else None


def test_mocha_tells_files_titles_hooks_and_built_sources(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/a.ts": ""})
    ok = {"title": "adds", "fullTitle": "add adds", "file": "TREE/dist/test/a.js", "duration": 2, "err": {}}
    wrong = {
        **ok,
        "title": "wrong",
        "fullTitle": "add wrong",
        "err": {"message": "expected 3 to equal 4", "name": "AssertionError"},
    }
    compared = {
        **ok,
        "title": "should",
        "fullTitle": "add should",
        "err": {"message": "3 4", "name": "Error", "expected": 4, "actual": 3},
    }
    missing = {
        **ok,
        "title": "gone",
        "fullTitle": "add gone",
        "err": {"message": "all.double is not a function", "stack": "TypeError: all.double is not a function\n at x"},
    }
    later = {**ok, "title": "later", "fullTitle": "add later"}
    hook = {
        **ok,
        "title": '"before all" hook for "x"',
        "fullTitle": 'add "before all" hook for "x"',
        "err": {"message": "no db", "stack": "Error: no db"},
    }
    report = {"tests": [ok, wrong, compared, missing, later], "pending": [later], "failures": [wrong, hook]}
    cases = cases_of(tmp_path, ResultFormat.MOCHA_JSON, file=json.dumps(report))
    assert {test: told(case) for test, case in cases.items()} == {
        "test/a.ts::add::adds": (Outcome.PASSED, None),
        "test/a.ts::add::wrong": (Outcome.FAILED, "AssertionError"),
        "test/a.ts::add::should": (Outcome.FAILED, "AssertionError"),
        "test/a.ts::add::gone": (Outcome.FAILED, "TypeError"),
        "test/a.ts::add::later": (Outcome.SKIPPED, None),
        'test/a.ts::add::"before all" hook for "x"': (Outcome.ERROR, "Error"),
    }  # fmt: skip


AVA = """TAP version 13
ok 1 - a › later # SKIP
not ok 2 - file:///TREE/test/b.test.js:1
  ---
    name: SyntaxError
    message: The requested module '../index.js' does not provide an export named 'nope'
  ...
not ok 3 - test/b.test.js exited with a non-zero exit code: 1
ok 4 - a › adds › twice
not ok 5 - a › wrong
  ---
    name: AssertionError
    assertion: t.is()
    message: ''
  ...
not ok 6 - a › missing
  ---
    name: AssertionError
    details:
      'Error thrown in test:': |-
        TypeError {
          message: 'all.double is not a function',
        }
    message: Error thrown in test
  ...
1..4
"""


def test_avas_tap_leads_back_to_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"test/a.test.js": "", "test/b.test.js": "", "index.js": ""})
    cases = cases_of(tmp_path, ResultFormat.AVA_TAP, output=AVA)
    assert {test: told(case) for test, case in cases.items()} == {
        "test/a.test.js::later": (Outcome.SKIPPED, None),
        "test/b.test.js": (Outcome.ERROR, "SyntaxError"),
        "test/a.test.js::adds › twice": (Outcome.PASSED, None),
        "test/a.test.js::wrong": (Outcome.FAILED, "AssertionError"),
        "test/a.test.js::missing": (Outcome.FAILED, "TypeError"),
    }


def test_a_test_of_ava_has_one_name_however_many_files_ran(tmp_path: Path) -> None:
    loading = "import test from 'ava';\n"
    write_tree(tmp_path, {"lib/add.spec.js": loading, "test/helpers.js": "", "lib/add.js": ""})
    alone = cases_of(tmp_path, ResultFormat.AVA_TAP, output="TAP version 13\nok 1 - adds\n1..1\n")
    write_tree(tmp_path, {"lib/double.spec.js": loading})
    beside = "TAP version 13\nok 1 - add › adds\nok 2 - double › doubles\n1..2\n"
    assert list(alone) == ["lib/add.spec.js::adds"]
    assert set(cases_of(tmp_path, ResultFormat.AVA_TAP, output=beside)) == {*alone, "lib/double.spec.js::doubles"}


def test_buns_junit_names_files_and_blocks(tmp_path: Path) -> None:
    report = (
        '<testsuites><testsuite><testcase name="adds" classname="d" file="test/a.test.ts"/>'
        '<testcase name="wrong" classname="" file="test/a.test.ts"><failure type="AssertionError"/></testcase>'
        "</testsuite></testsuites>"
    )
    cases = cases_of(tmp_path, ResultFormat.BUN_JUNIT, file=report)
    assert {test: told(case) for test, case in cases.items()} == {
        "test/a.test.ts::d::adds": (Outcome.PASSED, None),
        "test/a.test.ts::wrong": (Outcome.FAILED, "AssertionError"),
    }
