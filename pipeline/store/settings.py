"""Versions of the runtime settings: every value ever stored stays, the newest one holds.

A change names the version it was made from, so that two people who edit at the same time do not overwrite each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import Conflict, NotFound
from pipeline.settings.runtime import SECTIONS, RuntimeSettings
from pipeline.store.tables import settings_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsVersion:
    """One version of one section. Version 0 is the default that nobody stored."""

    section: str
    version: int
    value: Mapping[str, Any]
    changed_by: str
    changed_at: datetime | None
    note: str


class SettingsVersions:
    """The runtime settings of one tenant, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def current(self, section: str) -> SettingsVersion:
        """Return what holds now; the default when nothing was stored. Raises `NotFound` for an unknown section."""
        default = _default(section)
        query = select(settings_versions).where(settings_versions.c.section == section)
        newest = query.order_by(settings_versions.c.version.desc()).limit(1)
        row = (await self._connection.execute(newest)).mappings().one_or_none()
        return _version(row) if row else default

    async def version(self, section: str, version: int) -> SettingsVersion:
        """Return one version or raise `NotFound`."""
        if version == 0:
            return _default(section)
        where = (settings_versions.c.section == section) & (settings_versions.c.version == version)
        row = (await self._connection.execute(select(settings_versions).where(where))).mappings().one_or_none()
        if row is None:
            raise NotFound("settings version", f"{section}/{version}")
        return _version(row)

    async def history(self, section: str) -> list[SettingsVersion]:
        """Return all versions, newest first, the default last."""
        default = _default(section)
        query = select(settings_versions).where(settings_versions.c.section == section)
        rows = (await self._connection.execute(query.order_by(settings_versions.c.version.desc()))).mappings()
        return [*(_version(row) for row in rows), default]

    async def put(
        self, section: str, value: Mapping[str, Any], *, expected: int, changed_by: str, note: str = ""
    ) -> SettingsVersion:
        """Store the version after `expected`; raises `Conflict` when somebody else stored one since."""
        row = {"section": section, "version": expected + 1, "value": dict(value), "changed_by": changed_by}
        now = await self.current(section)
        if now.version == expected:
            statement = upsert(settings_versions).values(**row, note=note).on_conflict_do_nothing()
            stored = await self._connection.execute(statement.returning(settings_versions.c.version))
            if stored.scalar_one_or_none() is not None:
                return await self.version(section, expected + 1)
            now = await self.current(section)
        raise Conflict(
            f"The settings {section} are at version {now.version}, not {expected}.",
            field="version", remedy="Look at the present version and make your change again.", version=now.version,
        )  # fmt: skip

    async def configuration(self) -> RuntimeSettings:
        """Return all sections as they hold now. Fields that this version no longer has are left out."""
        table = settings_versions
        newest = select(table.c.section, table.c.value).ext(distinct_on(table.c.section))
        rows = await self._connection.execute(newest.order_by(table.c.section, table.c.version.desc()))
        held = {row.section: row.value for row in rows}
        values: dict[str, Any] = {}
        for section, model in SECTIONS.items():
            stored = held.get(section, {})
            values[section] = {name: value for name, value in stored.items() if name in model.model_fields}
        return RuntimeSettings.model_validate(values)


def _default(section: str) -> SettingsVersion:
    model = SECTIONS.get(section)
    if model is None:
        raise NotFound("settings section", section)
    value = model().model_dump(mode="json")
    return SettingsVersion(section=section, version=0, value=value, changed_by="", changed_at=None, note="default")


def _version(row: Mapping[Any, Any]) -> SettingsVersion:
    return SettingsVersion(**{name: row[name] for name in SettingsVersion.__slots__})
