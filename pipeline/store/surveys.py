"""Checks of repositories: one row per repository and manifest hash, with its newest run and what was found last.

Problem: a check takes minutes in a process that may die, is asked for twice by impatient people, and must not write over
what a newer one found. Choice: each run has an id, and every write of its process names it; a beat says that the process
lives, and a run without one for a while was interrupted, whoever reads. Invariant: at most one run of a repository beats.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import InvariantBroken
from pipeline.identifiers import new_id
from pipeline.store.tables import repository_surveys as surveys
from pipeline.survey.record import RepositorySurvey, SurveyProgress, SurveyState

LOST_AFTER_S = 20
"""A run whose process has not said for this long that it lives was interrupted."""
_LOST = text(f"interval '{LOST_AFTER_S} seconds'")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSurvey:
    """One row: how the newest run stands, and what was found last at these manifests."""

    id: str
    repository: str
    manifest_hash: str
    state: SurveyState
    base_commit: str
    requested_by: str
    started_at: datetime
    finished_at: datetime | None
    progress: SurveyProgress
    message: str
    """Why a run came to nothing."""
    record: RepositorySurvey | None


class Surveys:
    """The checks of one tenant's repositories, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(
        self, repository: str, manifest_hash: str, *, base_commit: str, requested_by: str
    ) -> tuple[StoredSurvey, bool]:
        """Begin a run, unless one of this repository is on its way; returns it, and whether it is the new one."""
        await self._connection.execute(
            text(
                "SELECT pg_advisory_xact_lock(hashtextextended(current_setting('changeline.tenant') || chr(10) || :name, 7))"
            ),
            {"name": repository},
        )
        going = await self._one(and_(surveys.c.repository == repository, _beating()))
        if going is not None:
            return going, False
        values = {
            "id": new_id("survey"), "state": SurveyState.RUNNING.value, "base_commit": base_commit, "requested_by": requested_by,
            "started_at": func.now(), "beat_at": func.now(), "finished_at": None, "cancelled": False, "message": "",
            "progress": SurveyProgress().model_dump(mode="json"),
        }  # fmt: skip
        statement = upsert(surveys).values(repository=repository, manifest_hash=manifest_hash, **values)
        statement = statement.on_conflict_do_update(
            index_elements=[surveys.c.tenant_id, surveys.c.repository, surveys.c.manifest_hash], set_=values
        )
        await self._connection.execute(statement)
        begun = await self._one(surveys.c.id == values["id"])
        if begun is None:
            raise InvariantBroken("A check that was written is not there.", repository=repository)
        return begun, True

    async def get(self, survey_id: str) -> StoredSurvey | None:
        """Return a run that is still the newest of its row."""
        return await self._one(surveys.c.id == survey_id)

    async def newest(self, repository: str, manifest_hash: str | None = None) -> StoredSurvey | None:
        """Return the newest check of a repository; with a hash, that of these manifests."""
        wanted = surveys.c.repository == repository
        if manifest_hash is not None:
            wanted = and_(wanted, surveys.c.manifest_hash == manifest_hash)
        return await self._one(wanted)

    async def all_newest(self) -> dict[str, StoredSurvey]:
        """Return the newest check of each repository that has one."""
        query = select(surveys, _lost().label("lost")).ext(distinct_on(surveys.c.repository))
        rows = await self._connection.execute(query.order_by(surveys.c.repository, surveys.c.started_at.desc()))
        return {row.repository: _stored(row) for row in rows}

    async def beat(self, survey_id: str, progress: SurveyProgress) -> bool:
        """Say that a run lives and where it is; False when it is not wanted any more."""
        statement = (
            update(surveys)
            .where(surveys.c.id == survey_id, surveys.c.state == SurveyState.RUNNING.value)
            .values(beat_at=func.now(), progress=progress.model_dump(mode="json"))
            .returning(surveys.c.cancelled)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return row is not None and not row.cancelled

    async def end(
        self, survey_id: str, state: SurveyState, *, record: RepositorySurvey | None = None, message: str = ""
    ) -> bool:
        """End a run; without a record what was found before stays. False when it had ended, or a newer one began."""
        values: dict[str, Any] = {"state": state.value, "finished_at": func.now(), "message": message}
        if record is not None:
            values |= {"record": record.model_dump(mode="json"), "base_commit": record.base_commit}
        statement = (
            update(surveys)
            .where(surveys.c.id == survey_id, surveys.c.state == SurveyState.RUNNING.value)
            .values(**values)
            .returning(surveys.c.id)
        )
        return (await self._connection.execute(statement)).one_or_none() is not None

    async def under_way(self) -> int:
        """Count the runs whose processes live."""
        return int((await self._connection.execute(select(func.count()).where(_beating()))).scalar_one())

    async def cancel(self, repository: str) -> bool:
        """Ask the run of a repository to stop, if one is on its way."""
        statement = update(surveys).where(surveys.c.repository == repository, _beating()).values(cancelled=True)
        return (await self._connection.execute(statement.returning(surveys.c.id))).first() is not None

    async def _one(self, wanted: "ColumnElement[bool]") -> StoredSurvey | None:
        query = select(surveys, _lost().label("lost")).where(wanted).order_by(surveys.c.started_at.desc()).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _stored(row)


def _beating() -> "ColumnElement[bool]":
    return and_(surveys.c.state == SurveyState.RUNNING.value, surveys.c.beat_at > func.now() - _LOST)


def _lost() -> "ColumnElement[bool]":
    return and_(surveys.c.state == SurveyState.RUNNING.value, surveys.c.beat_at <= func.now() - _LOST)


def _stored(row: Row[Any]) -> StoredSurvey:
    state = SurveyState.INTERRUPTED if row.lost else SurveyState(row.state)
    return StoredSurvey(
        id=row.id, repository=row.repository, manifest_hash=row.manifest_hash, state=state, base_commit=row.base_commit,
        requested_by=row.requested_by, started_at=row.started_at, finished_at=row.finished_at,
        progress=SurveyProgress.model_validate(row.progress), message=row.message,
        record=None if row.record is None else RepositorySurvey.model_validate(row.record),
    )  # fmt: skip
