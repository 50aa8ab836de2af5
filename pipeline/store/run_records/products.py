"""What stages produce: results, specs, test runs, findings and artifacts of a run.

Problem: a node may run twice. Choice: everything is an upsert by activation, done by `Work` in one short transaction.
Invariant: a result and the event that announces it are stored together or not at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.change_request import Stage
from pipeline.events import Event
from pipeline.findings import Finding
from pipeline.records import RunPurpose, SpecRevision, StageResult, TestRun
from pipeline.store.run_records.scope import OfRun
from pipeline.store.work import Work


class RunResults(OfRun):
    """Implements `pipeline.ports.records.Results`."""

    async def valid(self, repository: str, stage: Stage, inputs_hash: str) -> StageResult | None:
        """See the port."""
        async with self.single() as work:
            return await work.valid_result(repository, stage, inputs_hash)

    async def save(self, result: StageResult, *, announced_by: Event) -> None:
        """See the port."""
        async with self.database.transaction() as connection:
            if await Work(connection, cr_id=self.cr_id, attempt=self.attempt).save_result(result):
                await self.announce(connection, announced_by)

    async def invalidate(self, stages: Sequence[Stage]) -> None:
        """See the port."""
        async with self.single() as work:
            await work.invalidate(stages)

    async def carry_over(self, from_attempt: int) -> None:
        """See the port."""
        async with self.work() as work:
            await work.carry_over(from_attempt)


class RunSpecs(OfRun):
    """Implements `pipeline.ports.records.Specs`."""

    async def save(self, *, repository: str, activation: str, feature: str, spec: Mapping[str, Any]) -> SpecRevision:
        """See the port."""
        async with self.work() as work:
            return await work.save_spec(repository=repository, activation=activation, feature=feature, spec=spec)

    async def latest(self, repository: str) -> SpecRevision | None:
        """See the port."""
        async with self.single() as work:
            return await work.latest_spec(repository)

    async def verify(self, repository: str, revision: int) -> None:
        """See the port."""
        async with self.single() as work:
            await work.verify_spec(repository, revision)


class RunTestRuns(OfRun):
    """Implements `pipeline.ports.records.TestRuns`."""

    async def save(
        self, *, repository: str, stage: Stage, activation: str, purpose: RunPurpose, commit: str, ok: bool,
        report: Mapping[str, Any], verdict: Mapping[str, Any],
    ) -> str:  # fmt: skip
        """See the port."""
        async with self.single() as work:
            return await work.save_test_run(
                repository=repository, stage=stage, activation=activation, purpose=purpose, commit=commit, ok=ok,
                report=report, verdict=verdict,
            )  # fmt: skip

    async def all(self, repository: str | None = None) -> Sequence[TestRun]:
        """See the port."""
        async with self.single() as work:
            return await work.test_runs(repository)


class RunFindings(OfRun):
    """Implements `pipeline.ports.records.Findings`."""

    async def save(self, *, repository: str, stage: Stage, activation: str, found: Sequence[Finding]) -> None:
        """See the port."""
        async with self.work() as work:
            await work.save_findings(repository=repository, stage=stage, activation=activation, found=found)

    async def all(self, *, activation: str | None = None) -> Sequence[tuple[str, Finding]]:
        """See the port."""
        async with self.single() as work:
            return await work.findings(activation=activation)


class RunArtifacts(OfRun):
    """Implements `pipeline.ports.records.ArtifactStore`."""

    async def save(self, *, kind: str, name: str, content: bytes, media_type: str, facts: Mapping[str, Any]) -> str:
        """See the port."""
        async with self.work() as work:
            return await work.save_artifact(kind=kind, name=name, content=content, media_type=media_type, facts=facts)

    async def load(self, kind: str, name: str) -> bytes | None:
        """See the port."""
        async with self.single() as work:
            return await work.find_artifact(kind, name)
