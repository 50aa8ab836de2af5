"""Runtime settings: read by all, changed by admins."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from controller.auth.principals import Admin, Viewer
from controller.context import Context
from controller.parameters import Identifier, VersionNumber
from controller.settings import service
from controller.settings.schemas import SettingsChange, SettingsList, SettingsRevert, SettingsSection
from controller.text import Stated

router = APIRouter(prefix="/api/v1/settings", tags=["settings"])


@router.get("")
async def list_settings(context: Context, principal: Viewer) -> SettingsList:
    """Return all sections as they hold now."""
    return await service.every(context, principal)


@router.get("/{section}")
async def get_settings(context: Context, principal: Viewer, section: Identifier, response: Response) -> SettingsSection:
    """Return a section as it holds now, its version also as `ETag`."""
    return _with_etag(response, await service.current(context, principal, section))


@router.put("/{section}")
async def put_settings(
    context: Context,
    principal: Admin,
    section: Identifier,
    asked: SettingsChange,
    response: Response,
    if_match: Annotated[Annotated[str, Stated(service.ETAG)] | None, Header(max_length=100)] = None,
) -> SettingsSection:
    """Store a new version of a section. It holds for change requests that are submitted from now on."""
    return _with_etag(response, await service.change(context, principal, section, asked, if_match))


@router.get("/{section}/history")
async def get_history(context: Context, principal: Viewer, section: Identifier) -> SettingsList:
    """Return all versions of a section, newest first."""
    return await service.history(context, principal, section)


@router.post("/{section}/revert/{version}")
async def revert(
    context: Context,
    principal: Admin,
    section: Identifier,
    version: VersionNumber,
    response: Response,
    asked: SettingsRevert | None = None,
) -> SettingsSection:
    """Store an older value as a new version."""
    note = asked.note if asked else ""
    return _with_etag(response, await service.revert(context, principal, section, version, note))


def _with_etag(response: Response, stored: SettingsSection) -> SettingsSection:
    response.headers["ETag"] = f'"{stored.version}"'
    return stored
