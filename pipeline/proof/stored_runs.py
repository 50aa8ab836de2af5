"""What stored test runs hold: the report as it was judged, and what was concluded from it.

Problem: reports and verdicts cross the database as JSON, and each reader picked keys of its own. Choice: one place that
writes and reads them, by the purpose of the run. Invariant: a run is found by its purpose and its commit, never by its
place in a list; of equal ones the newest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from pipeline.proof.baseline import SuiteComparison
from pipeline.proof.green import ProofVerdict
from pipeline.proof.inverted import InvertedVerdict
from pipeline.proof.mutated import MutatedVerdict
from pipeline.proof.neutral.verdict import NeutralVerdict
from pipeline.proof.red_green import RedVerdict
from pipeline.proof.reverted import RevertedVerdict
from pipeline.proof.test_reports import TestReport
from pipeline.records import RunPurpose, TestRun


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenWitness:
    """What the runs on a head showed together; stored with each of them. `retired` are files with rewritten old tests."""

    green: ProofVerdict
    red: RedVerdict
    suite: SuiteComparison
    retired: tuple[str, ...]
    inverted: InvertedVerdict | None = None
    """None where green failed before it, and in runs of older versions."""
    neutral: NeutralVerdict | None = None
    reverted: RevertedVerdict | None = None
    mutated: MutatedVerdict | None = None


class _ReportsEnd(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    output_tail: str = ""


_REPORT = TypeAdapter(TestReport)
_VERDICT = TypeAdapter(ProofVerdict)
_GREEN = TypeAdapter(GreenWitness)


def stored_green(witness: GreenWitness) -> dict[str, Any]:
    """Return a witness as it is stored with a run."""
    stored: dict[str, Any] = _GREEN.dump_python(witness, mode="json")
    return stored


def report_of(run: TestRun) -> TestReport:
    """Return what a run reported."""
    return _REPORT.validate_python(run.report)


def output_tail_of(run: TestRun) -> str:
    """Return the end of what a run printed, as a report of any version holds it."""
    return _ReportsEnd.model_validate(run.report).output_tail


def green_of(run: TestRun) -> GreenWitness:
    """Return what was concluded from the runs on a head; of runs with a green purpose only."""
    return _GREEN.validate_python(run.verdict)


def preserve_of(run: TestRun) -> ProofVerdict:
    """Return what was concluded from the preserve tests on the base."""
    return _VERDICT.validate_python(run.verdict)


def newest(runs: Sequence[TestRun], purpose: RunPurpose, commit: str | None = None) -> TestRun | None:
    """Return the newest run of a purpose, at that commit if one is named."""
    found = (run for run in reversed(runs) if run.purpose is purpose and commit in {None, run.commit})
    return next(found, None)
