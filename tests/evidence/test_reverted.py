"""The reverted witness: what makes tests green has to be the change."""

from pathlib import Path

from pipeline.proof.reverted import in_words, judge_reverted, reverted_tree
from pipeline.proof.test_reports import TestReport
from tests.evidence.plain_sandbox import PYTEST, run
from tests.evidence.test_inverted import RIGHT, TAX, WRONG, red_of

CHANGE = "tests/test_tax.py"
HEAD = {**TAX, "shop/cart.py": RIGHT}
SHADOW = {**HEAD, "tests/shop/__init__.py": "", "tests/shop/cart.py": RIGHT}


def written(
    head: dict[str, str], *product: str, restored: tuple[str, ...] = ()
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the head without its change, and what it adds beside the proof."""
    tree = reverted_tree(
        head_paths=set(head),
        tests_paths=set(TAX),
        protected=[path for path in head if path.startswith("tests/")],
        product=dict.fromkeys(product),
        restored={CHANGE: TAX[CHANGE].encode(), **dict.fromkeys(restored)},
    )
    left = {path: text for path, text in head.items() if tree.files.get(path, b"") is not None}
    return left, tree.beside


async def green_of(tmp_path: Path, head: dict[str, str]) -> TestReport:
    return await run(PYTEST, tmp_path, head, CHANGE)


async def test_an_honest_change_leaves_the_tree_of_the_red_witness(tmp_path: Path) -> None:
    tree, beside = written(HEAD, "shop/cart.py")
    assert (set(tree), beside) == (set(TAX), ())
    verdict = judge_reverted(
        report=await run(PYTEST, tmp_path, tree, CHANGE), red=red_of(await green_of(tmp_path, HEAD)), same_as_red=True
    )
    assert verdict.ok and verdict.confirmed == (f"{CHANGE}::test_tax",)
    assert in_words(verdict).startswith("1 test fails again without the change")


async def test_what_lies_beside_the_tests_and_makes_them_pass_is_told(tmp_path: Path) -> None:
    tree, beside = written({**SHADOW, "shop/cart.py": WRONG}, "shop/cart.py")
    assert beside == ("tests/shop/__init__.py", "tests/shop/cart.py")
    report = await run(PYTEST, tmp_path, tree, CHANGE)
    verdict = judge_reverted(report=report, red=red_of(await green_of(tmp_path, HEAD)), same_as_red=False)
    assert verdict.problems == (
        f"{CHANGE}::test_tax passes although the change was taken out of the head again: what makes it pass is not the change.",
    )
    assert in_words(verdict) == verdict.problems[0]


def test_what_every_run_removes_lies_beside_nothing() -> None:
    assert written(SHADOW, "shop/cart.py", restored=("tests/shop/__init__.py", "tests/shop/cart.py"))[1] == ()


async def test_a_test_that_nobody_reports_is_no_failing_one(tmp_path: Path) -> None:
    report = await run(PYTEST, tmp_path, {"tests/test_other.py": "def test_other():\n    assert 1 == 2\n"})
    verdict = judge_reverted(report=report, red=red_of(await green_of(tmp_path, HEAD)), same_as_red=False)
    assert "is not reported when the change is taken out" in verdict.problems[0]
