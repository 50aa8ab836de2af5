"""Several components' test runs as one report, and one report seen as that of some components. Pure.

Problem: verdicts, comparisons and evidence read one report per run. Choice: a test's identity begins with its component's
folder, so reports are joined without clashes; the command is the one that a person would type to run all of them. What a
component's runner reports of another component's files does not count: those count where their own runner runs them.
Invariant: a run that failed, did not end or disagrees with itself is told so by the joined report too.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pipeline.ports import Stack
from pipeline.proof.owners import ROOT, owner_of
from pipeline.proof.test_reports import TAIL_MAX_CHARS, TestCaseResult, TestReport, merged


def joined(reports: Mapping[str, TestReport], stacks: Sequence[Stack], complaints: Sequence[str] = ()) -> TestReport:
    """Return one report of several components' runs, by root; one of a repository in one piece as it is."""
    if [stack.root for stack in stacks] == [ROOT]:
        [only] = reports.values()
        return replace(only, complaints=(*only.complaints, *complaints)) if complaints else only
    own = [replace(_own(report, root, stacks), command=_from_root(report, root)) for root, report in reports.items()]
    return _one(own, complaints)


def both(first: TestReport, second: TestReport) -> TestReport:
    """Return one report of two joined ones, of other components each."""
    return _one([first, second])


def _one(reports: Sequence[TestReport], complaints: Sequence[str] = ()) -> TestReport:
    chosen = [report.selection for report in reports]
    whole = bool(chosen) and any(selection is None for selection in chosen)
    return TestReport(
        command=("sh", "-c", "; ".join(report.command[-1] for report in reports)),
        exit_code=next((report.exit_code for report in reports if report.exit_code), 0),
        cases=merged(case for report in reports for case in report.cases),
        selection=None if whole else tuple(path for selection in chosen for path in selection or ()),
        complaints=(*(complaint for report in reports for complaint in report.complaints), *complaints),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        per_test=all(report.per_test for report in reports),
        timed_out=any(report.timed_out for report in reports),
        truncated=any(report.truncated for report in reports),
        output_tail=_tail(reports),
        duration_ms=sum(report.duration_ms for report in reports),
    )


def within(report: TestReport, roots: Collection[str], stacks: Sequence[Stack]) -> TestReport:
    """Return a report as if only the components at these roots had run."""
    return replace(report, cases=tuple(case for case in report.cases if root_of(case, stacks) in roots))


def root_of(case: TestCaseResult, stacks: Sequence[Stack]) -> str:
    """Return the root of the component that a test counts for."""
    owner = owner_of(case.file or case.test_id, stacks)
    return ROOT if owner is None else owner.root


def _own(report: TestReport, root: str, stacks: Sequence[Stack]) -> TestReport:
    kept = tuple(case for case in report.cases if not case.file or case.whole_suite or root_of(case, stacks) == root)
    return report if len(kept) == len(report.cases) else replace(report, cases=kept)


def _from_root(report: TestReport, root: str) -> tuple[str, ...]:
    return ("sh", "-c", f"(cd {shlex.quote(root)} && {shlex.join(report.command)})")


def _tail(reports: Sequence[TestReport]) -> str:
    """Put the output of what failed last, where readers who cut it look."""
    ordered = sorted(reports, key=lambda report: not report.ok)
    shares = (TAIL_MAX_CHARS // (1 if not report.ok or len(reports) == 1 else 4) for report in ordered)
    return "\n".join(report.output_tail[-share:] for report, share in zip(ordered, shares, strict=True))
