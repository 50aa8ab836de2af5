"""`journal`: a change request's journal as one file, out of one installation and into another."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cli.change_requests import identify, path_of
from cli.journal_files import JOURNALS, read_file
from cli.local.data_directory import storage_refusal
from cli.options import ChangeRequest, Json
from cli.session import begin
from controller.journals.schemas import ImportedJournalList, ImportedJournalView
from pipeline.machine.private_files import write_private
from pipeline.replay import file as journal_file

app = typer.Typer()
group = typer.Typer(no_args_is_help=True)
app.add_typer(group, name="journal")


@group.callback()
def _group() -> None:
    """Export and import the journals of change requests.

    A journal holds what agents and the pipeline said to each other, with the proofs, in one checksummed file.
    """


@group.command("export")
def export_journal(
    cr: ChangeRequest,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Save the journal here.")],
    as_json: Json = False,
) -> None:
    """Save the journal of a change request in one file.

    It holds the conversations word for word, so treat it like the repository. A journal with a secret is refused.
    """
    with begin(as_json=as_json) as session:
        content = session.client.content(f"{path_of(identify(session.client, cr))}/journal")
        try:
            write_private(output.absolute(), content)
        except OSError as error:
            raise storage_refusal(error, output, field="--output") from error
        saved = {"file": str(output), "bytes": len(content), "sha256": journal_file.digest(content)}
        if as_json:
            session.out.value(saved)
        replay = f"changeline replay {shlex.quote(str(output))}"
        session.out.line(f"Saved to {output} ({len(content):,} bytes). Replay it with: {replay}")


@group.command("import")
def import_journal(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A journal, as it was exported.")],
    *,
    as_json: Json = False,
) -> None:
    """Keep a journal of another installation, to be read and replayed only.

    Importing the same file again changes nothing. A damaged file, or one of a newer version, is refused with exit 2.
    """
    content = read_file(file)
    recording = journal_file.read(content)
    with begin(as_json=as_json) as session:
        kept = session.client.send(JOURNALS, ImportedJournalView, content)
        if as_json:
            session.out.value(kept)
        known = "" if kept.new else " (it was here already)"
        title = recording.body.change_request.title
        session.out.line(f"{kept.id}: {title}{known}. Replay it with: changeline replay {kept.id}")


@group.command("list")
def list_journals(*, as_json: Json = False) -> None:
    """List imported journals, newest first."""
    with begin(as_json=as_json) as session:
        found = session.client.get(JOURNALS, ImportedJournalList)
        if as_json:
            session.out.value(found)
        rows = [(one.id, one.cr_id, one.title, one.imported_by) for one in found.items]
        headings = ("id", "change request", "title", "imported by")
        session.out.table(headings, rows, empty="No journal was imported.")
