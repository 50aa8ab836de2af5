"""`replay`: the decisions of a finished change request, made again by the code that is installed here."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import CHECK_FAILED
from cli.journal_files import fetch, is_file, read_file
from cli.options import Json
from cli.output import Output
from cli.session import begin
from pipeline.replay import file as journal_file
from pipeline.replay.report import Divergence, Report, replay

app = typer.Typer()


@app.callback()
def _verbs() -> None:
    pass


@app.command("replay")
def replay_journal(
    named: Annotated[
        str, typer.Argument(metavar="CR|FILE", help="A change request, an imported journal, or an exported file.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Make a change request's decisions again from its journal, without tokens.

    No model is asked and no tool runs: recorded answers and tool results go through the code that is installed here. Exit
    0 when everything comes out as recorded, 1 at the first divergence, 2 when there is no such journal.
    """
    recording = journal_file.read(_content(named, as_json=as_json))
    report = asyncio.run(replay(recording))
    out = Output(as_json=as_json)
    if as_json:
        out.value(report.plain())
    _print(out, report)
    raise typer.Exit(0 if report.ok else CHECK_FAILED)


def _content(named: str, *, as_json: bool) -> bytes:
    if is_file(named):
        return read_file(Path(named))
    with begin(as_json=as_json) as session:
        return fetch(session.client, named)


def _print(out: Output, report: Report) -> None:
    out.line(f"{report.cr_id}: {report.title}", "bold")
    cut = f", {report.unfinished} of them cut for good" if report.unfinished else ""
    out.line(f"  {report.conversations} conversations{cut}, {report.turns} turns")
    by_size = f", {report.requests_unchecked} by their size only" if report.requests_unchecked else ""
    out.line(f"  {report.requests_checked} requests compared byte for byte{by_size}")
    if report.judged_by_shape:
        out.line(f"  {report.judged_by_shape} conversations of an older version: submissions compared by their shape")
    out.line(f"  {report.verdicts} verdicts and {report.steps} steps of the line decided again")
    if report.divergence is None:
        out.line("Everything came out as recorded.", "bold green")
    else:
        _print_divergence(out, report.divergence)


def _print_divergence(out: Output, found: Divergence) -> None:
    out.line("IT COMES OUT DIFFERENTLY", "bold red")
    where = [f"attempt {found.attempt}", found.stage, found.repository, found.role, found.instance]
    if found.turn is not None:
        where.append(f"turn {found.turn}")
    out.line(f"  {' · '.join(part for part in where if part)}: {found.what}")
    out.line(f"  recorded: {found.expected}")
    out.line(f"  now:      {found.got}")
