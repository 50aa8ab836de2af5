"""The reverted witness: with the change taken out of the head again, the tests that proved it fail again.

Problem: tests may turn green by something that came with the head and is no part of the product: a file beside the tests, another
dependency environment. Choice: the head's tree with all product files as the base has them; where that tree and its environment
are those of the red witness, that run counts and nothing runs twice. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.proof.red_green import RedVerdict
from pipeline.proof.test_reports import Outcome, TestReport


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertedTree:
    """What to write over a checkout of the head to take the change out, and whether the red witness saw that tree."""

    files: Mapping[str, bytes | None]
    beside: tuple[str, ...]
    """What the head adds to the proof's own folders; it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertedVerdict:
    """Whether the tests that count fail without the change. `same_as_red`: on the very tree of the red witness."""

    same_as_red: bool
    confirmed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of them fail."""
        return not self.problems


def reverted_tree(
    *,
    head_paths: Collection[str],
    tests_paths: Collection[str],
    protected: Collection[str],
    product: Mapping[str, bytes | None],
    restored: Mapping[str, bytes | None],
) -> RevertedTree:
    """Take the change out.

    Args:
        protected: The paths of the head that belong to the proof by their names.
        product: All other paths that differ between base and head, as the base has them.
        restored: What every run on the head has written over it.
    """
    known = set(tests_paths)
    beside = sorted(path for path in protected if path in head_paths and path not in known and path not in restored)
    return RevertedTree(files={**product, **restored}, beside=tuple(beside))


def judge_reverted(*, report: TestReport, red: RedVerdict, same_as_red: bool) -> RevertedVerdict:
    """Judge the change tests without the change; `report` is that of the red witness where it saw the same tree."""
    told = report.outcomes()
    whole = any(case.outcome.bad and (case.whole_file or case.whole_suite) for case in report.cases)
    confirmed, problems = [], []
    for test in red.tests:
        if not test.counts:
            continue
        outcome = told.get(test.test_id)
        if (outcome is None and whole) or (outcome is not None and outcome.bad):
            confirmed.append(test.test_id)
        elif outcome is None:
            problems.append(f"{test.test_id} is not reported when the change is taken out of the head again.")
        else:
            says = "passes" if outcome is Outcome.PASSED else "is skipped"
            problems.append(
                f"{test.test_id} {says} although the change was taken out of the head again: what makes it pass is not the change."
            )
    return RevertedVerdict(same_as_red=same_as_red, confirmed=tuple(confirmed), problems=tuple(problems))


def in_words(verdict: RevertedVerdict) -> str:
    """Say in a line what was shown, for approvers."""
    if verdict.problems:
        return verdict.problems[0]
    count = len(verdict.confirmed)
    where = "; the tree and environment of the red witness" if verdict.same_as_red else ""
    return f"{count} {'test fails' if count == 1 else 'tests fail'} again without the change{where}"
