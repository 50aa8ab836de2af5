"""Registered repositories of a tenant: a name people use, a remote, a base branch, how its tests run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.change_request import ForgeKind, Reach, RepositoryTarget
from pipeline.errors import Conflict, NotFound
from pipeline.repositories.remote_address import local_path_of
from pipeline.store.principals import tenant_ids
from pipeline.store.tables import repositories

_SETTINGS = (
    "test_command",
    "behaviour_path",
    "merge_strategy",
    "forge",
    "reach",
    "unprotected_accepted_by",
    "unprotected_accepted_why",
    "unprotected_accepted",
)
_TENANT = text("SELECT set_config('changeline.tenant', :tenant, true)")


class Repositories:
    """The registered repositories of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, target: RepositoryTarget) -> RepositoryTarget:
        """Store a repository under its name; raises `Conflict` when the name or the remote and branch are taken."""
        values = {"remote": target.remote, "base_branch": target.base_branch, "settings": _settings(target)}
        statement = upsert(repositories).values(name=target.name, **values).on_conflict_do_nothing()
        stored = await self._connection.execute(statement.returning(repositories.c.name))
        if stored.scalar_one_or_none() is None:
            raise Conflict(
                "A repository with this name, or with this remote and branch, is registered already.",
                field="name", remedy="Use the registered one, or another name.", name=target.name,
            )  # fmt: skip
        return target

    async def register_on_the_way(self, target: RepositoryTarget) -> RepositoryTarget:
        """Return the registered repository of the same remote and branch, or register it under the next free name."""
        number = 1
        while True:
            if (known := await self.by_remote(target.remote, target.base_branch)) is not None:
                return known
            name = target.name if number == 1 else f"{target.name}-{number}"
            values = {"remote": target.remote, "base_branch": target.base_branch, "settings": _settings(target)}
            statement = upsert(repositories).values(name=name, **values).on_conflict_do_nothing()
            stored = await self._connection.execute(statement.returning(repositories.c.name))
            if stored.scalar_one_or_none() is not None:
                return await self.get(name)
            number += 1

    async def accept_unprotected(self, name: str, accepted: RepositoryTarget) -> RepositoryTarget:
        """Take over who accepted what of a test command that cannot be protected, and why; raises `NotFound`."""
        target = replace(
            await self.get(name), unprotected_accepted_by=accepted.unprotected_accepted_by,
            unprotected_accepted_why=accepted.unprotected_accepted_why, unprotected_accepted=accepted.unprotected_accepted,
        )  # fmt: skip
        changed = update(repositories).where(repositories.c.name == name).values(settings=_settings(target))
        await self._connection.execute(changed)
        return target

    async def get(self, name: str) -> RepositoryTarget:
        """Return it or raise `NotFound`."""
        query = select(repositories).where(repositories.c.name == name)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound("repository", name)
        return _target(row)

    async def by_remote(self, remote: str, base_branch: str) -> RepositoryTarget | None:
        """Return the repository registered for a remote and branch."""
        query = select(repositories).where(repositories.c.remote == remote, repositories.c.base_branch == base_branch)
        row = (await self._connection.execute(query)).one_or_none()
        return _target(row) if row else None

    async def all(self) -> list[RepositoryTarget]:
        """Return all by name."""
        rows = await self._connection.execute(select(repositories).order_by(repositories.c.name))
        return [_target(row) for row in rows]


async def paths_of_other_tenants(connection: AsyncConnection) -> list[str]:
    """Return the paths of this machine that tenants other than the transaction's have registered, without saying whose.

    As in dispatch, the tenant setting moves from tenant to tenant, so row-level security holds for each step; it ends
    where it began.
    """
    own = str((await connection.execute(text("SELECT current_setting('changeline.tenant', true)"))).scalar_one())
    found: list[str] = []
    for tenant in await tenant_ids(connection):
        if tenant != own:
            await connection.execute(_TENANT, {"tenant": tenant})
            found += [local_path_of(one.remote) or "" for one in await Repositories(connection).all()]
    await connection.execute(_TENANT, {"tenant": own})
    return [path for path in found if path]


def _settings(target: RepositoryTarget) -> dict[str, Any]:
    return {key: getattr(target, key) for key in _SETTINGS}


def _target(row: Row[Any]) -> RepositoryTarget:
    settings = {key: value for key, value in row.settings.items() if key in _SETTINGS}
    known = {"name": row.name, "remote": row.remote, "base_branch": row.base_branch}
    return stored_target({**settings, **known})


def stored_target(row: Mapping[str, Any]) -> RepositoryTarget:
    """Return a repository as a change request froze it."""
    leads = leads_of(row)
    accepted = tuple(row.get("unprotected_accepted", ()))
    return RepositoryTarget(**{**row, "reach": leads.reach, "forge": leads.forge, "unprotected_accepted": accepted})


class Leads(BaseModel):
    """Where the remote of a stored repository leads."""

    model_config = ConfigDict(frozen=True)

    reach: Reach = Reach.PRIVATE
    """Older rows do not say: they keep what they could when they were made."""
    forge: ForgeKind = ForgeKind.LOCAL
    """Older rows do not say: there was one."""


def leads_of(row: Mapping[str, Any]) -> Leads:
    """Return where a repository leads, as it was registered or frozen."""
    return Leads.model_validate(row)
