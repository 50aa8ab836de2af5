"""`settings`: what operators change while the system runs, in versions that can be gone back to."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli.options import Json
from cli.output import Output
from cli.session import begin
from controller.settings.schemas import SettingsList, SettingsSection, SettingsView
from pipeline.errors import CallerError

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="settings")

Section = Annotated[str, typer.Argument(metavar="SECTION", help="Such as pipeline, models, security, delivery.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; it is kept with the version.")]
_PATH = "/api/v1/settings"


@group.callback()
def _group() -> None:
    """Show and change runtime settings, which are kept in versions.

    A change holds for change requests that are submitted from then on.
    """


@group.command("get")
def get_settings(
    section: Annotated[str | None, typer.Argument(metavar="SECTION", help="[default: all]", show_default=False)] = None,
    *,
    as_json: Json = False,
) -> None:
    """Show settings as they hold now."""
    with begin(as_json=as_json) as session:
        if section:
            shown: SettingsSection | SettingsList = session.client.get(_address(section), SettingsSection)
        else:
            shown = session.client.get(_PATH, SettingsList)
        if as_json:
            session.out.value(shown)
        for one in [shown] if isinstance(shown, SettingsSection) else shown.items:
            _print_section(session.out, one)


@group.command("set")
def set_settings(
    section: Section,
    changes: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="Dotted keys; values are JSON, or else plain text.")
    ],
    *,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Change settings of one section, all together or not at all.

    For example: changeline settings set pipeline budget_usd=25
    """
    with begin(as_json=as_json) as session:
        present = session.client.get(_address(section), SettingsSection)
        for change in changes:
            _apply(present.value, change)
        body = {"value": present.value, "version": present.version, "note": note}
        stored = session.client.put(_address(section), SettingsSection, body)
        if as_json:
            session.out.value(stored)
        _print_section(session.out, stored)


@group.command()
def history(section: Section, *, as_json: Json = False) -> None:
    """List the versions of a section, newest first."""
    with begin(as_json=as_json) as session:
        found = session.client.get(f"{_address(section)}/history", SettingsList)
        if as_json:
            session.out.value(found)
        rows = [(one.version, _moment_of(one), one.changed_by, one.note) for one in found.items]
        session.out.table(("version", "changed at", "by", "note"), rows, empty="It was never changed.")


@group.command()
def revert(
    section: Section,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=0, help="0 is the default.")],
    *,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Make an older version hold again, as a new one."""
    with begin(as_json=as_json) as session:
        stored = session.client.post(f"{_address(section)}/revert/{version}", SettingsSection, {"note": note})
        if as_json:
            session.out.value(stored)
        _print_section(session.out, stored)


def _apply(value: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise CallerError(f"{change!r} is no change.", field="KEY=VALUE", remedy="Write it like budget_usd=25.")
    *path, last = key.split(".")
    place = value
    for part in path:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise CallerError(f"{part!r} has no settings of its own.", field=key, remedy="Shorten the key.")
        place = inner
    try:
        place[last] = json.loads(text)
    except ValueError:
        place[last] = text


def _print_section(out: Output, one: SettingsView) -> None:
    who = f", by {one.changed_by}" if one.version else ", the default"
    out.line(f"{one.section} (version {one.version}{who})", "bold")
    for key, value in _flat(one.value):
        out.line(f"  {key} = {json.dumps(value, ensure_ascii=False)}")


def _moment_of(one: SettingsView) -> str:
    return one.changed_at.isoformat().replace("+00:00", "Z") if one.changed_at else ""


def _flat(value: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for key, inner in value.items():
        lines += _flat(inner, f"{before}{key}.") if isinstance(inner, dict) and inner else [(f"{before}{key}", inner)]
    return lines


def _address(section: str) -> str:
    return f"{_PATH}/{quote(section, safe='')}"
