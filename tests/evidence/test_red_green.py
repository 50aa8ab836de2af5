"""What counts as red and green, on real runs of base, base plus tests, and head."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ports import Language, Stack
from pipeline.proof.baseline import SuiteComparison, compare_suites, may_be_unstable
from pipeline.proof.green import ProofVerdict, judge_green, judge_preserve
from pipeline.proof.red_green import RedCause, RedRules, RedVerdict, confirm_red, judge_red
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_reports import Failure, Outcome, TestCaseResult, TestReport
from tests.evidence.plain_sandbox import NODE, PYTEST, UNITTEST, run

BASE = {
    "shop/__init__.py": "from .cart import *\nfrom shop.listed import *\n",
    "shop/listed.py": "from shop import *\n__all__ = ['shown']\nshown = 1\n",
    "shop/cart.py": "class Cart:\n    def total(self):\n        return 1\n\ndef price(n):\n    return n\n",
    "tests/test_old.py": "from shop.cart import price\n\ndef test_price():\n    assert price(1) == 1\n",
}
HEAD = {
    **BASE,
    "shop/cart.py": (
        "class Cart:\n    def total(self, net=False):\n        return 2\n    def vat(self):\n        return 3\n\n"
        "def price(n, currency='EUR'):\n    return n\n\ndef tax(n):\n    return n * 2\n"
    ),
    "shop/listed.py": "from shop import *\n__all__ = ['shown', '_listed']\nshown = 1\n_listed = 7\nunlisted = 8\n",
    "shop/pricing.py": "def quote():\n    return 4\n",
    "slug.py": "def slugify(s):\n    return s.lower()\n",
}
CHANGE = "tests/test_change.py"


RIGHT_REASONS: list[tuple[str, RedCause]] = [
    ("from shop.cart import price, Cart\ndef test_a():\n    assert Cart().total() == 2\n", RedCause.ASSERTION),
    ("from shop.cart import tax\ndef test_a():\n    assert tax(1) == 2\n", RedCause.MISSING),
    ("import shop.cart\ndef test_a():\n    assert shop.cart.tax(1) == 2\n", RedCause.MISSING),
    ("from shop.pricing import quote\ndef test_a():\n    assert quote() == 4\n", RedCause.MISSING),
    ("from slug import slugify\ndef test_a():\n    assert slugify('A') == 'a'\n", RedCause.MISSING),
    ("from shop.cart import Cart\ndef test_a():\n    assert Cart().vat() == 3\n", RedCause.MISSING),
    ("from shop.cart import price\ndef test_a():\n    assert price(1, currency='USD') == 1\n", RedCause.MISSING),
    ("from shop.cart import Cart\ndef test_a():\n    assert Cart().total(net=True) == 2\n", RedCause.MISSING),
    ("def test_a():\n    from shop.cart import tax\n    assert tax(1) == 2\n", RedCause.MISSING),
    ("import shop\ndef test_a():\n    assert shop.tax(1) == 2\n", RedCause.MISSING),
    ("import shop\ndef test_a():\n    assert shop._listed == 7\n", RedCause.MISSING),
]
WRONG_REASONS: list[tuple[str, str]] = [
    ("def test_a(:\n    assert 0\n", "does not parse"),
    ("import requests_not_there.sub\ndef test_a():\n    assert 0\n", "does not pass on the head"),
    ("import requests\nimport requests.nope\ndef test_a():\n    assert 0\n", "not this repository's"),
    ("import os\ndef test_a():\n    assert os.nothing()\n", "not this repository's"),
    (
        "import pytest\n@pytest.fixture\ndef f():\n    from shop.cart import tax\n    return tax\ndef test_a(f):\n    assert f(1) == 2\n",
        "fixture",
    ),
    ("def test_a(nope):\n    assert nope\n", "fixture"),
    ("def test_a():\n    assert undefined_name == 1\n", "NameError"),
    ("from shop.cart import price\ndef test_a():\n    assert price(1, 2) == 1\n", "TypeError"),
    ("from shop.cart import price\ndef test_a():\n    assert price(1) == 1\n", "passes without the change"),
    ("from shop.cart import tax\ndef test_a():\n    tax(1)\n", "asserts nothing"),
    ("import pytest\n@pytest.mark.xfail\ndef test_a():\n    assert 0\n", "expected to fail"),
    ("import pytest\n@pytest.mark.skip\ndef test_a():\n    assert 0\n", "expected to fail"),
    ("def test_a():\n    raise ValueError('x')\n    assert 1 == 2\n", "Assert the expected behaviour"),
]
UNEXPLAINED: list[tuple[str, str]] = [
    ("def test_a():\n    assert 1 == 2\n", "does not pass on the head either"),
    ("import not_installed\ndef test_a():\n    assert not_installed\n", "not_installed"),
    ("from shop.cart import never\ndef test_a():\n    assert never\n", "does not pass on the head"),
    (
        "try:\n    from shop.cart import tax\nexcept ImportError:\n    import shop.cart\n    raise ImportError(\"cannot import name 'ghost' from 'shop.cart'\") from None\ndef test_a():\n    assert tax(1) == 2\n",
        "is not defined by this repository on the head",
    ),
]
SAMPLES = [test for test, _ in [*RIGHT_REASONS, *WRONG_REASONS, *UNEXPLAINED]]
Runs = tuple[TestReport, TestReport]


def file_of(test: str) -> str:
    return f"tests/test_change_{SAMPLES.index(test)}.py"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """All sample change files in one run on the base and one on the head."""
    directory = tmp_path_factory.mktemp("runs")
    files = {file_of(test): test for test in SAMPLES}
    base = await run(PYTEST, directory, {**BASE, **files}, *files)
    return base, await run(PYTEST, directory, {**HEAD, **files}, *files)


def judged(
    stack: Stack, reports: Runs, file: str, test: str, base: Mapping[str, str], head: Mapping[str, str]
) -> tuple[RedVerdict, RedVerdict]:
    """Return the provisional and the final verdict."""
    own = {path: text for path, text in base.items() if "test" not in path}
    rules = RedRules(
        language=stack.language,
        own_modules={"shop", "shop.cart"},
        base=read_symbols(stack.language, own),
        third_party={"requests"},
    )
    asked: dict[str, Any] = {"scenarios": {"S1": [file]}, "sources": {file: test}}
    verdict = judge_red(report=reports[0], change_files={file}, rules=rules, **asked)
    symbols = read_symbols(stack.language, {path: text for path, text in head.items() if "test" not in path})
    return verdict, confirm_red(provisional=verdict, head_report=reports[1], head=symbols, **asked)


def sampled(runs: Runs, test: str) -> tuple[RedVerdict, RedVerdict]:
    """Judge one sample as if it had run alone."""
    base, head = (
        dataclasses.replace(report, cases=tuple(one for one in report.cases if one.file == file_of(test)))
        for report in runs
    )
    return judged(PYTEST, (base, head), file_of(test), test, BASE, HEAD)


async def proof(
    tmp_path: Path, test: str, *, stack: Stack, base: Mapping[str, str] = BASE, head: Mapping[str, str] = HEAD
) -> tuple[RedVerdict, RedVerdict]:
    """Run one change file on base and head, and judge it."""
    file = CHANGE if stack.language is Language.PYTHON else "change.test.js"
    reports = (
        await run(stack, tmp_path, {**base, file: test}, file),
        await run(stack, tmp_path, {**head, file: test}, file),
    )
    return judged(stack, reports, file, test, base, head)


@pytest.mark.parametrize(("test", "cause"), RIGHT_REASONS)
async def test_red_counts_by_assertion_or_by_a_missing_part_of_this_repository(
    runs: Runs, test: str, cause: RedCause
) -> None:
    provisional, final = sampled(runs, test)
    assert provisional.ok, provisional.feedback()
    assert final.ok, final.feedback()
    assert [verdict.test_id for verdict in final.tests] == [f"{file_of(test)}::test_a"]
    assert final.tests[0].cause is cause


@pytest.mark.parametrize(("test", "told"), WRONG_REASONS)
async def test_a_failure_for_a_wrong_reason_is_not_red(runs: Runs, test: str, told: str) -> None:
    provisional, final = sampled(runs, test)
    assert not final.ok
    assert told in (provisional.feedback() + final.feedback())


@pytest.mark.parametrize(("test", "told"), UNEXPLAINED)
async def test_a_provisional_red_that_the_head_does_not_explain_is_refuted(runs: Runs, test: str, told: str) -> None:
    provisional, final = sampled(runs, test)
    assert provisional.ok
    assert not final.ok
    assert told in final.feedback()


async def test_unittest_files_are_judged_like_pytest_files(tmp_path: Path) -> None:
    test = "import unittest\nfrom shop.cart import tax\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(tax(1), 2)\n"
    provisional, final = await proof(tmp_path, test, stack=UNITTEST)
    assert provisional.ok
    assert [verdict.test_id for verdict in final.tests if verdict.counts] == [f"{CHANGE}::T::test_a"]


@pytest.mark.parametrize(
    "test",
    [
        "const {tax} = require('./lib'); require('node:test')('a', () => require('node:assert').equal(tax(1), 2));",
        "const t = require('./pricing'); require('node:test')('a', () => require('node:assert').equal(t.quote(), 4));",
        "const l = require('./lib'); require('node:test')('a', () => require('node:assert').equal(l.price(1), 2));",
    ],
)
async def test_node_tests_are_red_for_missing_functions_files_and_assertions(tmp_path: Path, test: str) -> None:
    base = {"lib.js": "exports.price = (n) => n;\n"}
    head = {
        "lib.js": "exports.price = (n) => 2 * n;\nexports.tax = (n) => n * 2;\n",
        "pricing.js": "exports.quote = () => 4;\n",
    }
    provisional, final = await proof(tmp_path, test, stack=NODE, base=base, head=head)
    assert provisional.ok, provisional.feedback()
    assert final.ok, final.feedback()


async def test_every_change_scenario_needs_a_red_test_of_its_own(tmp_path: Path) -> None:
    test = "from shop.cart import Cart, price\ndef test_new():\n    assert Cart().total() == 2\ndef test_old():\n    assert price(1) == 1\n"
    report = await run(PYTEST, tmp_path, {**BASE, CHANGE: test}, CHANGE)
    rules = RedRules(language=Language.PYTHON, own_modules={"shop"}, base=read_symbols(Language.PYTHON, BASE))
    scenarios = {"S1": [f"{CHANGE}::test_new"], "S2": [f"{CHANGE}::test_old"]}
    verdict = judge_red(report=report, change_files={CHANGE}, scenarios=scenarios, rules=rules, sources={CHANGE: test})
    assert [(scenario.scenario, scenario.ok) for scenario in verdict.scenarios] == [("S1", True), ("S2", False)]
    assert not verdict.ok
    assert "Scenario 'S2' has no red test." in verdict.feedback()


async def test_tests_that_vanish_are_skipped_or_break_are_not_green(tmp_path: Path) -> None:
    two = "def test_a():\n    assert True is True\ndef test_b():\n    assert 1\ndef test_known():\n    assert 0\n"
    base = await run(PYTEST, tmp_path, {"test_x.py": two})
    same = await run(PYTEST, tmp_path, {"test_x.py": two, "test_new.py": "def test_n():\n    assert 1\n"})
    renamed = await run(PYTEST, tmp_path, {"test_x.py": two.replace("test_b", "test_c")})
    skipped = await run(
        PYTEST, tmp_path, {"test_x.py": "import pytest\n" + two.replace("def test_b", "@pytest.mark.skip\ndef test_b")}
    )
    broken = await run(PYTEST, tmp_path, {"test_x.py": two.replace("assert 1", "assert 2 == 3")})
    unloadable = await run(PYTEST, tmp_path, {"test_x.py": "import nope\n" + two})
    good = compare_suites(base=base, head=same)
    assert good.ok
    assert (good.pre_existing, good.added) == (("test_x.py::test_known",), ("test_new.py::test_n",))
    assert compare_suites(base=base, head=renamed).disappeared == ("test_x.py::test_b",)
    assert compare_suites(base=base, head=renamed, retired_files={"test_x.py"}).ok
    assert compare_suites(base=base, head=skipped).newly_skipped == ("test_x.py::test_b",)
    assert compare_suites(base=base, head=broken).new_failures == ("test_x.py::test_b",)
    assert compare_suites(base=base, head=unloadable).new_failures == ("test_x.py",)
    flaky = compare_suites(base=base, head=broken, second_base=broken)
    assert (flaky.ok, flaky.flaky) == (True, ("test_x.py::test_b",))


async def test_tests_whose_names_differ_from_run_to_run_are_counted(tmp_path: Path) -> None:
    text = "import pytest, time\n@pytest.mark.parametrize('at', [time.time_ns(), 1])\ndef test_at(at):\n    assert at\n"
    base, again, head = [await run(PYTEST, tmp_path, {"test_x.py": text}) for _ in range(3)]
    assert may_be_unstable(compare_suites(base=base, head=head))
    counted = compare_suites(base=base, head=head, second_base=again)
    assert (counted.ok, counted.unstable_names) == (True, ("test_x.py::test_at[#]",))
    fewer = await run(PYTEST, tmp_path, {"test_x.py": text.replace("[time.time_ns(), 1]", "[time.time_ns()]")})
    assert compare_suites(base=base, head=fewer, second_base=again).disappeared
    worse = await run(PYTEST, tmp_path, {"test_x.py": text.replace("assert at", "assert at == 1")})
    assert compare_suites(base=base, head=worse, second_base=again).new_failures
    renamed = await run(PYTEST, tmp_path, {"test_x.py": text.replace("test_at", "test_in")})
    assert not may_be_unstable(compare_suites(base=base, head=renamed))
    assert compare_suites(base=base, head=renamed, second_base=again).disappeared


NAMES = st.sampled_from([f"t.py::test_{letter}" for letter in "abcdef"])


def case(test_id: str, outcome: Outcome) -> TestCaseResult:
    file, _, name = test_id.partition("::")
    told = Failure(exception="AssertionError", message="assert 0", tail="") if outcome.bad else None
    return TestCaseResult(test_id=test_id, file=file, name=name, outcome=outcome, failure=told)


def report_of(outcomes: Mapping[str, Outcome]) -> TestReport:
    cases = tuple(case(test, outcome) for test, outcome in sorted(outcomes.items()))
    return TestReport(command=("pytest",), exit_code=int(any(c.outcome.bad for c in cases)), cases=cases)


def green(
    change: TestReport, preserve: TestReport, base: TestReport, head: TestReport, again: TestReport | None = None
) -> tuple[ProofVerdict, SuiteComparison]:
    suite = compare_suites(base=base, head=head, second_head=again)
    rules = RedRules(language=Language.PYTHON, own_modules=(), base=read_symbols(Language.PYTHON, {}))
    red_report = report_of({item.test_id: Outcome.FAILED for item in change.cases})
    scenarios = {"S1": ["t.py"]}
    red = judge_red(report=red_report, change_files={"t.py"}, scenarios=scenarios, rules=rules, sources={})
    final = confirm_red(provisional=red, head_report=change, head=rules.base, scenarios=scenarios, sources={})
    return judge_green(change=change, preserve=preserve, suite=suite, red=final), suite


@given(
    st.lists(st.dictionaries(NAMES, st.sampled_from(Outcome), max_size=6), min_size=4, max_size=4),
    st.integers(0, 3),
    NAMES,
    st.sampled_from([Outcome.FAILED, Outcome.ERROR]),
)
def test_adding_a_failure_to_any_report_of_the_head_never_makes_it_green(
    outcomes: list[dict[str, Outcome]], which: int, name: str, worse: Outcome
) -> None:
    before, _ = green(*(report_of(one) for one in outcomes))
    changed = [dict(one) for one in outcomes]
    target = which if which != 2 else 3
    changed[target][name] = worse
    after, suite = green(*(report_of(one) for one in changed))
    assert before.ok or not after.ok or (target == 3 and name in suite.pre_existing)
    if target < 2:
        assert not after.ok


@given(st.dictionaries(NAMES, st.sampled_from(Outcome), max_size=6))
def test_preserve_tests_are_ok_only_when_every_one_passes(outcomes: dict[str, Outcome]) -> None:
    verdict = judge_preserve(report_of(outcomes), {"t.py"})
    assert verdict.ok == (bool(outcomes) and set(outcomes.values()) == {Outcome.PASSED})


def test_a_test_that_the_base_skips_too_is_no_claim_of_the_change() -> None:
    old = {"t.py::test_windows": Outcome.SKIPPED}
    change = report_of({**old, "t.py::test_new": Outcome.PASSED})
    fine = report_of({"p.py::test_kept": Outcome.PASSED})
    assert green(change, fine, report_of(old), change)[0].ok
    assert not green(change, fine, report_of({}), change)[0].ok
    ran = report_of({"t.py::test_windows": Outcome.PASSED})
    assert not green(change, fine, ran, change)[0].ok


def test_a_report_with_a_complaint_is_never_green() -> None:
    fine = report_of({"t.py::test_a": Outcome.PASSED})
    doubtful = dataclasses.replace(fine, complaints=("exit code 0 although …",))
    assert green(fine, fine, fine, fine)[0].ok
    assert not green(doubtful, fine, fine, fine)[0].ok
    assert not green(fine, doubtful, fine, fine)[0].ok
    assert not green(fine, fine, fine, doubtful)[0].ok
    assert green(fine, fine, doubtful, doubtful)[0].ok


def test_a_test_that_proves_a_scenario_may_not_be_flaky_and_an_old_one_is_named() -> None:
    new, old, kept = "t.py::test_new", "t.py::test_old", "p.py::test_kept"
    fine = report_of({new: Outcome.PASSED, old: Outcome.PASSED})
    preserve, base = report_of({kept: Outcome.PASSED}), report_of({old: Outcome.PASSED})
    for flaky, expected in ((old, True), (new, False), (kept, False)):
        passing = {new: Outcome.PASSED, old: Outcome.PASSED, kept: Outcome.PASSED}
        verdict, suite = green(
            fine, preserve, base, report_of({**passing, flaky: Outcome.FAILED}), report_of({flaky: Outcome.PASSED})
        )
        assert suite.flaky == (flaky,)
        assert verdict.ok is expected, verdict
        assert any(flaky in one for one in (verdict.notes if expected else verdict.problems))
