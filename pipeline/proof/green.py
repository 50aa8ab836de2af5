"""What counts as green on the head: the change's tests pass, and nothing else is hidden or broken.

Problem: a suite can be green because tests are gone, skipped or left out. Choice: the verdict reads the change's tests, those that
must have passed before as well, the comparison of two full suites, and the red witness; each doubt is a sentence. Pure.
Invariant: adding a failure to any report never turns a verdict green.
"""

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.proof.baseline import SuiteComparison
from pipeline.proof.inverted import InvertedVerdict
from pipeline.proof.neutral.verdict import NeutralVerdict
from pipeline.proof.red_green import RedCause, RedVerdict, in_a_sentence
from pipeline.proof.reverted import RevertedVerdict
from pipeline.proof.test_reports import Outcome, TestReport

WEAKER_PROOF = (
    "The test command tells no single tests: its exit code and its last error line are the proof, which is weaker."
)


UNJUDGED_PROOF = (
    "Why a test fails without the change could not be read in its own words: that it fails there and passes with the change "
    "is the proof, which is weaker."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofVerdict:
    """A yes or no with its reasons: of the preserve witness and of green."""

    ok: bool
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def judge_preserve(report: TestReport, preserve_files: Collection[str]) -> ProofVerdict:
    """Judge a run of the `preserve` tests: on the base as on the head, every one passes and none is skipped."""
    if not preserve_files:
        return ProofVerdict(ok=True, problems=(), notes=("There are no preserve tests.",))
    return _all_pass(report, "preserve")


def judge_green(
    *,
    change: TestReport,
    preserve: TestReport | None,
    suite: SuiteComparison,
    red: RedVerdict,
    inverted: InvertedVerdict | None = None,
    neutral: NeutralVerdict | None = None,
    reverted: RevertedVerdict | None = None,
) -> ProofVerdict:
    """Judge the head: change and preserve tests pass, the suite hides and breaks nothing, the red witness is final.

    A change may extend a file that holds tests which the base skips too; those are no claim of the change. The inverted, the
    neutral and the reverted witness count where they were called: they are, once nothing else is wrong.
    """
    problems = list(_all_pass(change, "change", skipped_before=suite.still_skipped).problems)
    if preserve is not None:
        problems += _all_pass(preserve, "preserve").problems
    problems += [f"{test} fails on the head and did not fail on the base." for test in suite.new_failures]
    problems += [f"{test} ran on the base and is gone on the head." for test in suite.disappeared]
    problems += [f"{test} ran on the base and is skipped on the head." for test in suite.newly_skipped]
    problems += suite.problems
    problems += _flaky_proof(suite, change, preserve)
    if not red.final:
        problems.append("The red witness was not confirmed on the head.")
    if not red.ok:
        problems += (
            red.problems
            or tuple(
                f"Scenario {verdict.scenario!r} has no confirmed red test."
                for verdict in red.scenarios
                if not verdict.ok
            )
            or ("No scenario has a confirmed red test.",)
        )
    problems += [problem for witness in (inverted, neutral, reverted) if witness for problem in witness.problems]
    unjudged = any(verdict.cause is RedCause.UNJUDGED for verdict in red.tests)
    weaker = ((WEAKER_PROOF, not change.per_test), (UNJUDGED_PROOF, unjudged))
    notes = (*(note for note, holds in weaker if holds), *_suite_notes(suite))
    if inverted is not None:
        notes += tuple(f"A failure at the end of a test is not possible here: {one}" for one in inverted.not_possible)
    return ProofVerdict(ok=not problems, problems=tuple(dict.fromkeys(problems)), notes=notes)


def _flaky_proof(suite: SuiteComparison, change: TestReport, preserve: TestReport | None) -> list[str]:
    """New tests of the change that the same code passes and fails: what fails by chance proves nothing."""
    own = {case.test_id for report in (change, preserve) if report is not None for case in report.cases}
    return [
        f"{test} passed and failed on the same commit. A test that proves a scenario may not depend on chance: look for time, "
        "order, concurrency or what other tests leave behind, in the test and in the code."
        for test in suite.flaky
        if test in own and test in suite.added
    ]


def _all_pass(report: TestReport, purpose: str, *, skipped_before: Collection[str] = ()) -> ProofVerdict:
    problems = [f"The {purpose} tests: {complaint}" for complaint in report.complaints]
    problems += [f"{case.test_id} does not pass: {in_a_sentence(case.failure)}" for case in report.bad]
    problems += [
        f"{case.test_id} is skipped, so it proves nothing."
        for case in report.cases
        if case.outcome is Outcome.SKIPPED and case.test_id not in skipped_before
    ]
    if not report.cases:
        problems.append(f"No {purpose} test was reported.")
    if report.timed_out:
        problems.append(f"The {purpose} tests did not end in time.")
    return ProofVerdict(ok=not problems, problems=tuple(problems))


def _suite_notes(suite: SuiteComparison) -> tuple[str, ...]:
    notes = [f"{test} fails on the base already." for test in suite.pre_existing]
    notes += [f"{test} is flaky: the same code passed it and failed it." for test in suite.flaky]
    notes += [f"{test} was rewritten or removed by the test writer." for test in suite.retired]
    notes += [f"{test} has another name in each run; as many ran as on the base." for test in suite.unstable_names]
    return tuple(notes)
