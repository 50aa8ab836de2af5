"""All records of one run together, for composition roots.

Problem: twelve subjects of one run are built from the same three facts. Choice: one frozen set of them. Invariant: all
of a set belong to the same attempt of the same change request.
"""

from dataclasses import dataclass

from pipeline.store.engine import Database
from pipeline.store.run_records.decisions import RunGates, RunInterventions
from pipeline.store.run_records.effects import RunEffects
from pipeline.store.run_records.knowledge import RunLearnings, RunSpending
from pipeline.store.run_records.products import RunArtifacts, RunFindings, RunResults, RunSpecs, RunTestRuns
from pipeline.store.run_records.progress import RunProgress, RunPullRequests
from pipeline.store.run_records.scope import OfRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecords:
    """One implementation per port of `pipeline.ports.records`."""

    events: OfRun
    results: RunResults
    progress: RunProgress
    specs: RunSpecs
    test_runs: RunTestRuns
    findings: RunFindings
    artifacts: RunArtifacts
    gates: RunGates
    effects: RunEffects
    interventions: RunInterventions
    learnings: RunLearnings
    pull_requests: RunPullRequests
    spending: RunSpending


def records_of(database: Database, *, cr_id: str, attempt: int) -> RunRecords:
    """Return the records of one attempt."""
    run = database, cr_id, attempt
    return RunRecords(
        events=OfRun(*run), results=RunResults(*run), progress=RunProgress(*run), specs=RunSpecs(*run),
        test_runs=RunTestRuns(*run), findings=RunFindings(*run), artifacts=RunArtifacts(*run), gates=RunGates(*run),
        effects=RunEffects(*run), interventions=RunInterventions(*run), learnings=RunLearnings(*run),
        pull_requests=RunPullRequests(*run), spending=RunSpending(*run),
    )  # fmt: skip
