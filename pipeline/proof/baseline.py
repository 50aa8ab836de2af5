"""Compare the full suite on the base with the full suite on the head.

Problem: a repository may have failures of its own, and a change may hide a failure by deleting, renaming or skipping the
test. Choice: judge by test id. What failed on the base is excluded but reported; what the base had and the head lacks,
or newly skips, counts against the head, unless the test writer (not the code writer) rewrote that file in the open. Names that
differ from run to run (a time or an address among a test's parameters) are recognised by a second run of the base, and
counted instead: as many, none more failed or skipped. Invariant: adding a failure to the head's report never makes the comparison better.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.proof.test_reports import Outcome, TestCaseResult, TestReport

_PARAMETERS = re.compile(r"\[.*", re.DOTALL)
_VARYING = re.compile(r"(?:0x)?[0-9a-f]{6,}|\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteComparison:
    """What changed between two full runs. All tuples hold test ids, sorted."""

    new_failures: tuple[str, ...]
    disappeared: tuple[str, ...]
    """On the base, not on the head, and not in a file that the test writer rewrote: suspected tampering."""
    newly_skipped: tuple[str, ...]
    still_skipped: tuple[str, ...]
    """Skipped on the base and on the head: the repository's own choice, in whichever file it stands."""
    pre_existing: tuple[str, ...]
    """Failed on the base already: excluded from the verdict, shown to people."""
    fixed: tuple[str, ...]
    added: tuple[str, ...]
    retired: tuple[str, ...]
    """Gone with a file or test that the test writer rewrote in the tests commit."""
    flaky: tuple[str, ...]
    """Failed on the head, and passed there when it was run again, or passed in one base run but not in the other:
    excluded, shown to people."""
    problems: tuple[str, ...]
    """Why the head's report cannot be trusted, in words."""
    unstable_names: tuple[str, ...] = ()
    """What stays of the names of tests that differ from run to run: counted, as many as on the base."""

    @property
    def ok(self) -> bool:
        """The head has no failure that the base did not have, and hides none."""
        return not (self.new_failures or self.disappeared or self.newly_skipped or self.problems)


def compare_suites(
    *,
    base: TestReport,
    head: TestReport,
    second_base: TestReport | None = None,
    second_head: TestReport | None = None,
    retired_files: Collection[str] = (),
) -> SuiteComparison:
    """Compare two full runs, with what was run again on either side.

    `second_head` may hold fewer tests than the suite. `retired_files` are existing test files that the tests commit changed
    or deleted.
    """
    unstable = _as_many(base, second_base, head)
    before, after = _without(base.outcomes(), unstable), _without(head.outcomes(), unstable)
    flaky = _flaky(base, second_base) | _passed(second_head)
    files = {case.test_id: case.file for case in base.cases}
    unloaded = {case.file for case in head.cases if case.whole_file and case.outcome.bad}
    gone = [test for test in before if test not in after and files[test] not in unloaded]
    failing = [test for test, outcome in after.items() if outcome.bad and not _bad(before.get(test))]
    return SuiteComparison(
        new_failures=_sorted(test for test in failing if test not in flaky),
        disappeared=_sorted(
            test for test in gone if not _retired(files[test], retired_files) and not _was_file(base, test)
        ),
        newly_skipped=_sorted(
            test for test, outcome in after.items() if outcome is Outcome.SKIPPED and _ran(before.get(test))
        ),
        still_skipped=_sorted(
            test
            for test, outcome in after.items()
            if outcome is Outcome.SKIPPED and before.get(test) is Outcome.SKIPPED
        ),
        pre_existing=_sorted(test for test, outcome in after.items() if outcome.bad and _bad(before.get(test))),
        fixed=_sorted(test for test, outcome in before.items() if outcome.bad and after.get(test) is Outcome.PASSED),
        added=_sorted(test for test in after if test not in before),
        retired=_sorted(test for test in gone if _retired(files[test], retired_files)),
        flaky=_sorted(test for test in failing if test in flaky),
        problems=_problems(base, head),
        unstable_names=_sorted(unstable),
    )


def may_be_unstable(compared: SuiteComparison) -> bool:
    """Whether a test that is gone may be one that is called otherwise in each run, which a second run of the base shows."""
    added = set(map(_stem, compared.added))
    return any(_stem(test) in added for test in compared.disappeared)


def _as_many(base: TestReport, second: TestReport | None, head: TestReport) -> frozenset[str]:
    """Return the stems of names that differ between two runs of the base, where the head lost none and broke none."""
    if second is None:
        return frozenset()
    first, again, now = (_by_stem(report) for report in (base, second, head))
    differ = [stem for stem in first if stem in again and first[stem].keys() - again[stem].keys()]
    return frozenset(stem for stem in differ if _no_worse(first[stem].values(), now.get(stem, {}).values()))


def _no_worse(before: Collection[Outcome], after: Collection[Outcome]) -> bool:
    was, now = Counter(before), Counter(after)
    failed = (sum(count for outcome, count in one.items() if outcome.bad) for one in (now, was))
    return len(after) >= len(before) and now[Outcome.SKIPPED] <= was[Outcome.SKIPPED] and next(failed) <= next(failed)


def _by_stem(report: TestReport) -> Mapping[str, dict[str, Outcome]]:
    found: defaultdict[str, dict[str, Outcome]] = defaultdict(dict)
    for test, outcome in report.outcomes().items():
        found[_stem(test)][test] = outcome
    return found


def _without(outcomes: Mapping[str, Outcome], stems: Collection[str]) -> dict[str, Outcome]:
    return {test: outcome for test, outcome in outcomes.items() if not stems or _stem(test) not in stems}


def _stem(test: str) -> str:
    """Return what stays of a name: without parameters, and with a mark for each number or address."""
    return _VARYING.sub("#", _PARAMETERS.sub("[#]", test))


def suite_in_words(head: TestReport, compared: SuiteComparison) -> str:
    """Say how a full suite went: green only where nothing failed, else what fails and whose it is."""
    outcomes = [case.outcome.value for case in head.cases]
    counts = ", ".join(f"{outcomes.count(kind)} {kind}" for kind in sorted(set(outcomes))) or "no tests"
    if not head.per_test:
        counts = head.summary()
    counts = "; ".join([counts, *(note.rstrip(".") for note in head.notes if note not in counts)])
    if head.ok:
        return f"green: {counts}"
    known = len(set(compared.pre_existing) & {case.test_id for case in head.bad})
    flaky = len(set(compared.flaky) & {case.test_id for case in head.bad})
    parts = [f"{known} fail on the base too"] if known else []
    parts += [f"{flaky} flaky"] if flaky else []
    parts += [f"{len(compared.new_failures)} new"] if compared.new_failures else []
    return f"not green: {counts}" + (f" ({', '.join(parts)})" if parts else "")


def _problems(base: TestReport, head: TestReport) -> tuple[str, ...]:
    """A complaint that the base has word for word (a plugin that always exits 1) is the repository's own."""
    own = [complaint for complaint in head.complaints if complaint not in base.complaints]
    if head.timed_out:
        own.append("The full suite did not end in time on the head.")
    if not head.cases:
        own.append("The full suite reported no test on the head.")
    return tuple(dict.fromkeys(own))


def _flaky(base: TestReport, second: TestReport | None) -> frozenset[str]:
    if second is None:
        return frozenset()
    again = second.outcomes()
    return frozenset(
        test for test, outcome in base.outcomes().items() if test in again and outcome.bad != again[test].bad
    )


def _passed(again: TestReport | None) -> frozenset[str]:
    """Return what passed when it was run again; a suite that came to nothing shows nothing."""
    return frozenset(case.test_id for case in again.cases if case.outcome is Outcome.PASSED) if again else frozenset()


def best_of(reports: Sequence[TestReport]) -> TestReport | None:
    """Join runs of the same tests into the one that shows what can pass; the newest one's facts stand."""
    if not reports:
        return None
    best: dict[str, TestCaseResult] = {}
    for report in reports:
        for case in report.cases:
            if case.test_id not in best or case.outcome is Outcome.PASSED:
                best[case.test_id] = case
    return replace(reports[-1], cases=tuple(best[test] for test in sorted(best)))


def _was_file(base: TestReport, test: str) -> bool:
    """A file that did not load on the base and loads on the head is no lost test."""
    return any(case.test_id == test and case.whole_file and case.outcome.bad for case in base.cases)


def _retired(file: str, retired_files: Collection[str]) -> bool:
    return file in retired_files


def _bad(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.bad


def _ran(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome is not Outcome.SKIPPED


def _sorted(tests: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(tests))
