"""Settings as operators see and change them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from controller.text import JsonObject, Line
from pipeline.settings.runtime import SECTIONS

if TYPE_CHECKING:  # the command line reads these models too, and waits for no database driver
    from pipeline.store.settings import SettingsVersion


class SettingsView(BaseModel):
    """One version of one section. Version 0 is the default."""

    section: str
    version: int
    value: dict[str, Any]
    changed_by: str
    changed_at: datetime | None
    note: str


class SettingsSection(SettingsView):
    """What holds now, with the JSON Schema that forms are made from."""

    json_schema: dict[str, Any]


class SettingsList(BaseModel):
    """All sections as they hold now, or all versions of one."""

    items: list[SettingsView]


class SettingsChange(BaseModel):
    """A whole new value of a section; fields left out take their defaults."""

    model_config = ConfigDict(extra="forbid")

    value: JsonObject
    version: Annotated[int, Field(ge=0, le=2**31 - 2)] | None = None
    """The version this change was made from; or send it as `If-Match`."""
    note: Annotated[Line, StringConstraints(max_length=500)] = ""


class SettingsRevert(BaseModel):
    """Why somebody goes back."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[Line, StringConstraints(max_length=500)] = ""


def settings_view(version: "SettingsVersion") -> SettingsView:
    """Return a version as the API shows it."""
    return SettingsView(**_fields(version))


def settings_section(version: "SettingsVersion") -> SettingsSection:
    """Return a version with its schema."""
    return SettingsSection(**_fields(version), json_schema=SECTIONS[version.section].model_json_schema())


def _fields(version: "SettingsVersion") -> dict[str, Any]:
    return {name: getattr(version, name) for name in SettingsView.model_fields}
