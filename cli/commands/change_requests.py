"""`list`, `show`, `diff`: reading without changing anything."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from cli.change_requests import change_request, identify, path_of
from cli.options import ChangeRequest, Json
from cli.outcome import cost_words, print_choices, print_takeover, queue_words, stage_words
from cli.output import Output, age_of, one_line, printable, status_markup, words
from cli.session import begin
from controller.change_requests.schemas import (
    ChangeRequestDetail,
    ChangeRequestPage,
    ChangeRequestSummary,
    InterventionView,
    RepositoryView,
)
from controller.views.schemas import DiffList, RepositoryDiffView
from pipeline.change_request import Status
from pipeline.interventions.intervention import Said

app = typer.Typer()

_SHORT = 12
_PATCH_STYLES = (
    ("+++", "bold"),
    ("---", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
    ("diff ", "bold yellow"),
)


@app.command("list")
def list_requests(
    *,
    status: Annotated[list[Status] | None, typer.Option(help="Only these; may be given several times.")] = None,
    repo: Annotated[str | None, typer.Option("--repo", metavar="NAME", help="Only of this repository.")] = None,
    query: Annotated[
        str | None, typer.Option("--query", "-q", metavar="WORDS", help="Words of the title, or an id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on where the previous page ended.")] = None,
    as_json: Json = False,
) -> None:
    """List change requests, newest first."""
    with begin(as_json=as_json) as session:
        statuses = [one.value for one in status] if status else None
        page = session.client.get(
            "/api/v1/change-requests",
            ChangeRequestPage,
            status=statuses,
            repository=repo,
            q=query,
            limit=limit,
            cursor=cursor,
        )
        if as_json:
            session.out.value(page)
        rows = [
            (
                one.id,
                one.status,
                _where(one),
                one.title,
                ", ".join(one.repositories),
                one.cost_usd,
                age_of(one.created_at),
            )
            for one in page.items
        ]
        headings = ("id", "status", "at", "title", "repositories", "USD", "age")
        session.out.table(headings, rows, empty="There are no such change requests.")
        if page.next_cursor:
            session.out.note(f"More: changeline list --cursor {page.next_cursor}")


@app.command()
def show(cr: ChangeRequest, *, as_json: Json = False) -> None:
    """Show one change request.

    Where it stands, why, what it cost, what people said, and what you can do now.
    """
    with begin(as_json=as_json) as session:
        detail, out = change_request(session.client, cr), session.out
        if as_json:
            out.value(detail)
        out.styled(f"[bold]{escape(one_line(detail.title))}[/bold]  [dim]{detail.id}[/dim]")
        reason = detail.pause.reason if detail.pause else None
        out.styled(f"{status_markup(detail.status, reason)}{_at_stage(detail)}")
        if detail.pause:
            out.line(f"  {detail.pause.message}")
            for name, value in detail.pause.facts.items():
                if name != "before":  # what it had stopped for earlier, which counts again later
                    out.line(f"  {words(name)}: {one_line(value)}")
        out.line(f"Model: {detail.model.name}   Cost: {cost_words(detail)}   Attempt: {detail.attempt}")
        out.line(f"Submitted by {detail.created_by} from {detail.source}, {age_of(detail.created_at)} ago")
        for one in detail.repositories:
            _show_repository(out, one)
        for pull in detail.pull_requests:
            out.line(f"Pull request: {pull.title} ({pull.head_branch} into {pull.base_branch}, {pull.status})")
        for said in detail.interventions:
            out.line(_intervention_line(said))
        print_takeover(out, detail)
        print_choices(out, detail)


@app.command()
def diff(
    cr: ChangeRequest,
    *,
    repo: Annotated[str | None, typer.Option("--repo", metavar="NAME", help="Only of this repository.")] = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only names and sizes.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a change request changes.

    From the commit it started on to its newest one, as a patch that `git apply` takes.
    """
    with begin(as_json=as_json) as session:
        found = session.client.get(f"{path_of(identify(session.client, cr))}/diff", DiffList, repository=repo)
        if as_json:
            session.out.value(found)
            return
        for one in found.items:
            if one.base is None or one.head is None:
                session.out.note(f"{one.repository}: nothing was changed so far.")
            elif stat:
                _print_stat(session.out, one, one.base, one.head)
            else:
                _print_patch(session.out, one)


def _print_stat(out: Output, one: RepositoryDiffView, base: str, head: str) -> None:
    out.line(f"{one.repository}  {base[:_SHORT]} → {head[:_SHORT]}", "bold")
    rows = [(file.status, file.path, f"+{file.added}", f"-{file.removed}") for file in one.files]
    out.table(("status", "path", "added", "removed"), rows, empty="No file differs.")


def _print_patch(out: Output, one: RepositoryDiffView) -> None:
    if sys.stdout.isatty():
        for line in one.patch.splitlines():
            out.line(printable(line), next((style for start, style in _PATCH_STYLES if line.startswith(start)), None))
    else:
        sys.stdout.write(one.patch)
    if one.truncated:
        out.warn(f"The patch of {one.repository} was cut; see all of it with git, from {one.base} to {one.head}.")


def _show_repository(out: Output, one: RepositoryView) -> None:
    out.styled(f"Repository: [bold]{escape(one_line(one.name))}[/bold]  {escape(one_line(one.remote))}")
    out.line(f"  base {one.base_branch}{_commit(one.base_commit)}, branch {one.branch or 'none yet'}")
    for name, commit in (("tests", one.tests_commit), ("head", one.head_commit), ("merge", one.merge_commit)):
        if commit:
            out.line(f"  {name}{_commit(commit)}")


def _intervention_line(one: InterventionView) -> str:
    turn = f" at turn {one.delivered_turn}" if one.delivered_turn is not None else ""
    text = Said.model_validate(one.body).instructions or one.note
    return f"{one.actor} said {one.action} ({one.status}{turn}){': ' + one_line(text) if text else ''}"


def _commit(commit: str | None) -> str:
    return f" {commit[:_SHORT]}" if commit else ""


def _where(one: ChangeRequestSummary) -> str:
    if one.queue:
        return queue_words(one.queue)
    if one.pause_reason or one.wait_kind or one.stage is None:
        return words(one.pause_reason or one.wait_kind or "")
    return stage_words(one.stage)


def _at_stage(detail: ChangeRequestDetail) -> str:
    worker = detail.worker
    activity = f", worker {worker.epoch}: {worker.activity}" if worker and worker.alive else ""
    queued = f", {queue_words(detail.queue)}" if detail.queue else ""
    return f" at {stage_words(detail.stage)}{activity}{queued}" if detail.stage else queued
