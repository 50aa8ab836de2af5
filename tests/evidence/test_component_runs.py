"""Test runs of components: in their folders, told with the repository's paths, and joined into one report."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.limits import Limits
from pipeline.ports import CommandResult, Isolation, Language, SandboxCommand, Stack
from pipeline.proof.red_green import HeadSymbols, RedRules, confirm_red, judge_red
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_reports import SUITE, Failure, Outcome, TestCaseResult, TestReport
from pipeline.proof.test_runs import run_tests
from pipeline.stage.component_reports import both, joined, root_of, within
from tests.evidence.plain_sandbox import PYTEST, UNITTEST, PlainSandbox, environment, write_tree

FILES = {
    "api/calc.py": "def add(a, b):\n    return a + b\n",
    "api/tests/test_calc.py": "import unittest\nimport calc\n\n\nclass TestCalc(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(calc.add(1, 2), 3)\n",
    "api/plugin/pyproject.toml": "",
    "api/plugin/tests/test_broken.py": "import nothing_of_this_name\n",
}  # fmt: skip
API = replace(PYTEST, root="api", test_patterns=("api/**/test_*.py",), leaves_out=("api/plugin",))


async def suite(tmp_path: Path, stack: Stack, *selection: str) -> TestReport:
    tree = write_tree(tmp_path / "tree", FILES)
    given = environment(tmp_path, variables={"PYTHONPATH": "."})
    return await run_tests(
        stack=stack, tree=tree, environment=given, sandbox=PlainSandbox(), selection=selection or None, limits=Limits(),
    )  # fmt: skip


@pytest.mark.parametrize("runner", [PYTEST.runner, UNITTEST.runner])
async def test_a_component_runs_in_its_folder_without_those_inside_it(tmp_path: Path, runner: str) -> None:
    report = await suite(tmp_path, replace(API, runner=runner))
    assert report.ok, report
    assert [case.test_id for case in report.cases] == ["api/tests/test_calc.py::TestCalc::test_add"]
    assert [case.file for case in report.cases] == ["api/tests/test_calc.py"]


async def test_chosen_files_are_told_as_the_repository_names_them(tmp_path: Path) -> None:
    report = await suite(tmp_path, API, "api/tests/test_calc.py", "api/tests/test_none.py")
    assert report.selection == ("api/tests/test_calc.py", "api/tests/test_none.py")
    assert "api: No test of tests/test_none.py was reported." in report.complaints


class Replacing:
    """A sandbox whose command puts a link in the place of the component's folder."""

    def __init__(self, act: Callable[[Path], None]) -> None:
        self._act = act
        self.ran = 0

    async def run(self, command: SandboxCommand) -> CommandResult:
        self.ran += 1
        self._act(command.cwd)
        return CommandResult(exit_code=0, output="")

    def isolation(self) -> Isolation:
        return Isolation(name="none", detail="a test's own")


async def test_a_link_in_the_place_of_a_components_folder_is_never_looked_through(tmp_path: Path) -> None:
    secret = write_tree(
        tmp_path / "elsewhere", {"target/surefire-reports/TEST-a.xml": "<testsuite/>", "tests/test_calc.py": "x"}
    )
    maven = Stack(language=Language.JAVA, runner="maven", test_command="mvn test", manifests=(), root="api")

    def swap(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.symlink_to(secret)

    tree = write_tree(tmp_path / "tree", FILES)
    given, sandbox = environment(tmp_path), Replacing(swap)
    for ran in (1, 1):  # the second time, the link is there from the beginning
        report = await run_tests(
            stack=maven, tree=tree, environment=given, sandbox=sandbox, selection=None, limits=Limits()
        )
        assert (report.cases, report.ok, sandbox.ran) == ((), False, ran)
        assert report.complaints == ("api is no folder of the repository, so the tests in it cannot be run.",)
    assert (secret / "target" / "surefire-reports" / "TEST-a.xml").exists()


@pytest.mark.parametrize("root", ["../elsewhere", "/etc", "api/../../elsewhere", "missing"])
async def test_a_root_outside_of_the_tree_runs_nothing(tmp_path: Path, root: str) -> None:
    sandbox = Replacing(lambda _: None)
    tree = write_tree(tmp_path / "tree", FILES)
    report = await run_tests(
        stack=replace(API, root=root), tree=tree, environment=environment(tmp_path), sandbox=sandbox, selection=None,
        limits=Limits(),
    )  # fmt: skip
    assert (report.ok, sandbox.ran) == (False, 0)


def case(
    test_id: str, outcome: Outcome = Outcome.PASSED, *, told: str = "", exception: str | None = None
) -> TestCaseResult:
    file, _, name = test_id.partition("::")
    failure = Failure(exception=exception, message=told, tail="") if outcome.bad else None
    return TestCaseResult(test_id=test_id, file=file, name=name or file, outcome=outcome, failure=failure)


def report(*cases: TestCaseResult, exit_code: int = 0, per_test: bool = True, tail: str = "") -> TestReport:
    return TestReport(command=("run",), exit_code=exit_code, cases=cases, per_test=per_test, output_tail=tail)


TOP = replace(PYTEST, root=".")
WEB = Stack(language=Language.NODE, runner="npm_script", test_command="npm test", manifests=(), root="web")
STACKS = (TOP, API, WEB)


def test_reports_are_joined_without_clashes_and_each_test_counts_once() -> None:
    failing = case("web/suite", Outcome.FAILED, told="boom")
    together = joined(
        {
            ".": report(case("tests/test_a.py::test_x"), case("api/tests/test_a.py::test_x", Outcome.ERROR)),
            "api": report(case("api/tests/test_a.py::test_x"), tail="api says"),
            "web": report(replace(failing, name=SUITE), exit_code=3, per_test=False, tail="web says"),
        },
        STACKS,
    )
    assert {one.test_id: one.outcome.value for one in together.cases} == {
        "tests/test_a.py::test_x": "passed", "api/tests/test_a.py::test_x": "passed", "web/suite": "failed",
    }  # fmt: skip
    assert (together.exit_code, together.per_test, together.ok) == (3, False, False)
    assert together.command == ("sh", "-c", "(cd . && run); (cd api && run); (cd web && run)")
    assert together.output_tail.endswith("web says")
    assert "2 passed, 1 failed" in together.summary()
    assert [root_of(one, STACKS) for one in together.cases] == ["api", ".", "web"]
    assert [one.test_id for one in within(together, {"web"}, STACKS).cases] == ["web/suite"]


def test_a_run_that_goes_on_in_other_components_is_the_whole_run() -> None:
    parts = {"api": report(case("api/t.py::x")), ".": report(case("t.py::x")), "web": report(case("web/t.js::x"))}
    halves = [joined({root: parts[root]}, STACKS) for root in ("api", ".")]
    assert both(both(*halves), joined({"web": parts["web"]}, STACKS)) == joined(parts, STACKS)


def test_one_piece_is_told_as_it_always_was() -> None:
    only = report(case("t.py::x"))
    assert joined({".": only}, (TOP,)) is only


def rules(root: str, source: dict[str, str]) -> RedRules:
    symbols = read_symbols(Language.PYTHON, source, (root,))
    return RedRules(language=Language.PYTHON, own_modules=sorted(symbols.modules), base=symbols, root=root)


def test_red_is_judged_by_the_modules_of_the_tests_own_component() -> None:
    """`shop` is the API's module; what the worker lacks of that name is not the worker's."""
    api, worker = rules("api", {"api/shop.py": "def pay(): ...\n"}), rules("worker", {"worker/queue_.py": ""})
    both_rules = replace(api, beside=(api, worker))
    names = ["api/tests/test_a.py::test_x", "worker/tests/test_a.py::test_x"]
    missing = [
        case(name, Outcome.FAILED, exception="ImportError", told="cannot import name 'tax' from 'shop' (x)") for name in names
    ]  # fmt: skip
    files = [name.partition("::")[0] for name in names]
    sources = dict.fromkeys(files, "def test_x():\n    assert tax(2) == 4\n")
    scenarios = {"S1": [names[0]], "S2": [names[1]]}
    red = judge_red(report=report(*missing), change_files=files, scenarios=scenarios, rules=both_rules, sources=sources)
    assert {one.test_id: one.counts for one in red.tests} == {names[0]: True, names[1]: False}

    def head(root: str, source: dict[str, str]) -> HeadSymbols:
        return HeadSymbols(root=root, language=Language.PYTHON, symbols=read_symbols(Language.PYTHON, source, (root,)))

    passing = report(case(names[0]), case(names[1]))
    for defines in ("api", "worker"):
        heads = [head(root, {f"{root}/shop.py": "tax = 1\n"} if root == defines else {}) for root in ("api", "worker")]
        final = confirm_red(
            provisional=red,
            head_report=passing,
            head=heads[0].symbols,
            scenarios=scenarios,
            sources=sources,
            heads=heads,
        )
        assert {one.test_id: one.counts for one in final.tests}[names[0]] is (defines == "api")


def test_a_components_suite_without_single_tests_proves_its_own_files_alone() -> None:
    fails = replace(case("web/suite", Outcome.FAILED, exception="AssertionError", told="4 != 8"), name=SUITE)
    node = RedRules(language=Language.NODE, own_modules=(), base=read_symbols(Language.NODE, {}), root="web")
    scenarios = {"S1": ["web/test/a.test.js::doubles"], "S2": ["api/tests/test_a.py::test_x"]}
    red = judge_red(
        report=report(fails, per_test=False),
        change_files=["web/test/a.test.js"],
        scenarios=scenarios,
        rules=node,
        sources={},
    )
    assert {one.scenario: one.ok for one in red.scenarios} == {"S1": True, "S2": False}
