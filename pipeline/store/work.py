"""What stages produce: results per activation, spec revisions, test runs, findings, artifacts.

Everything is an upsert by activation, because a node may run twice; large texts are blobs named by their hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import Stage
from pipeline.errors import NotFound
from pipeline.findings import Finding, FindingSource, Severity
from pipeline.identifiers import derived_id
from pipeline.records import RunPurpose, SpecRevision, StageResult, StoredResult, TestRun
from pipeline.stage.state import RunState
from pipeline.store.tables import artifacts, blobs, findings, spec_revisions, stage_results, test_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactPart:
    """Some bytes of an artifact and how many it has."""

    content: bytes
    size_bytes: int
    facts: Mapping[str, Any]


class Work:
    """The products of one change request's attempt, on one connection."""

    def __init__(self, connection: AsyncConnection, *, cr_id: str, attempt: int) -> None:
        self._connection = connection
        self._cr_id, self._attempt = cr_id, attempt
        self._key = {"cr_id": cr_id, "attempt": attempt}

    async def save_result(self, result: StageResult) -> bool:
        """Store a stage's result; the activation that runs again keeps the first. Says whether this is it."""
        row = {
            **self._key,
            "repository": result.repository,
            "stage": result.stage.value,
            "activation": result.activation,
        }
        statement = upsert(stage_results).values(
            **row, inputs_hash=result.inputs_hash, result={"update": result.update}
        )
        stored = await self._connection.execute(
            statement.on_conflict_do_nothing().returning(stage_results.c.activation)
        )
        return stored.scalar_one_or_none() is not None

    async def valid_result(self, repository: str, stage: Stage, inputs_hash: str) -> StageResult | None:
        """Return the newest valid result of the same inputs, so that a node that runs again returns it at once."""
        table = stage_results
        query = (
            select(table)
            .where(*self._of(table), table.c.repository == repository, table.c.stage == stage.value)
            .where(table.c.inputs_hash == inputs_hash, table.c.valid)
            .order_by(table.c.created_at.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return _result(row) if row else None

    async def results(self) -> list[StageResult]:
        """Return all valid results, oldest first."""
        query = (
            select(stage_results)
            .where(*self._of(stage_results), stage_results.c.valid)
            .order_by(stage_results.c.created_at)
        )
        return [_result(row) for row in await self._connection.execute(query)]

    async def invalidate(self, stages: Sequence[Stage], repository: str | None = None) -> None:
        """Forget results of stages (of one repository, or of all), because a person asked for them to run again."""
        table = stage_results
        where = [*self._of(table), table.c.stage.in_([stage.value for stage in stages])]
        if repository is not None:
            where.append(table.c.repository == repository)
        await self._connection.execute(update(table).where(*where).values(valid=False))

    async def carry_over(self, from_attempt: int) -> None:
        """Copy specs, test runs and findings of an earlier attempt into this one. Idempotent."""
        for table in (spec_revisions, test_runs, findings):
            where = (table.c.cr_id == self._cr_id) & (table.c.attempt == from_attempt)
            for row in list(await self._connection.execute(select(table).where(where))):
                values = {name: value for name, value in row._asdict().items() if name != "tenant_id"}
                if "id" in values:
                    values["id"] = derived_id("copy", row.id, str(self._attempt))
                copy = upsert(table).values(**{**values, "attempt": self._attempt})
                await self._connection.execute(copy.on_conflict_do_nothing())

    async def save_spec(
        self, *, repository: str, activation: str, feature: str, spec: Mapping[str, Any]
    ) -> SpecRevision:
        """Store the next revision; the same activation keeps its revision."""
        known = await self._spec_by(
            spec_revisions.c.repository == repository, spec_revisions.c.activation == activation
        )
        if known:
            return known
        last = await self.latest_spec(repository)
        row = {
            **self._key,
            "repository": repository,
            "revision": last.revision + 1 if last else 1,
            "activation": activation,
        }
        digest = hashlib.sha256(feature.encode()).hexdigest()
        await self._connection.execute(
            upsert(spec_revisions).values(**row, feature=feature, spec=dict(spec), content_hash=digest)
        )
        stored = await self.latest_spec(repository)
        if stored is None:
            raise NotFound("spec revision", repository)
        return stored

    async def latest_spec(self, repository: str) -> SpecRevision | None:
        """Return the newest revision of a repository's spec."""
        return await self._spec_by(spec_revisions.c.repository == repository)

    async def specs(self) -> list[SpecRevision]:
        """Return every revision of every repository, oldest first."""
        query = select(spec_revisions).where(*self._of(spec_revisions))
        rows = await self._connection.execute(query.order_by(spec_revisions.c.repository, spec_revisions.c.revision))
        return [_spec(row) for row in rows]

    async def verify_spec(self, repository: str, revision: int) -> None:
        """Mark a revision as verified. Idempotent."""
        table = spec_revisions
        where = [*self._of(table), table.c.repository == repository, table.c.revision == revision]
        await self._connection.execute(update(table).where(*where).values(verified=True))

    async def _spec_by(self, *where: Any) -> SpecRevision | None:
        query = (
            select(spec_revisions)
            .where(*self._of(spec_revisions), *where)
            .order_by(spec_revisions.c.revision.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return _spec(row) if row else None

    async def save_test_run(
        self, *, repository: str, stage: Stage, activation: str, purpose: RunPurpose, commit: str, ok: bool,
        report: Mapping[str, Any], verdict: Mapping[str, Any],
    ) -> str:  # fmt: skip
        """Store one of the pipeline's own test runs and return its id; running again replaces it."""
        run_id = derived_id("run", str(self._key), repository, activation, purpose.value, commit)
        row = {**self._key, "id": run_id, "repository": repository, "stage": stage.value, "activation": activation}
        values = {
            "purpose": purpose.value,
            "commit": commit,
            "ok": ok,
            "report": dict(report),
            "verdict": dict(verdict),
        }
        statement = upsert(test_runs).values(**row, **values).on_conflict_do_update(index_elements=["id"], set_=values)
        await self._connection.execute(statement)
        return run_id

    async def test_runs(self, repository: str | None = None) -> list[TestRun]:
        """Return test runs, oldest first."""
        query = select(test_runs).where(*self._of(test_runs)).order_by(test_runs.c.created_at)
        if repository is not None:
            query = query.where(test_runs.c.repository == repository)
        return [_test_run(row) for row in await self._connection.execute(query)]

    async def test_run(self, run_id: str) -> TestRun | None:
        """Return one test run of any attempt."""
        where = (test_runs.c.cr_id == self._cr_id, test_runs.c.id == run_id)
        row = (await self._connection.execute(select(test_runs).where(*where))).one_or_none()
        return _test_run(row) if row else None

    async def save_findings(self, *, repository: str, stage: Stage, activation: str, found: Sequence[Finding]) -> None:
        """Store what was reported in one activation. Idempotent."""
        for number, finding in enumerate(found):
            values = asdict(finding)
            identity = derived_id("find", str(self._key), repository, activation, finding.source, str(number))
            row = {
                **self._key,
                "id": identity,
                "repository": repository,
                "stage": stage.value,
                "activation": activation,
            }
            await self._connection.execute(upsert(findings).values(**row, **values).on_conflict_do_nothing())

    async def findings(self, *, activation: str | None = None) -> list[tuple[str, Finding]]:
        """Return (repository, finding), oldest first."""
        query = select(findings).where(*self._of(findings)).order_by(findings.c.created_at, findings.c.id)
        if activation is None:
            return [(row.repository, _finding(row)) for row in await self._connection.execute(query)]
        # Earlier versions stored who reported behind the activation.
        earlier = findings.c.activation.startswith(f"{activation}/", autoescape=True)
        rows = list(await self._connection.execute(query.where((findings.c.activation == activation) | earlier)))
        exact = [row for row in rows if row.activation == activation]
        return [(row.repository, _finding(row)) for row in exact or rows]

    async def save_artifact(
        self, *, kind: str, name: str, content: bytes, media_type: str, facts: Mapping[str, Any]
    ) -> str:
        """Store a file of the change request by content; the newest of a name wins. Returns its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        await self._connection.execute(upsert(blobs).values(sha256=digest, content=content).on_conflict_do_nothing())
        values = {"sha256": digest, "media_type": media_type, "facts": dict(facts), "created_at": func.now()}
        row = {"cr_id": self._cr_id, "kind": kind, "name": name}
        statement = upsert(artifacts).values(**row, **values)
        index = ["cr_id", "kind", "name"]
        await self._connection.execute(statement.on_conflict_do_update(index_elements=index, set_=values))
        return digest

    async def artifact(self, kind: str, name: str) -> bytes:
        """Return an artifact's bytes or raise `NotFound`."""
        content = await self.find_artifact(kind, name)
        if content is None:
            raise NotFound(kind, name)
        return content

    async def find_artifact(self, kind: str, name: str) -> bytes | None:
        """Return an artifact's bytes, None when there is none of that name."""
        found = select(blobs.c.content).join(artifacts, artifacts.c.sha256 == blobs.c.sha256)
        content = (await self._connection.execute(found.where(*self._named(kind, name)))).scalar_one_or_none()
        return None if content is None else bytes(content)

    async def artifacts(self, kind: str) -> list[bytes]:
        """Return the bytes of all artifacts of a kind that this attempt made, oldest first."""
        query = select(blobs.c.content).join(artifacts, artifacts.c.sha256 == blobs.c.sha256)
        made = artifacts.c.facts["attempt"].as_integer() == self._attempt
        query = query.where(artifacts.c.cr_id == self._cr_id, artifacts.c.kind == kind, made)
        rows = await self._connection.execute(query.order_by(artifacts.c.created_at, artifacts.c.name))
        return [bytes(content) for content in rows.scalars()]

    async def artifact_part(self, kind: str, name: str, *, offset: int, limit: int) -> ArtifactPart | None:
        """Return up to `limit` bytes of an artifact from `offset` on; the database reads no more than these out."""
        part = func.substring(blobs.c.content, offset + 1, limit).label("part")
        size = func.octet_length(blobs.c.content).label("size")
        query = select(part, size, artifacts.c.facts).join(artifacts, artifacts.c.sha256 == blobs.c.sha256)
        row = (await self._connection.execute(query.where(*self._named(kind, name)))).one_or_none()
        return ArtifactPart(content=bytes(row.part), size_bytes=row.size, facts=row.facts) if row else None

    def _named(self, kind: str, name: str) -> list[Any]:
        return [artifacts.c.cr_id == self._cr_id, artifacts.c.kind == kind, artifacts.c.name == name]

    def _of(self, table: Any) -> list[Any]:
        return [table.c.cr_id == self._cr_id, table.c.attempt == self._attempt]


def _result(row: Row[Any]) -> StageResult:
    return StageResult(
        repository=row.repository, stage=Stage(row.stage), activation=row.activation, inputs_hash=row.inputs_hash,
        update=cast("RunState", StoredResult.model_validate(row.result).update),
    )  # fmt: skip


def _spec(row: Row[Any]) -> SpecRevision:
    return SpecRevision(**{name: getattr(row, name) for name in SpecRevision.__slots__})


def _test_run(row: Row[Any]) -> TestRun:
    values = {name: getattr(row, name) for name in TestRun.__slots__}
    return TestRun(**{**values, "stage": Stage(row.stage), "purpose": RunPurpose(row.purpose)})


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        source=FindingSource(row.source), severity=Severity(row.severity), category=row.category,
        message=row.message, file=row.file, line=row.line, remedy=row.remedy,
    )  # fmt: skip
