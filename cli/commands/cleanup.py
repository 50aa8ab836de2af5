"""`cleanup`: what becomes of the artifacts of a change request that failed, was cancelled or aborted."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from cli.change_requests import identify, path_of
from cli.options import Json, Yes
from cli.output import Output, age_of, one_line, words
from cli.session import begin
from controller.cleanup.schemas import (
    ArtifactKind,
    AtRemote,
    CleanupArtifact,
    CleanupChoice,
    CleanupView,
    StaleBranch,
    StaleBranches,
)
from pipeline.errors import CallerError

app = typer.Typer()

_STALE = "/api/v1/stale-branches"
_OPEN = "open"


class Branches(StrEnum):
    """What becomes of branches."""

    KEEP = "keep"
    DELETE = "delete"


class PullRequests(StrEnum):
    """What becomes of pull requests."""

    CLOSE = "close"
    LEAVE = "leave"


class Snapshots(StrEnum):
    """What becomes of snapshots."""

    KEEP = "keep"
    DELETE = "delete"


class Source(StrEnum):
    """What becomes of the report to the source."""

    REPORT = "report"
    LEAVE = "leave"


@app.callback()
def _group() -> None:
    pass


@app.command()
def cleanup(
    cr: Annotated[
        str | None, typer.Argument(metavar="[CR]", help="Id of a change request; `latest` is the newest.")
    ] = None,
    *,
    list_all: Annotated[
        bool, typer.Option("--list", help="List what all ended change requests left at remotes, and decide nothing.")
    ] = False,
    repository: Annotated[str | None, typer.Option("--repo", metavar="NAME", help="With --list: only there.")] = None,
    branches: Annotated[Branches | None, typer.Option(help="For every branch that is left. [default: keep]")] = None,
    pull_requests: Annotated[
        PullRequests | None, typer.Option(help="For every pull request that is open. [default: close]")
    ] = None,
    snapshots: Annotated[
        Snapshots | None, typer.Option(help="For the saved work in progress of each repository. [default: keep]")
    ] = None,
    source: Annotated[
        Source | None,
        typer.Option(help="For the source, when the report of the end did not reach it. [default: report]"),
    ] = None,
    artifact: Annotated[
        list[str] | None, typer.Option("--artifact", metavar="ID=CHOICE", help="For one artifact; can be repeated.")
    ] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Decide everything by its default.")] = False,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="Put it off; nothing happens.")] = False,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Written on what is closed.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Decide what becomes of the branches, pull requests, snapshots and unsent report that are left.

    Without a choice it only shows them, with the default of each. Nothing is deleted by itself, and it can be decided
    again later.
    """
    with begin(as_json=as_json) as session:
        if (cr is None) is not list_all:
            raise CallerError("Which change request?", field="CR", remedy="Name one, or list all with --list.")
        if cr is None:
            _show_all(session.out, session.client.get(_STALE, StaleBranches, repository=repository), as_json=as_json)
            return
        cr_id = identify(session.client, cr)
        found = session.client.get(f"{path_of(cr_id)}/cleanup", CleanupView)
        by_kind: Mapping[ArtifactKind, StrEnum | None] = {
            ArtifactKind.BRANCH: branches, ArtifactKind.PULL_REQUEST: pull_requests,
            ArtifactKind.SNAPSHOTS: snapshots, ArtifactKind.SOURCE: source,
        }  # fmt: skip
        chosen = _choices(found, by_kind, artifact or [], defaults=defaults)
        if not chosen and not dismiss:
            _show(session.out, found, as_json=as_json)
            return
        _confirm(session.out, found, chosen, yes=yes or as_json)
        decisions = [{"artifact": name, "choice": choice} for name, choice in chosen.items()]
        body = {"decisions": decisions, "dismiss": dismiss, "comment": comment}
        _show(session.out, session.client.post(f"{path_of(cr_id)}/cleanup", CleanupView, body), as_json=as_json)


def _choices(
    found: CleanupView, by_kind: Mapping[ArtifactKind, StrEnum | None], artifacts: list[str], *, defaults: bool
) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for one in found.artifacts:
        chosen_for_kind = by_kind[one.kind] or (one.default if defaults else None)
        if chosen_for_kind is not None and one.options:
            chosen[one.id] = chosen_for_kind.value
    for pair in artifacts:
        name, separator, choice = pair.rpartition("=")
        if not separator:
            raise CallerError(f"{pair!r} is no choice.", field="--artifact", remedy="Write ID=CHOICE.")
        chosen[name] = choice
    return chosen


def _confirm(out: Output, found: CleanupView, chosen: Mapping[str, str], *, yes: bool) -> None:
    lost = [one for one in found.artifacts if chosen.get(one.id) == CleanupChoice.DELETE]
    for one in lost:
        out.warn(one.warning)
    if lost and not yes and not typer.confirm("Delete them?"):
        raise typer.Abort


def _show(out: Output, found: CleanupView, *, as_json: bool) -> None:
    if as_json:
        out.value(found)
        return
    rows = [(one.id, one_line(one.name), words(one.state), _options(one)) for one in found.artifacts]
    out.table(("artifact", "name", "state", "choices"), rows, empty="Nothing is left.")
    if found.pending:
        out.line(f"Nothing happens by itself. Decide with: changeline cleanup {found.change_request} --defaults")


def _show_all(out: Output, found: StaleBranches, *, as_json: bool) -> None:
    if as_json:
        out.value(found)
        return
    rows = [
        (one.change_request, one.status, age_of(one.ended_at), one.created_by,
         one.artifact.repository, one_line(one.artifact.name), _at_remote(one))
        for one in found.items
    ]  # fmt: skip
    headings = ("change request", "status", "ended", "by", "repository", "left", "at the remote")
    out.table(headings, rows, empty="Nothing is left at a remote.")
    if found.truncated:
        out.warn("There are more: only the change requests that ended first were looked at.")
    if found.items:
        out.line("Nothing is deleted by itself. Decide with: changeline cleanup CR --branches delete")


def _at_remote(one: StaleBranch) -> str:
    if one.artifact.state != _OPEN:
        return words(one.artifact.state)
    return one_line(one.why_unknown) if one.at_remote is AtRemote.UNKNOWN else one.at_remote.value


def _options(one: CleanupArtifact) -> str:
    return ", ".join(f"{option} (default)" if option is one.default else option.value for option in one.options)
