"""The full suite of a head beside the base's, with what fails run again before anybody is blamed for it.

Problem: a test that fails now and then looks like a failure of the change, and three rounds of an agent cannot mend it.
Choice: only where a test fails on the head that did not fail on the base, those tests run again there, twice at most, and
then the base's suite once more. What passes again, or fails on the base too, is flaky: named, and nobody's fault. The base's
suite also runs again where a test is gone and another one has come that may be the same under another name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pipeline.proof.baseline import SuiteComparison, best_of, compare_suites, may_be_unstable
from pipeline.proof.test_reports import TestReport
from pipeline.records import RunPurpose
from pipeline.stage import proving
from pipeline.stage.component_reports import joined, root_of, within
from pipeline.stage.proving import Measured
from pipeline.stage.run import StageRun

AGAIN_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground(Measured):
    """Where a suite ran: a commit with its components, and what was written over its checkout."""

    restored: Mapping[str, bytes | None] | None = None

    def at(self, roots: Collection[str]) -> "Ground":
        """Return it as if only the components at these roots had run."""
        return replace(self, report=within(self.report, roots, self.prepared.stacks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How two full suites differ; `again` is what of the head was run again for that."""

    suite: SuiteComparison
    again: TestReport | None


async def compared(
    run: StageRun,
    name: str,
    *,
    base: Ground,
    head: Ground,
    retired: Collection[str],
    again: TestReport | None = None,
) -> Compared:
    """Compare two full suites that were run; the runs that were needed again are kept beside them.

    `again` is what an earlier comparison of a part of the same suites ran again.
    """
    second, tries = again, 0
    found = compare_suites(base=base.report, head=head.report, second_head=second, retired_files=retired)
    while found.new_failures and tries < AGAIN_MAX:
        tries += 1
        more = await _run_again(run, name, base, head, found.new_failures)
        second = best_of([*([second] if second else []), more])
        found = compare_suites(base=base.report, head=head.report, second_head=second, retired_files=retired)
    if second is not None:
        await proving.keep(
            run, name, purpose=RunPurpose.GREEN_SUITE_AGAIN, commit=head.commit, report=second, ok=second.ok, verdict={}
        )
    if found.new_failures or may_be_unstable(found):
        await proving.base_again(run, name, base)
    # Whoever judges again has the second run of the base, whatever it was made for.
    if (second_base := await proving.known_base_again(run, name, base.commit)) is not None:
        found = compare_suites(
            base=base.report, head=head.report, second_base=second_base, second_head=second, retired_files=retired
        )
    return Compared(suite=found, again=second)


async def _run_again(run: StageRun, name: str, base: Measured, head: Ground, failing: Collection[str]) -> TestReport:
    """Run the files of failing tests again, or all of a component's suite where its tests cannot be chosen by file."""
    stacks = head.prepared.stacks
    cases = [case for case in head.report.cases if case.test_id in failing]
    reports: dict[str, TestReport] = {}
    for root in sorted({root_of(case, stacks) for case in cases}):
        own = [case for case in cases if root_of(case, stacks) == root]
        choosable = all(case.file and not case.whole_suite for case in own)
        reports[root] = await proving.prove(
            run, name=name, commit=head.commit, purpose=RunPurpose.GREEN_SUITE_AGAIN,
            selection=sorted({case.file for case in own}) if choosable else None, prepared=head.prepared, roots={root},
            restored=head.restored, base=base,
        )  # fmt: skip
    return joined(reports, stacks)
