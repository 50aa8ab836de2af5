"""Pull requests of the local forge: Changeline keeps them itself, one per repository and attempt."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.store.tables import pull_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """What is proposed for one repository. `status`: open, merged, closed."""

    cr_id: str
    attempt: int
    repository: str
    title: str
    body: str
    base_branch: str
    head_branch: str
    head_commit: str
    status: str
    merge_commit: str | None
    created_at: datetime
    updated_at: datetime


class PullRequests:
    """The pull requests of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(
        self, cr_id: str, attempt: int, repository: str, *,
        title: str, body: str, base_branch: str, head_branch: str, head_commit: str,
    ) -> None:  # fmt: skip
        """Open it, or bring an open one up to date. Idempotent."""
        values = {"title": title, "body": body, "base_branch": base_branch, "head_branch": head_branch}
        row = {"cr_id": cr_id, "attempt": attempt, "repository": repository, "head_commit": head_commit, **values}
        statement = upsert(pull_requests).values(**row)
        changed = {**values, "head_commit": head_commit, "updated_at": func.now()}
        still_open = pull_requests.c.status == "open"
        await self._connection.execute(
            statement.on_conflict_do_update(constraint=pull_requests.primary_key, set_=changed, where=still_open)
        )

    async def end(
        self, cr_id: str, attempt: int, repository: str, *, status: str, merge_commit: str | None = None
    ) -> None:
        """Mark an open one as merged or closed. Idempotent."""
        table = pull_requests
        where = (table.c.cr_id == cr_id) & (table.c.attempt == attempt) & (table.c.repository == repository)
        values = {"status": status, "merge_commit": merge_commit, "updated_at": func.now()}
        await self._connection.execute(update(table).where(where, table.c.status == "open").values(**values))

    async def of(self, cr_id: str) -> list[PullRequest]:
        """Return those of a change request, by attempt and repository."""
        table = pull_requests
        query = select(table).where(table.c.cr_id == cr_id).order_by(table.c.attempt, table.c.repository)
        return [_pull_request(row) for row in (await self._connection.execute(query)).mappings()]


def _pull_request(row: RowMapping) -> PullRequest:
    return PullRequest(**{name: row[name] for name in PullRequest.__slots__})
