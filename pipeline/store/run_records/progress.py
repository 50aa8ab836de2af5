"""How far a run is, as people see it: stage, repositories, pull requests, working time.

Problem: what people look at must not lag behind what the line knows. Choice: stages write it as they learn it, each in
one short statement. Invariant: nothing here decides; writing the same again changes nothing.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, update

from pipeline.change_request import Stage
from pipeline.store.change_requests import ChangeRequests
from pipeline.store.interventions import Interventions
from pipeline.store.leases import Leases
from pipeline.store.run_records.scope import OfRun
from pipeline.store.tables import pull_requests


class RunProgress(OfRun):
    """Implements `pipeline.ports.records.Progress`."""

    async def enter_stage(self, stage: Stage) -> None:
        """See the port."""
        async with self.database.statements() as connection:
            await ChangeRequests(connection).enter_stage(self.cr_id, stage)

    async def record(self, repository: str, **values: Any) -> None:
        """See the port."""
        async with self.database.statements() as connection:
            await ChangeRequests(connection).record_progress(self.cr_id, repository, **values)

    async def store_structured(self, structured: Mapping[str, Any]) -> None:
        """See the port."""
        async with self.database.statements() as connection:
            await ChangeRequests(connection).store_structured(self.cr_id, structured)

    async def structured(self) -> Mapping[str, Any]:
        """See the port."""
        async with self.database.statements() as connection:
            return (await ChangeRequests(connection).get(self.cr_id)).structured

    async def working_time(self) -> tuple[float, int]:
        """See the port."""
        async with self.database.statements() as connection:
            worked_s = await Leases(connection).working_s(self.cr_id)
            return worked_s, await Interventions(connection).times_let_go_on(self.cr_id)


class RunPullRequests(OfRun):
    """Implements `pipeline.ports.records.PullRequests`."""

    async def merged(self, *, repository: str, merge_commit: str) -> None:
        """See the port."""
        table = pull_requests
        where = [table.c.cr_id == self.cr_id, table.c.attempt == self.attempt, table.c.repository == repository]
        values = {"status": "merged", "merge_commit": merge_commit, "updated_at": func.now()}
        async with self.database.statements() as connection:
            await connection.execute(update(table).where(*where).values(**values))
