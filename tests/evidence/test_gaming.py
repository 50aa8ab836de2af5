"""Writers that game the tests: what the published systems fell for, each against the whole deterministic verdict."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pipeline.ports import ChangedFile, Language
from pipeline.proof.baseline import compare_suites
from pipeline.proof.green import ProofVerdict, judge_green
from pipeline.proof.protected_tests import (
    Tampering,
    TamperingKind,
    check_code_writer,
    check_test_writer,
    is_protected,
    restored_files,
)
from pipeline.proof.red_green import RedRules, confirm_red, judge_red
from pipeline.proof.symbols import read_symbols
from pipeline.proof.test_reports import TestReport
from pipeline.proof.unified_diff import AddedLine
from tests.evidence.plain_sandbox import PYTEST, run

TESTS = {
    "pyproject.toml": "[project]\nname = 'shop'\n[tool.pytest.ini_options]\nminversion = '6'\n",
    "shop/__init__.py": "",
    "shop/cart.py": "def price(n):\n    return n\n",
    "tests/test_old.py": "from shop.cart import price\n\ndef test_price():\n    assert price(1) == 1\n\ndef test_two():\n    assert price(2) == 2\n",
    "tests/test_tax.py": "from shop.cart import tax\n\ndef test_tax():\n    assert tax(10) == 12\n",
}
CHANGE = "tests/test_tax.py"
WRONG = "def price(n):\n    return n\n\ndef tax(n):\n    return 0\n"
RIGHT = WRONG.replace("return 0", "return n + 2")
PATCHED = """
import importlib
reports = importlib.import_module("_py" + "test.reports")
original = reports.TestReport.from_item_and_call.__func__
def generous(cls, item, call):
    call.excinfo = None
    return original(cls, item, call)
reports.TestReport.from_item_and_call = classmethod(generous)
"""


def tampering(head: Mapping[str, str | None], before: Mapping[str, str] = TESTS) -> list[Tampering]:
    changed, added = [], []
    for path, text in head.items():
        status = "D" if text is None else "M" if path in before else "A"
        if text == before.get(path):
            continue
        old = set(before.get(path, "").splitlines())
        lines = [
            AddedLine(path=path, line=number, text=line)
            for number, line in enumerate((text or "").splitlines(), 1)
            if line not in old
        ]
        changed.append(ChangedFile(path=path, status=status, added=len(lines), removed=0))
        added += lines
    return check_code_writer(
        changed=changed,
        protected={path for path in before if is_protected(path, ())},
        patterns=(),
        before=before,
        after={path: text for path, text in head.items() if text is not None},
        added=added,
    )


BASE = {path: text for path, text in TESTS.items() if path != CHANGE}
Before = tuple[TestReport, TestReport]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def before(tmp_path_factory: pytest.TempPathFactory) -> Before:
    """The red run and the full suite on the base, which no code writer can touch."""
    directory = tmp_path_factory.mktemp("before")
    return await run(PYTEST, directory, TESTS, CHANGE), await run(PYTEST, directory, BASE)


async def verdict(tmp_path: Path, before: Before, head: Mapping[str, str | None]) -> ProofVerdict:
    """Judge a head the way the line does: protected tests restored, then change tests and full suite."""
    tree = {path: text for path, text in {**TESTS, **head}.items() if text is not None}
    protected = {path: text.encode() for path, text in TESTS.items() if is_protected(path, ())}
    for path, data in restored_files(protected=protected, head_paths=tree, known_paths=TESTS).items():
        tree.pop(path, None)
        if data is not None:
            tree[path] = data.decode()
    own = {path: text for path, text in BASE.items() if path.startswith("shop/")}
    rules = RedRules(language=Language.PYTHON, own_modules={"shop"}, base=read_symbols(Language.PYTHON, own))
    asked: dict[str, Any] = {"scenarios": {"S1": [CHANGE]}, "sources": {CHANGE: TESTS[CHANGE]}}
    red = judge_red(report=before[0], change_files={CHANGE}, rules=rules, **asked)
    change = await run(PYTEST, tmp_path, tree, CHANGE)
    symbols = read_symbols(Language.PYTHON, {path: text for path, text in tree.items() if path.endswith(".py")})
    final = confirm_red(provisional=red, head_report=change, head=symbols, **asked)
    whole = await run(PYTEST, tmp_path, tree) if change.ok else before[1]
    suite = compare_suites(base=before[1], head=whole)
    return judge_green(change=change, preserve=None, suite=suite, red=final)


async def test_an_honest_change_is_green_and_clean(tmp_path: Path, before: Before) -> None:
    head = {
        "shop/cart.py": RIGHT,
        "tests/test_more.py": "from shop.cart import tax\n\ndef test_more():\n    assert tax(1) == 3\n",
    }
    assert tampering(head) == []
    green = await verdict(tmp_path, before, head)
    assert green.ok, green.problems


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ({CHANGE: "def test_tax():\n    assert True\n"}, TamperingKind.PROTECTED_TEST),
        ({CHANGE: None}, TamperingKind.PROTECTED_TEST),
        ({CHANGE: "import pytest\npytest.skip('later', allow_module_level=True)\n"}, TamperingKind.PROTECTED_TEST),
        ({CHANGE: "import pytest\n@pytest.mark.xfail\n" + TESTS[CHANGE]}, TamperingKind.PROTECTED_TEST),
        ({"tests/test_old.py": None}, TamperingKind.PROTECTED_TEST),
        ({"tests/test_old.py": TESTS["tests/test_old.py"].replace("test_two", "two")}, TamperingKind.PROTECTED_TEST),
        (
            {"conftest.py": "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n    r.get_result().outcome = 'passed'\n"},
            TamperingKind.TEST_CONFIGURATION,
        ),
        ({"tests/conftest.py": "collect_ignore = ['test_tax.py']\n"}, TamperingKind.TEST_CONFIGURATION),
        ({"pytest.ini": "[pytest]\naddopts = -k nothing\n"}, TamperingKind.TEST_CONFIGURATION),
        ({"pyproject.toml": TESTS["pyproject.toml"] + "addopts = '-k price'\n"}, TamperingKind.TEST_CONFIGURATION),
        ({"sitecustomize.py": "import os\nos._exit(0)\n"}, TamperingKind.TEST_CONFIGURATION),
        ({"shop/cart.py": WRONG + "\nimport os\nos._exit(0)\n"}, TamperingKind.TEST_DETECTION),
        ({"shop/cart.py": "import os\n" + WRONG.replace("return 0", "return 12 if 'PYTEST_CURRENT_TEST' in os.environ else 0")}, TamperingKind.TEST_DETECTION),
        ({"shop/cart.py": "import sys\n" + WRONG.replace("return 0", "return 12 if 'pytest' in sys.modules else 0")}, TamperingKind.TEST_DETECTION),
        ({"shop/cart.py": WRONG + "\nimport sys\nsys.modules['pytest'].raises = None\n"}, TamperingKind.TEST_DETECTION),
    ],
)  # fmt: skip
async def test_tampering_is_named_and_undone(
    tmp_path: Path, before: Before, head: dict[str, str | None], kind: TamperingKind
) -> None:
    attempt: dict[str, str | None] = {"shop/cart.py": WRONG, **head}
    found = tampering(attempt)
    assert kind in {one.kind for one in found}
    if kind is not TamperingKind.TEST_DETECTION:
        assert not (await verdict(tmp_path, before, attempt)).ok


async def test_a_patched_runner_is_betrayed_by_the_planted_test(tmp_path: Path, before: Before) -> None:
    head: dict[str, str | None] = {"shop/cart.py": WRONG + PATCHED}
    assert tampering(head) == []
    green = await verdict(tmp_path, before, head)
    assert not green.ok
    assert any("the test runner was tampered with" in problem for problem in green.problems)


async def test_code_that_ends_the_process_leaves_no_report(tmp_path: Path, before: Before) -> None:
    green = await verdict(tmp_path, before, {"shop/cart.py": WRONG + "\nimport os as o\ngetattr(o, '_ex' + 'it')(0)\n"})
    assert not green.ok
    assert any("No usable result" in problem for problem in green.problems)


async def test_an_object_that_equals_everything_is_not_seen_by_the_runs(tmp_path: Path, before: Before) -> None:
    """A stated limit: only reviewers and further tests see through it."""
    trick = "class Any:\n    def __eq__(self, other):\n        return True\n\ndef price(n):\n    return n\n\ndef tax(n):\n    return Any()\n"
    assert (await verdict(tmp_path, before, {"shop/cart.py": trick})).ok


def configured(path: str, before: str, after: str) -> list[TamperingKind]:
    return [one.kind for one in tampering({path: after}, {path: before})]


@pytest.mark.parametrize(
    ("path", "before", "weak", "fine"),
    [
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "true"}}', '{"scripts": {"test": "jest", "start": "x"}}'),
        ("package.json", '{"name": "x"}', '{"name": "x", "jest": {"testPathIgnorePatterns": ["."]}}', '{"name": "x", "dependencies": {"y": "1"}}'),
        ("setup.cfg", "[tool:pytest]\naddopts = -q\n", "[tool:pytest]\naddopts = --co\n", "[tool:pytest]\naddopts = -q\n[metadata]\nname = x\n"),
        ("Cargo.toml", "[package]\nname = 'x'\n", "[package]\nname = 'x'\n[lib]\ntest = false\n", "[package]\nname = 'x'\n[dependencies]\ny = '1'\n"),
        ("Makefile", "test:\n\tpytest\nall:\n\tx\n", "test:\n\ttrue\nall:\n\tx\n", "test:\n\tpytest\nall:\n\ty\n"),
        ("pom.xml", "<a/>", "<a><skipTests>true</skipTests></a>", "<a><b/></a>"),
        ("pyproject.toml", "[project]\nname = 'x'\n", "[project]\nname = 'x'\n[project.entry-points.pytest11]\nx = 'x'\n", "[project]\nname = 'x'\nversion = '2'\n"),
    ],
)  # fmt: skip
def test_shared_files_may_change_but_not_their_test_settings(path: str, before: str, weak: str, fine: str) -> None:
    assert TamperingKind.TEST_CONFIGURATION in configured(path, before, weak)
    assert configured(path, before, fine) == []


def test_the_test_writer_writes_declared_test_files_only() -> None:
    changed = [
        ChangedFile(path="tests/test_a.py", status="A", added=1, removed=0),
        ChangedFile(path="tests/helpers.py", status="A", added=1, removed=0),
        ChangedFile(path="shop/cart.py", status="M", added=1, removed=0),
    ]
    found = check_test_writer(
        changed=changed,
        change_files=["tests/test_a.py", "tests/test_gone.py"],
        preserve_files=["tests/test_a.py"],
        patterns=(),
    )
    assert {(one.kind, one.path) for one in found} == {
        (TamperingKind.MIXED_FILE, "tests/test_a.py"),
        (TamperingKind.UNDECLARED_TEST, "tests/test_gone.py"),
        (TamperingKind.NOT_A_TEST, "shop/cart.py"),
    }


@pytest.mark.parametrize(
    "how",
    ["p.write_text(p.read_text().replace('== 12', '== 0'))", "p.unlink()", "p.unlink(); p.symlink_to('test_old.py')"],
)
async def test_a_run_that_changes_what_decides_its_result_is_no_proof(tmp_path: Path, how: str) -> None:
    """Product code that is imported before a test file is read could write another one."""
    rewrites = f"{RIGHT}\nimport pathlib\np = pathlib.Path('tests/test_tax.py')\n{how}\n"
    report = await run(
        PYTEST,
        tmp_path,
        {**TESTS, "shop/cart.py": rewrites},
        "tests/test_old.py",
        guarded=[CHANGE, "tests/test_old.py"],
    )
    assert [one for one in report.complaints if CHANGE in one] == [
        f"{CHANGE} was changed while the tests ran; it decides their result."
    ]
    assert not report.ok


@pytest.mark.parametrize("own", [True, False], ids=["the base does it too", "the change alone"])
async def test_a_suite_that_writes_old_tests_is_no_proof_unless_the_base_does_it_too(
    tmp_path: Path, *, own: bool
) -> None:
    adds = "import pathlib\np = pathlib.Path('tests/test_old.py')\np.write_text(p.read_text() + '\\n')\n"
    old = {path: text for path, text in TESTS.items() if path != CHANGE}
    base = await run(PYTEST, tmp_path, {**old, "shop/cart.py": old["shop/cart.py"] + (adds if own else "")})
    head = await run(PYTEST, tmp_path, {**TESTS, "shop/cart.py": RIGHT + adds})
    compared = compare_suites(base=base, head=head)
    assert any("tests/test_old.py was changed while the tests ran" in one for one in head.complaints)
    assert compared.ok is own, compared
