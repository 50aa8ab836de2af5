"""What each judge looked at, kept with its verdict under the activation it judged in, for the evidence and for people."""

import asyncio
import json

from pipeline.agents.job import Handed
from pipeline.evidence.bundle import InspectionRecord, ReviewRecord
from pipeline.stage.run import StageRun

KIND = "inspection"
FILES_MAX = 50


async def keep(run: StageRun, role: str, repository: str, commit: str | None, verdict: str, handed: Handed) -> None:
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
    content = json.dumps(record.model_dump(mode="json"), sort_keys=True).encode()
    name = _name(run.activation, role, repository)
    await run.context.artifacts.save(
        kind=KIND,
        name=name,
        content=content,
        media_type="application/json",
        facts={"attempt": run.context.attempt},
    )


async def kept(run: StageRun, activation: str, role: str, repository: str) -> ReviewRecord | None:
    """Return what was kept; None for a judge that was not asked, or that judged before this was kept."""
    content = await run.context.artifacts.load(KIND, _name(activation, role, repository))
    return ReviewRecord.model_validate_json(content) if content else None


def _name(activation: str, role: str, repository: str) -> str:
    return f"{activation}/{role}/{repository}"


def _is_text(path: str) -> bool:
    return path.isprintable() and path == path.encode(errors="replace").decode()
