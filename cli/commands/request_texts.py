"""`request`, `edit`, `adopt`: the text of a request, and deciding which text is worked on."""

import sys
from typing import Annotated, Any

import typer

from cli.change_requests import identify, path_of
from cli.options import ChangeRequest, Instructions, Json
from cli.output import Output, one_line, plain_json, printable
from cli.request_input import request_text
from cli.session import begin
from controller.interventions.schemas import Receipt
from controller.views.schemas import RequestTexts, RequestTextView
from pipeline.errors import CallerError
from pipeline.interventions.intervention import Action

app = typer.Typer()

_ORIGINS = {"submitted": "submitted", "edited": "edited", "source": "changed at its source"}
_STATES = {
    "taken": "", "proposed": "waits for a decision", "declined": "not taken", "late": "came after the end",
}  # fmt: skip


@app.command()
def request(
    cr: ChangeRequest,
    *,
    revision: Annotated[
        int | None, typer.Option(metavar="N", help="Show this text. [default: the one that is worked on]")
    ] = None,
    changes: Annotated[bool, typer.Option("--changes", help="Show what each text changed instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show the text of a request, and every text it has had.

    A person may edit what screening stopped, and the source may change its text while the work is under way; all texts
    are kept.
    """
    with begin(as_json=as_json) as session:
        found = session.client.get(f"{path_of(identify(session.client, cr))}/request", RequestTexts)
        if as_json:
            session.out.value(found)
            return
        if changes:
            _print_changes(session.out, found)
            return
        wanted = revision or found.in_use
        shown = next((one for one in found.items if one.revision == wanted), None)
        if shown is None:
            raise CallerError(
                f"There is no revision {wanted}.", field="--revision", remedy=f"There are {len(found.items)}."
            )
        for one in found.items:
            session.out.note(_line(one, found))
        session.out.line(one_line(shown.title), "bold")
        session.out.line(printable(shown.body))


@app.command()
def edit(
    cr: ChangeRequest,
    *,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="The whole text as it should be; - reads stdin.")
    ] = None,
    body: Annotated[str | None, typer.Option(help="The text, instead of a file.")] = None,
    title: Annotated[str | None, typer.Option(help="One line. [default: the present title]")] = None,
    revision: Annotated[
        int | None, typer.Option(metavar="N", help="Edit only if the text is still at this revision.")
    ] = None,
    instructions: Instructions = "",
    as_json: Json = False,
) -> None:
    """Change the text of a request that screening stopped.

    The edited text is a new revision and is screened from the beginning; the original stays visible. `changeline request`
    prints the present text.
    """
    title, text = request_text(file, title, body)
    edited = {"body": text, **{name: value for name, value in (("title", title), ("revision", revision)) if value}}
    _say(cr, Action.EDIT, as_json=as_json, request=edited, instructions=instructions)


@app.command()
def adopt(cr: ChangeRequest, *, instructions: Instructions = "", as_json: Json = False) -> None:
    """Begin again with the text that the source of a request has now.

    It is a new attempt on a branch of its own; the work on the old text is kept. `resume` continues with the old text,
    `cancel` ends the change request.
    """
    _say(cr, Action.ADOPT, as_json=as_json, instructions=instructions)


def _say(cr: str, action: Action, *, as_json: bool, **said: Any) -> None:
    with begin(as_json=as_json) as session:
        cr_id = identify(session.client, cr)
        body = {"action": action.value, **{name: value for name, value in said.items() if value}}
        receipt = session.client.post(f"{path_of(cr_id)}/interventions", Receipt, body)
        if as_json:
            session.out.value({"change_request": cr_id, **plain_json(receipt)})
        session.out.line(f"{receipt.message}  ({receipt.id}, {receipt.status})")
        session.out.line(f"Follow it: changeline watch {cr_id}")


def _line(one: RequestTextView, found: RequestTexts) -> str:
    use = "worked on" if one.revision == found.in_use else _STATES.get(one.state, one.state)
    origin = _ORIGINS.get(one.origin, one.origin)
    return f"revision {one.revision}: {origin}, by {one.changed_by}{f' ({use})' if use else ''}"


def _print_changes(out: Output, found: RequestTexts) -> None:
    for one in found.items:
        out.note(_line(one, found))
        if one.diff and sys.stdout.isatty():
            for line in one.diff.splitlines():
                style = "green" if line.startswith("+") else "red" if line.startswith("-") else None
                out.line(printable(line), style)
        elif one.diff:
            sys.stdout.write(one.diff)
