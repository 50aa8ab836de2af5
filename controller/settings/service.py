"""Reading and changing runtime settings: validated before they are stored, and never from a stale page."""

import re
from collections.abc import Mapping
from typing import Any

from controller.context import ControllerContext
from controller.errors import PreconditionMissing
from controller.receivers import check_receiver
from controller.settings import schemas
from pipeline.access import Principal
from pipeline.errors import CallerError
from pipeline.settings.runtime import SECTIONS, DispatchSettings, NotificationSettings, parse_section
from pipeline.store.audit import Audit
from pipeline.store.settings import SettingsVersions

ETAG = r'^(?:W/)?"([0-9]{1,9})"$'


async def every(context: ControllerContext, principal: Principal) -> schemas.SettingsList:
    """Return all sections as they hold now."""
    async with context.database.transaction(principal.tenant) as connection:
        versions = SettingsVersions(connection)
        found = [await versions.current(section) for section in SECTIONS]
    return schemas.SettingsList(items=[schemas.settings_view(one) for one in found])


async def current(context: ControllerContext, principal: Principal, section: str) -> schemas.SettingsSection:
    """Return one section as it holds now."""
    async with context.database.transaction(principal.tenant) as connection:
        return schemas.settings_section(await SettingsVersions(connection).current(section))


async def history(context: ControllerContext, principal: Principal, section: str) -> schemas.SettingsList:
    """Return all versions of a section, newest first."""
    async with context.database.transaction(principal.tenant) as connection:
        found = await SettingsVersions(connection).history(section)
    return schemas.SettingsList(items=[schemas.settings_view(one) for one in found])


async def change(
    context: ControllerContext,
    principal: Principal,
    section: str,
    asked: schemas.SettingsChange,
    if_match: str | None,
) -> schemas.SettingsSection:
    """Store a new version; raises `CallerError` naming the field, or `Conflict` when somebody else was faster."""
    value = await _check(context, principal, section, asked.value)
    expected = _expected_version(asked.version, if_match)
    async with context.database.transaction(principal.tenant) as connection:
        stored = await SettingsVersions(connection).put(
            section, value, expected=expected, changed_by=principal.id, note=asked.note
        )
        await Audit(connection).note(principal.id, "settings_changed", section, version=stored.version)
    await context.bells.ring(principal.tenant, "queue")
    return schemas.settings_section(stored)


async def revert(
    context: ControllerContext, principal: Principal, section: str, version: int, note: str
) -> schemas.SettingsSection:
    """Store the value of an older version as a new one, if this program still accepts it."""
    async with context.database.transaction(principal.tenant) as connection:
        versions = SettingsVersions(connection)
        old = await versions.version(section, version)
        value = await _check(context, principal, section, old.value)
        now = await versions.current(section)
        note = note or f"Back to version {version}"
        stored = await versions.put(section, value, expected=now.version, changed_by=principal.id, note=note)
        await Audit(connection).note(
            principal.id, "settings_reverted", section, version=stored.version, to_version=version
        )
    await context.bells.ring(principal.tenant, "queue")
    return schemas.settings_section(stored)


async def _check(
    context: ControllerContext, principal: Principal, section: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    parsed = parse_section(section, value)
    if isinstance(parsed, DispatchSettings) and parsed.all_workers_max is not None:
        _check_may_limit_all(context, principal)
    if isinstance(parsed, NotificationSettings) and parsed.url is not None:
        await check_receiver(context.wiring.webhooks, parsed.url, parsed.secret, "notifications.url")
    return parsed.model_dump(mode="json")


def _check_may_limit_all(context: ControllerContext, principal: Principal) -> None:
    """No tenant may take workers from another."""
    own = context.settings.tenant
    if principal.tenant != own:
        raise CallerError(
            "The limit of all tenants together is not this tenant's to set.", field="dispatch.all_workers_max",
            remedy="Leave it out; set workers_max for this tenant.",
        )  # fmt: skip


def _expected_version(version: int | None, if_match: str | None) -> int:
    if if_match is not None:
        found = re.fullmatch(ETAG, if_match.strip())
        if found is None:
            raise CallerError(
                "This is not an ETag of ours.", field="If-Match", remedy='Send the ETag received, such as "3".'
            )
        matched = int(found[1])
        if version is not None and version != matched:
            raise CallerError("`If-Match` and `version` differ.", field="version", remedy="Send one of them.")
        return matched
    if version is None:
        raise PreconditionMissing(
            "A change has to name the version it was made from.", field="version",
            remedy="Send `version`, or `If-Match` with the ETag of what you read.",
        )  # fmt: skip
    return version
