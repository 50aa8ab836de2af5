"""The full suite of a head beside the base's, with what fails run again before anybody is blamed for it.

Problem: a test that fails now and then looks like a failure of the change, and three rounds of an agent cannot mend it.
Choice: only where a test fails on the head that did not fail on the base, those tests run again there, twice at most, and
then the base's suite once more. What passes again, or fails on the base too, is flaky: named, and nobody's fault.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.ports import Environment, Stack
from pipeline.proof.baseline import SuiteComparison, best_of, compare_suites
from pipeline.proof.stored_runs import newest, report_of
from pipeline.proof.test_reports import TestReport
from pipeline.records import RunPurpose
from pipeline.stage import proving
from pipeline.stage.run import StageRun

AGAIN_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a suite runs: a commit with its stack and environment, and what is written over its checkout."""

    commit: str
    stack: Stack
    environment: Environment
    report: TestReport
    restored: Mapping[str, bytes | None] | None = None


async def compared(
    run: StageRun, name: str, *, base: Ground, head: Ground, retired: Collection[str]
) -> SuiteComparison:
    """Compare two full suites that were run; the runs that were needed again are kept beside them."""
    again: list[TestReport] = []
    found = compare_suites(base=base.report, head=head.report, retired_files=retired)
    while found.new_failures and len(again) < AGAIN_MAX:
        again.append(await _run_again(run, name, head, found.new_failures))
        second = best_of(again)
        found = compare_suites(base=base.report, head=head.report, second_head=second, retired_files=retired)
    second = best_of(again)
    if second is not None:
        await proving.keep(
            run, name, purpose=RunPurpose.GREEN_SUITE_AGAIN, commit=head.commit, report=second, ok=second.ok, verdict={}
        )
    if found.new_failures:
        found = compare_suites(
            base=base.report, head=head.report, second_base=await _base_again(run, name, base), second_head=second,
            retired_files=retired,
        )  # fmt: skip
    return found


async def _run_again(run: StageRun, name: str, head: Ground, failing: Collection[str]) -> TestReport:
    files = {case.file for case in head.report.cases if case.test_id in failing}
    choosable = head.report.per_test and all(files)
    return await proving.prove(
        run, name=name, commit=head.commit, purpose=RunPurpose.GREEN_SUITE_AGAIN,
        selection=sorted(files) if choosable else None, stack=head.stack, environment=head.environment,
        restored=head.restored,
    )  # fmt: skip


async def _base_again(run: StageRun, name: str, base: Ground) -> TestReport:
    known = newest(await run.context.test_runs.all(name), RunPurpose.BASELINE_AGAIN, base.commit)
    if known is not None:
        return report_of(known)
    report = await proving.prove(
        run, name=name, commit=base.commit, purpose=RunPurpose.BASELINE_AGAIN, selection=None, stack=base.stack,
        environment=base.environment,
    )  # fmt: skip
    await proving.keep(
        run, name, purpose=RunPurpose.BASELINE_AGAIN, commit=base.commit, report=report, ok=report.ok, verdict={}
    )
    return report
