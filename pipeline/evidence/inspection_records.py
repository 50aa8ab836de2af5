"""What each judge looked at, kept with its verdict under the activation it judged in, for the evidence and for people."""

import asyncio

from pydantic import TypeAdapter

from pipeline.agents.job import Handed
from pipeline.evidence.bundle import InspectionRecord, ReviewRecord
from pipeline.stage.artifacts import Artifact
from pipeline.stage.run import StageRun

INSPECTION = Artifact("inspection", TypeAdapter(ReviewRecord))
FILES_MAX = 50


async def save_inspection(
    run: StageRun, role: str, repository: str, commit: str | None, verdict: str, handed: Handed
) -> None:
    """Keep what a judge of `repository` (empty: of all) opened of `commit`. Idempotent."""
    paths = await run.context.repositories[repository].list_files(commit) if commit else []
    opened = await asyncio.to_thread(handed.inspection.opened, paths, handed.root)
    record = ReviewRecord(
        repository=repository,
        reviewer=role,
        verdict=verdict,
        inspection=InspectionRecord(
            turns=handed.turns,
            files=tuple(path for path in opened if _is_text(path))[:FILES_MAX],
            files_opened=len(opened),
            commands=handed.inspection.commands,
            calls=handed.inspection.calls,
            failed=handed.inspection.failed,
        ),
    )
    name, facts = _name(run.activation, role, repository), {"attempt": run.context.attempt}
    await INSPECTION.save(run.context.artifacts, name, record, facts)


async def load_inspection(run: StageRun, activation: str, role: str, repository: str) -> ReviewRecord | None:
    """Return what was kept; None for a judge that was not asked, or that judged before this was kept."""
    return await INSPECTION.load(run.context.artifacts, _name(activation, role, repository))


def _name(activation: str, role: str, repository: str) -> str:
    return f"{activation}/{role}/{repository}"


def _is_text(path: str) -> bool:
    return path.isprintable() and path == path.encode(errors="replace").decode()
